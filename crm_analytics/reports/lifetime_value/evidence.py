"""The forecast held against what came; where there is no holdout, what it says beside the naive rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.placement import names, noted, placed, translated
from crm_analytics.reports.lifetime_value.report import UNIT, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

GROUPED = ("frequency", "tenth", "silence", "cohort")  # tables of a calibration, that of the figure first
MANY = 7  # repeat purchases from which on customers are shown together


@section(small=small_form.weekdays)
def did_the_last_forecast_hold(report: ValueReport | UnpricedReport) -> Block:
    """Repeat purchases week by week: what the model expected before it could know, and what came."""
    t = report.t
    if report.evidence is None:
        return noted(report, "held", "held.no", "held.no_why")
    tested, seasonal = report.evidence.model, report.evidence.seasonal
    months, shown = _four_weeks(tested.tracking), ["expected", "actual"]
    if seasonal.season.known:
        months["with_season"] = _four_weeks(seasonal.table, seasonal="seasonal")["seasonal"]
        shown.insert(1, "with_season")
    said = {"expected": "held.expected", "actual": "held.came", "with_season": "held.with_season"}
    block = blocks.chart(
        figures.lines(
            months,
            "day",
            shown,
            names={name: t(said[name]) for name in shown},
            context=["actual"],
            mark=pd.Timestamp(report.evidence.base.day),
            mark_label=t("held.mark"),
            fmt="count",
        ),
        finding=_held_in_short(report, tested),
        data=months,
        caption=f"{t('held.caption')} {held_or_not(report)}",
        formats={"day": "date:short"} | dict.fromkeys([str(c) for c in months if c != "day"], "count"),
        names=names(report, *map(str, months.columns)),
    )
    return placed(report, block, "held")


def held_or_not(report: ValueReport | UnpricedReport) -> str:
    """What the purchase model alone said a holdout ago, and what came."""
    t, tested = report.t, report.evidence
    if tested is None:
        return t("lede.no_holdout")
    total, came = tested.model.total, tested.model.actual
    message = "held" if tested.model.covered else "missed" if came else "nobody_came"
    slots = {"forecast": total.mean, "interval": interval(t, total.lower, total.upper, "count"), "came": came}
    return t.of(f"lede.{message}", slots)


def _four_weeks(tracking: pd.DataFrame, **more: str) -> pd.DataFrame:
    """Whole four weeks of the weekly tracking, counted back from its end."""
    whole = tracking.iloc[len(tracking) % 4 :]
    groups = whole.groupby((whole["period"] - whole["period"].iloc[0]) // 4, sort=True)
    return groups.agg(
        day=("day", "last"),
        actual=("actual", "sum"),
        expected=("expected", "sum"),
        cumulative_actual=("cumulative_actual", "last"),
        cumulative_expected=("cumulative_expected", "last"),
        **{name: (column, "sum") for name, column in more.items()},
    ).reset_index(drop=True)


def _held_in_short(report: ValueReport | UnpricedReport, tested: btyd.Evidence) -> str:
    if not tested.actual:
        return report.t("held.finding_none")
    error = tested.total.mean / tested.actual - 1
    message = "held.finding_held" if tested.covered else "held.finding_missed"
    return report.t(message, share=abs(error), way="low" if error < 0 else "high")


@section(small=small_form.when_models_begin)
def by_purchases_before(report: ValueReport | UnpricedReport) -> Block:
    """Where the last forecast was right and where not, by how often customers had bought before."""
    t = report.t
    if report.evidence is None:
        if isinstance(report, ValueReport):
            return _purchases_to_come(report)
        return noted(report, "bands", "held.no", "held.no_why")
    found, bands = report.evidence.calibration, report.evidence.model.bands
    gaps = (bands["actual_total"] - bands["expected_total"]).abs()
    worst = bands.iloc[int(gaps.to_numpy().argmax())]
    gap = float(worst["actual_total"] - worst["expected_total"])
    frame = _by_group(report, found)
    said = [t("bands.caption")]
    if not words.is_unknown(found.ranking.gini):
        said.append(t("bands.ranking", share=found.ranking.curve["purchases"].iloc[0]))
    block = blocks.chart(
        figures.columns(
            bands,
            x="band",
            ys=["actual", "expected"],
            names={"actual": t("bands.came"), "expected": t("bands.expected")},
            x_title=t("bands.x"),
            fmt="number:1",
        ),
        finding=t("bands.finding", band=worst["band"], n=abs(gap), way="more" if gap > 0 else "fewer"),
        data=frame,
        caption=" ".join(said),
        formats=dict.fromkeys(("actual", "expected"), "number:2")
        | dict.fromkeys(("actual_total", "expected_total", "expected_lower", "expected_upper"), "count"),
        names=names(report, *map(str, frame.columns)),
    )
    return placed(report, block, "bands")


def _by_group(report: ValueReport | UnpricedReport, found: btyd.Calibration) -> pd.DataFrame:
    """All tables of the calibration in one, that of the figure first."""
    parts = []
    for key in GROUPED:
        table = found.tables[key]
        parts.append(
            pd.DataFrame(
                {
                    "by": report.t(f"by.{key}"),
                    "group": [_group(report, name) for name in table["group"]],
                    "customers": table["customers"],
                    "actual": table["actual"] / table["customers"],
                    "expected": table["predicted"] / table["customers"],
                    "actual_total": table["actual"],
                    "expected_total": table["predicted"],
                    "expected_lower": table["lower"],
                    "expected_upper": table["upper"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _group(report: ValueReport | UnpricedReport, name: object) -> str:
    """A group in the language of the page; those of silence are spans of weeks."""
    span, _, unit = str(name).partition(" ")
    return report.t("by.weeks", span=span) if unit == "weeks" else str(name)


def _purchases_to_come(report: ValueReport) -> Block:
    """Without a holdout: what the forecast says, by how often customers have bought."""
    t, scored = report.t, report.forecast.scored
    capped = (scored.frequency >= MANY).ifelse(MANY, scored.frequency)
    grouped = scored.group_by(repeats=capped).aggregate(
        customers=scored.count(), purchases_to_come=scored.expected_purchases.sum()
    )
    frame = report.base.collect(grouped.order_by("repeats"))
    frame["repeats"] = [f"{n}+" if n == MANY else str(n) for n in frame["repeats"]]
    best = frame.nlargest(1, "purchases_to_come").iloc[0]
    block = blocks.chart(
        figures.columns(
            frame, x="repeats", ys=["purchases_to_come"], x_title=t("bands.x_so_far"), fmt="count"
        ),
        finding=t("bands.to_come", n=best["customers"], band=best["repeats"]),
        data=frame,
        caption=t("bands.to_come_caption", span=report.span),
        formats={"purchases_to_come": "count"},
        names=names(report, *map(str, frame.columns)),
    )
    return placed(report, block, "bands")


def _rules_without_holdout(report: ValueReport | UnpricedReport) -> Block:
    """Without a holdout: the forecast beside the naive rules, with nothing to tell which is right."""
    t, found = report.t, report.forecast.purchases
    naive = btyd.baselines(report.base, report.weeks, UNIT, summary=report.forecast.summary)
    rows: list[tuple[Any, ...]] = [("BG/NBD", found.mean, found.lower, found.upper)]
    rows += [
        (translated(t, "rule", row["baseline"]), row["forecast"], None, None)
        for row in naive.to_dict("records")
    ]
    frame = pd.DataFrame(rows, columns=["method", "forecast", "lower", "upper"])
    bounds = interval(t, naive["forecast"].min(), naive["forecast"].max(), "count")
    block = blocks.chart(
        figures.intervals(frame, "method", "forecast", "lower", "upper", fmt="count"),
        finding=t("models.none", interval=bounds),
        data=frame,
        caption=t("models.none_caption", span=report.span),
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count"),
        names=names(report, *map(str, frame.columns)),
    )
    return placed(report, block, "models")


@section(small=small_form.comes_with_models)
def against_simple_rules(report: ValueReport | UnpricedReport) -> Block:
    """All models and the naive rules on the same holdout; who is chosen by what came."""
    if report.evidence is None:
        return _rules_without_holdout(report)
    t, compared = report.t, report.evidence.comparison
    frame = _side_by_side(report, compared)
    shown = frame if isinstance(report, ValueReport) else frame.drop(columns="value")
    block = blocks.chart(
        figures.intervals(
            frame,
            "method",
            "forecast",
            "lower",
            "upper",
            reference=float(compared.actual),
            reference_label=t("models.came"),
            highlight=[compared.winner],
            fmt="count",
        ),
        finding=_chosen_in_short(report, compared),
        data=shown,
        caption=" ".join(
            [t("models.caption"), t("models.kept", model=report.forecast.model.LABEL)]
            if compared.winner != report.forecast.model.LABEL
            else [t("models.caption")]
        ),
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count")
        | dict.fromkeys(("log_score", "crps", "error_a_customer"), "number:3")
        | dict.fromkeys(("log_likelihood", "aic", "bic"), "number:1")
        | {"error": "percent:0", "vuong_z": "number:1"}
        | ({"value": report.currency} if "value" in shown else {}),
        names=names(report, *map(str, shown.columns)),
    )
    return placed(report, block, "models")


def _side_by_side(report: ValueReport | UnpricedReport, compared: btyd.Comparison) -> pd.DataFrame:
    inside = compared.in_sample.set_index("model")[["log_likelihood", "aic", "bic", "vuong_z"]]
    # Vuong's test is one of optima: it says nothing of a fit that ran to a limit
    converged = compared.in_sample.set_index("model")["converged"].astype(bool)
    inside["vuong_z"] = inside["vuong_z"].where(converged & converged[compared.best_in_sample])
    frame = compared.holdout.join(inside, on="model")
    frame["value"] = frame["model"].map(report.details.by_model.set_index("model")["value"])
    scores = ["model", "forecast", "lower", "upper", "error", "mean_absolute_error", "crps", "log_score"]
    frame = frame[[*scores, *inside.columns, "value"]]
    frame = frame.rename(columns={"model": "method", "mean_absolute_error": "error_a_customer"})
    frame["method"] = [translated(report.t, "rule", name) for name in frame["method"]]
    return frame


def _chosen_in_short(report: ValueReport | UnpricedReport, compared: btyd.Comparison) -> str:
    chosen = report.details.chosen
    if chosen is None:
        return report.t("models.finding", model=compared.winner)
    return report.t("models.finding_value", model=compared.winner, value=chosen.mean)
