"""The lifecycle report's outlook: sizes to come, what a customer in each state is worth, when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.pages import blocks, figures
from crm_analytics.reports.lifecycle.first_screen import FEW
from crm_analytics.reports.lifecycle.report import LifecycleReport
from crm_analytics.reports.lifecycle.sections import PERCENT, names, placed, without
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.lifecycle import Forecast
    from crm_analytics.analyses.lifecycle.chain_fit import FittedChain
    from crm_analytics.pages.blocks import Block


@section(part="forecast", needs=without("ahead"), small=small_form.comes_with_models)
def how_sizes_will_be(report: LifecycleReport, ahead: Forecast) -> Block:
    """Stage sizes at the end of the forecast, as change from today."""
    t = report.t
    last = ahead.sizes[ahead.sizes["period"] == ahead.sizes["period"].max()].reset_index(drop=True)
    shown = last.assign(
        change=last["customers"] - last["now"],
        change_low=last["lower"] - last["now"],
        change_high=last["upper"] - last["now"],
    )
    failed = ahead.errors is None or ahead.errors[0] >= ahead.errors[1]
    clear = shown[(shown["change_low"] > 0) | (shown["change_high"] < 0)]
    finding = t("ahead.finding_none", day=last["day"].iloc[0])
    if failed:
        finding = t("ahead.finding_failed")
    elif len(clear):
        row = clear.iloc[int(clear["change"].abs().to_numpy().argmax())]
        finding = t(
            "ahead.finding", stage=report.name(row["stage"]), way="up" if row["change"] > 0 else "down",
            now=row["now"], n=row["customers"], interval=interval(t, row["lower"], row["upper"], "count"),
            day=row["day"],
        )  # fmt: skip
    columns = ["stage", "period", "day", "now", "customers", "lower", "upper"]
    return placed(
        blocks.chart(
            figures.intervals(
                report.named(shown, "stage"), "stage", "change", "change_low", "change_high", 0.0,
                reference_label=t("ahead.today"), fmt="count",
            ),
            finding=finding,
            data=report.named(ahead.sizes[columns], "stage"),
            caption=t("ahead.caption", periods=ahead.learned_from, weeks=ahead.every // 7, n=ahead.newcomers),
            formats=dict.fromkeys(("now", "lower", "upper", "customers"), "count") | {"day": "date:short"},
            names=names(report, *columns) | {"customers": t("column.expected")},
        ),
        report,
        "ahead",
    )  # fmt: skip


@section(small=small_form.comes_with_models)
def did_the_last_forecast_hold(report: LifecycleReport) -> Block:
    """The forecast that would have been made so long ago, against what came."""
    t, ahead = report.t, report.forecast
    if ahead is None or ahead.check is None or ahead.errors is None:
        return without("held")(report)
    ours, naive = ahead.errors
    weeks, check = ahead.every // 7 * int(ahead.sizes["period"].max()), ahead.check
    columns = list(check.columns)
    return placed(
        blocks.chart(
            figures.columns(
                report.named(check, "stage"),
                "stage",
                ["actual", "expected"],
                {"expected": t("held.expected", weeks=weeks), "actual": t("column.actual")},
                fmt="count",
            ),
            finding=t("held.finding" if ours < naive else "held.finding_no", ours=ours, naive=naive),
            data=report.named(check, "stage").assign(
                inside=[t("yes" if inside else "no") for inside in check["inside"]]
            ),
            caption=t("held.caption", inside=int(check["inside"].sum()), of=len(check), weeks=weeks),
            formats=dict.fromkeys(("expected", "lower", "upper", "actual", "unchanged"), "count"),
            names=names(report, *columns),
        ),
        report,
        "held",
    )


@section(part="chain", needs=without("state"), small=small_form.comes_with_models)
def what_a_state_is_worth(report: LifecycleReport, chain: FittedChain) -> Block:
    """Value to come by time since the last purchase."""
    t, weeks = report.t, chain.period_days // 7
    table = chain.states.assign(weeks_silent=(chain.states["recency"] - 1) * weeks)
    first = table.iloc[0]
    bounds = interval(t, first["ahead_lower"], first["ahead_upper"], report.currency)
    shown = table.rename(columns={"p": "buys_next", "lower": "p_lower", "upper": "p_upper"})
    columns = ["weeks_silent", "customers", "at_risk", "bought", "buys_next", "p_lower", "p_upper", "ahead"]
    columns += ["ahead_lower", "ahead_upper", "expected_periods", "expected_purchases"]
    formats = dict.fromkeys(("weeks_silent", "customers", "at_risk", "bought"), "count")
    formats |= dict.fromkeys(("buys_next", "p_lower", "p_upper"), "percent")
    formats |= dict.fromkeys(("ahead", "ahead_lower", "ahead_upper"), report.currency)
    formats |= dict.fromkeys(("expected_periods", "expected_purchases"), "number:2")
    return placed(
        blocks.chart(
            figures.lines(
                table, "weeks_silent", ["ahead"], ("ahead_lower", "ahead_upper"),
                names={"ahead": t("state.name")}, x_title=t("state.x"), fmt=report.currency,
            ),
            finding=t("state.finding", value=first["ahead"], interval=bounds),
            data=shown[columns],
            caption=t("state.caption", rate=report.terms.rate, weeks=len(table) * weeks),
            formats=formats,
            names=names(report, *columns) | {"at_risk": t("column.followed")},
        ),
        report,
        "state",
    )  # fmt: skip


@section(part="chain", needs=without("stop"), small=small_form.comes_with_models)
def when_to_stop(report: LifecycleReport, chain: FittedChain) -> Block:
    """What each rule of giving up is worth."""
    t, weeks = report.t, chain.period_days // 7
    rules = chain.rules.assign(stop_after_weeks=(chain.rules["stop_at"] - 1) * weeks)
    best = rules[rules["best"]].iloc[0]
    slots: dict[str, Any] = {
        "cost": chain.chain.mailing_cost,
        "weeks": best["stop_after_weeks"],
        "last": rules["stop_after_weeks"].iloc[-1],
    }
    message = "stop.finding"
    if chain.stop_worth_it is None:
        message = "stop.finding_never"
    elif not chain.recency_is_enough and chain.stops is not None:
        message = "stop.finding_two"
        slots |= dict(zip(("once", "later"), (weeks * (state - 1) for state in chain.stops), strict=True))
    shown = rules[["stop_after_weeks", "value"]].assign(
        best=[t("yes" if is_best else "no") for is_best in rules["best"]]
    )
    return placed(
        blocks.chart(
            figures.lines(
                rules, "stop_after_weeks", ["value"], names={"value": t("stop.name")},
                mark=best["stop_after_weeks"] if chain.stop_worth_it else None,
                mark_label=t("stop.best"), x_title=t("stop.x"), fmt=report.currency,
            ),
            finding=t.of(message, slots),
            data=shown,
            caption=t("stop.caption"),
            formats={"stop_after_weeks": "count", "value": report.currency},
            names=names(report, "stop_after_weeks", "value", "best"),
        ),
        report,
        "stop",
    )  # fmt: skip


@section(part="chain", needs=without("enough"), small=small_form.comes_with_models)
def is_the_last_purchase_enough(report: LifecycleReport, chain: FittedChain) -> Block:
    """Chance of buying in the next period after the first and after a later purchase."""
    t, weeks = report.t, chain.period_days // 7
    table = chain.by_history.assign(weeks_silent=(chain.by_history["recency"] - 1) * weeks)
    shown = table[(table["first_at_risk"] >= FEW) & (table["repeat_at_risk"] >= FEW)].reset_index(drop=True)
    if shown.empty:
        return without("enough")(report)
    row = shown.iloc[0]
    said = [
        t("enough.is" if chain.recency_is_enough else "enough.is_not", chi=chain.chi_square, df=chain.degrees)
    ]
    if (check := report.check) is not None:
        said.append(
            t(
                "enough.checked",
                day=check.then,
                n=check.customers,
                expected=check.expected,
                actual=check.actual,
            )
        )
    columns = ["weeks_silent", "first_p", "first_at_risk", "repeat_p", "repeat_at_risk"]
    return placed(
        blocks.chart(
            figures.lines(
                shown, "weeks_silent", ["repeat_p", "first_p"], context=["first_p"],
                names={"repeat_p": t("enough.repeat"), "first_p": t("enough.first")},
                x_title=t("state.x"), fmt=PERCENT,
            ),
            finding=t("enough.finding", repeat=row["repeat_p"], first=row["first_p"], weeks=weeks),
            data=shown[columns],
            caption=" ".join(said),
            formats=dict.fromkeys(("first_p", "repeat_p"), "percent")
            | dict.fromkeys(("weeks_silent", "first_at_risk", "repeat_at_risk"), "count"),
            names=names(report, *columns),
        ),
        report,
        "enough",
    )  # fmt: skip
