"""The lifecycle report's outlook: sizes to come, what a customer in each state is worth, when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.lifecycle.chain_fit import FittedChain
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.analyses.lifecycle import Forecast
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifecycle.report import LifecycleReport

NO_CHAIN = "There is no chain of buying again for this base"


@section(
    part="forecast",
    needs="There is no forecast of stage sizes",
    small="A forecast of stage sizes says too little here",
)
def how_sizes_will_be(report: LifecycleReport, ahead: Forecast) -> Block:
    """Stage sizes at the end of the forecast, as change from today."""
    last = ahead.sizes[ahead.sizes["period"] == ahead.sizes["period"].max()].reset_index(drop=True)
    shown = last.assign(
        change=last["customers"] - last["now"],
        change_low=last["lower"] - last["now"],
        change_high=last["upper"] - last["now"],
    )
    clear = shown[(shown["change_low"] > 0) | (shown["change_high"] < 0)]
    if len(clear):
        row = clear.iloc[int(clear["change"].abs().to_numpy().argmax())]
        way = "grow" if row["change"] > 0 else "shrink"
        finding = f"""{row["stage"]} will {way} to {words.count(row["customers"])} by
            {words.date(row["day"])} ({words.interval(row["lower"], row["upper"], "count")})"""
    else:
        finding = f"No stage is sure to grow or to shrink by {words.date(last['day'].iloc[0])}"
    return blocks.chart(
        figures.intervals(
            shown, "stage", "change", "change_low", "change_high", 0.0, reference_label="today", fmt="count"
        ),
        finding=finding,
        data=ahead.sizes[["stage", "period", "day", "now", "customers", "lower", "upper"]],
        caption=f"Change from today with 95 % intervals. As customers of each stage and time in it moved "
        f"in the last {ahead.learned_from} periods of {ahead.every // 7} weeks, with "
        f"{words.count(ahead.newcomers)} newcomers a period as in the last three. A "
        "season that those periods average away is not in it.",
        formats=dict.fromkeys(("now", "customers", "lower", "upper"), "count") | {"day": "date:short"},
    )


@section(small="No earlier forecast can be checked yet")
def did_the_last_forecast_hold(report: LifecycleReport) -> Block:
    """The forecast that would have been made so long ago, against what came."""
    ahead = report.forecast
    if ahead is None or ahead.check is None or ahead.errors is None:
        return blocks.note("No earlier forecast can be checked yet", "The history is too short for one.")
    ours, naive = ahead.errors
    weeks = ahead.every // 7 * int(ahead.sizes["period"].max())
    check = ahead.check
    inside = int(check["inside"].sum())
    said = "better than" if ours < naive else "no better than"
    return blocks.chart(
        figures.columns(
            check,
            "stage",
            ["actual", "expected"],
            {"expected": f"predicted {weeks} weeks before"},
            fmt="count",
        ),
        finding=f"{weeks} weeks ago it would have put {words.count(ours)} customers in the wrong stage, "
        f"{said} “as it was” ({words.count(naive)})",
        data=check,
        caption=f"{inside} of {words.plural(len(check), 'stage')} lie inside their 95 % interval. Fitted "
        "with what was known then, by today's rules.",
        formats=dict.fromkeys(("expected", "lower", "upper", "actual", "unchanged"), "count"),
    )


@section(
    part="chain", needs=NO_CHAIN, small="What a customer is worth by the last purchase says too little here"
)
def what_a_state_is_worth(report: LifecycleReport, chain: FittedChain) -> Block:
    """Value to come by time since the last purchase."""
    weeks = chain.period_days // 7
    table = chain.states.assign(weeks_silent=(chain.states["recency"] - 1) * weeks)
    first, last = table.iloc[0], table.iloc[-1]
    half = table[table["ahead"] <= first["ahead"] / 2]
    if chain.stop_worth_it is not None:
        finding = f"""A customer who just bought is worth {report.money(chain.ahead_by_best_rule)} to come, if
            contact ends after {words.count(weeks * (chain.stop_worth_it - 1))} weeks of silence"""
    else:
        finding = f"A customer who just bought is worth {report.money(first['ahead'])} to come"
        finding += (
            f"; {words.count(half['weeks_silent'].iloc[0])} weeks of silence halve it"
            if len(half) and first["ahead"] > 0
            else f", one silent for {words.count(last['weeks_silent'])} weeks {report.money(last['ahead'])}"
        )
    columns = [
        "weeks_silent",
        "customers",
        "at_risk",
        "bought",
        "p",
        "lower",
        "upper",
        "ahead",
        "ahead_lower",
    ]
    columns += ["ahead_upper", "expected_periods", "expected_purchases"]
    counts = dict.fromkeys(("weeks_silent", "customers", "at_risk", "bought"), "count")
    return blocks.chart(
        figures.lines(
            table, "weeks_silent", ["ahead"], ("ahead_lower", "ahead_upper"),
            names={"ahead": "value to come"},
            x_title="weeks since the last purchase", fmt=report.currency,
        ),
        finding=finding,
        data=table[columns].rename(columns={"p": "buys_next", "lower": "p_lower", "upper": "p_upper"}),
        caption=f"Margin less contact, discounted at {words.percent(report.rate, 0)} a year, until "
        f"{words.count(len(table) * weeks)} weeks without a purchase end the relationship; below zero, "
        "contact costs more than it will bring. Band: 95 %.",
        formats=counts
        | dict.fromkeys(("buys_next", "p_lower", "p_upper"), "percent")
        | dict.fromkeys(("ahead", "ahead_lower", "ahead_upper"), report.currency)
        | dict.fromkeys(("expected_periods", "expected_purchases"), "number:2"),
    )  # fmt: skip


@section(part="chain", needs=NO_CHAIN, small="When contact stops to pay cannot be told yet")
def when_to_stop(report: LifecycleReport, chain: FittedChain) -> Block:
    """What each rule of giving up is worth."""
    weeks = chain.period_days // 7
    rules = chain.rules.assign(stop_after_weeks=(chain.rules["stop_at"] - 1) * weeks)
    best = rules[rules["best"]].iloc[0]
    all_along = rules.iloc[-1]
    gain = best["value"] - all_along["value"]
    more = f"; the best rule is worth {report.money(gain)} more than the last" if gain >= 0.005 else ""
    cost = report.money(chain.chain.mailing_cost)
    pooled = chain.recency_is_enough or chain.stops is None
    if not pooled:
        once, later = (words.count(weeks * (state - 1)) for state in chain.stops or (1, 1))
        more += f""". One-time and repeat buyers differ: taken apart, contact ends after {once} weeks for the
            former and {later} for the latter"""
    finding = (
        f"At {cost} a contact, staying in touch pays as long as the data reach"
        if chain.stop_worth_it is None
        else f"At {cost} a contact, stop after {once} weeks with one-time buyers, {later} with others"
        if not pooled
        else f"At {cost} a contact, stop after {words.count(best['stop_after_weeks'])} weeks of silence"
    )
    return blocks.chart(
        figures.lines(
            rules, "stop_after_weeks", ["value"], names={"value": "value"},
            mark=best["stop_after_weeks"] if chain.stop_worth_it else None,
            mark_label="best", x_title="contact ends after weeks of silence", fmt=report.currency,
        ),
        finding=finding,
        data=rules[["stop_after_weeks", "value", "best"]],
        caption="Value of a customer who has just bought, that purchase included, by the week at which "
        f"contact ends{more}. It takes a customer no longer contacted for lost, which only a group left "
        "out by lot can show.",
        formats={"stop_after_weeks": "count", "value": report.currency},
    )  # fmt: skip


@section(part="chain", needs=NO_CHAIN, small="First-time and repeat buyers are too few to compare")
def is_the_last_purchase_enough(report: LifecycleReport, chain: FittedChain) -> Block:
    """Chance of buying in the next period after the first and after a later purchase."""
    weeks = chain.period_days // 7
    table = chain.by_history.assign(weeks_silent=(chain.by_history["recency"] - 1) * weeks)
    thick = (table["first_at_risk"] >= 30) & (table["repeat_at_risk"] >= 30)
    shown = table[thick]
    if shown.empty:
        return blocks.note("Too few repeat buyers to compare with first-time buyers", "")
    row = shown.iloc[0]
    finding = f"""{words.percent(row["repeat_p"], 0)} of repeat buyers buy again within {weeks} weeks,
        {words.percent(row["first_p"], 0)} of first-time buyers"""
    test = (
        "A chain that knows only the last purchase is not contradicted"
        if chain.recency_is_enough
        else "The last purchase alone is not enough: values above are averages over unlike customers"
    )
    return blocks.chart(
        figures.lines(
            shown, "weeks_silent", ["repeat_p", "first_p"], context=["first_p"],
            names={"repeat_p": "repeat buyers", "first_p": "first-time buyers"},
            x_title="weeks since the last purchase", fmt="percent:0",
        ),
        finding=finding,
        data=shown[["weeks_silent", "first_p", "first_at_risk", "repeat_p", "repeat_at_risk"]],
        caption=f"{test} (chi-square {words.number(chain.chi_square, 0)}, {chain.degrees} degrees of "
        "freedom)."
        + _checked(report),
        formats={"first_p": "percent", "repeat_p": "percent"}
        | dict.fromkeys(("weeks_silent", "first_at_risk", "repeat_at_risk"), "count"),
    )  # fmt: skip


def _checked(report: LifecycleReport) -> str:
    check = report.check
    if check is None:
        return ""
    return f""" Fitted on {words.date(check.then)}, it predicted {words.count(check.expected)} purchases of
        {words.count(check.customers)} customers by now; {words.count(check.actual)} came. For the value
        of single customers take the report Lifetime value, which knows how often each bought."""
