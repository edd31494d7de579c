"""The forecast held against what came; where there is no holdout, what it says beside the naive rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.report import UNIT, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

GROUPED = {
    "frequency": "repeat purchases before",
    "tenth": "tenth of customers by forecast, lowest first",
    "silence": "time since the last purchase",
    "cohort": "first purchase",
}
MANY = 7  # repeat purchases from which on customers are shown together
NO_HOLDOUT = "The data do not reach back far enough: no forecast can be held against what came"


@section(small=small_form.weekdays)
def did_the_last_forecast_hold(report: ValueReport | UnpricedReport) -> Block:
    """Repeat purchases week by week: what the model expected before it could know, and what came."""
    if report.evidence is None:
        return blocks.note(NO_HOLDOUT, "Choose a shorter holdout, or come back with a longer history.")
    tested, seasonal = report.evidence.model, report.evidence.seasonal
    months = _four_weeks(tested.tracking)
    shown, season = ["expected", "actual"], ""
    if seasonal.season.known:
        months["with_season"] = _four_weeks(seasonal.table, seasonal="seasonal")["seasonal"]
        shown.insert(1, "with_season")
        season = f" {seasonal.words}"
    return blocks.chart(
        figures.lines(
            months,
            "day",
            shown,
            names={"expected": "expected", "actual": "came", "with_season": "with season"},
            context=["actual"],
            mark=pd.Timestamp(report.evidence.base.day),
            mark_label="fitted up to here",
            fmt="count",
        ),
        finding=_held_in_short(tested),
        data=months,
        caption="Repeat purchases in four weeks: dashed what came, blue what the model expected, knowing "
        f"nothing of the time after the mark.{season}",
        formats={"day": "date:short"} | dict.fromkeys([str(c) for c in months if c != "day"], "count"),
    )


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


def _held_in_short(tested: btyd.Evidence) -> str:
    error = tested.total.mean / tested.actual - 1 if tested.actual else 0.0
    if tested.covered:
        return f"The last forecast held: {words.percent(error, 0)} off, inside its interval"
    way = "low" if error < 0 else "high"
    size = words.percent(abs(error), 0)
    return f"The last forecast was {size} too {way}, more than chance and parameters explain"


@section(small=small_form.when_models_begin)
def by_purchases_before(report: ValueReport | UnpricedReport) -> Block:
    """Where the last forecast was right and where not, by how often customers had bought before."""
    if isinstance(report, ValueReport) and report.evidence is None:
        return _purchases_to_come(report)
    if report.evidence is None:
        return blocks.note(NO_HOLDOUT)
    found = report.evidence.calibration
    bands = report.evidence.model.bands
    gaps = (bands["actual_total"] - bands["expected_total"]).abs()
    worst = bands.iloc[int(gaps.to_numpy().argmax())]
    gap = worst["actual_total"] - worst["expected_total"]
    noun = "purchase" if worst["band"] == "1" else "purchases"
    return blocks.chart(
        figures.columns(
            bands,
            x="band",
            ys=["actual", "expected"],
            names={"actual": "came", "expected": "expected"},
            x_title="repeat purchases before",
            fmt="number:1",
        ),
        finding=f"Customers with {worst['band']} repeat {noun} before made "
        f"{words.plural(abs(gap), 'purchase')} {'more' if gap > 0 else 'fewer'} than expected",
        data=_by_group(found),
        caption="Purchases a customer in the holdout, by repeat purchases before it; below also by tenth of "
        "the forecast, by silence and by first purchase. Totals with the 95 % interval of what was expected. "
        f"{_sorted_in_short(found.ranking)}",
        formats=dict.fromkeys(("actual", "expected"), "number:2")
        | dict.fromkeys(("actual_total", "expected_total", "expected_lower", "expected_upper"), "count"),
    )


def _by_group(found: btyd.Calibration) -> pd.DataFrame:
    """All tables of the calibration in one, that of the figure first."""
    parts = []
    for key, name in GROUPED.items():
        table = found.tables[key]
        parts.append(
            pd.DataFrame(
                {
                    "by": name,
                    "group": table["group"],
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


def _sorted_in_short(ranking: btyd.Ranking) -> str:
    """Whether the forecast put the right customers first."""
    if words.is_unknown(ranking.gini):
        return ""
    made = ranking.curve["purchases"].iloc[0]
    return (
        f"The tenth of customers with the highest forecast made {words.percent(made, 0)} of all purchases, "
        f"{words.number(ranking.lift, 1)} times their share "
        f"({words.interval(ranking.lift_lower, ranking.lift_upper, 'number:1')})."
    )


def _purchases_to_come(report: ValueReport) -> Block:
    """Without a holdout: what the forecast says, by how often customers have bought."""
    scored = report.forecast.scored
    capped = (scored.frequency >= MANY).ifelse(MANY, scored.frequency)
    grouped = scored.group_by(repeats=capped).aggregate(
        customers=scored.count(), purchases_to_come=scored.expected_purchases.sum()
    )
    frame = report.base.collect(grouped.order_by("repeats"))
    frame["repeats"] = [f"{n}+" if n == MANY else str(n) for n in frame["repeats"]]
    best = frame.nlargest(1, "purchases_to_come").iloc[0]
    figure = figures.columns(
        frame, x="repeats", ys=["purchases_to_come"], x_title="repeat purchases so far", fmt="count"
    )
    return blocks.chart(
        figure,
        finding=f"{words.count(best['customers'])} customers with {best['repeats']} repeat purchases will "
        "buy most",
        data=frame,
        caption=f"Purchases expected in the next {report.span}, by repeat purchases so far.",
        formats={"purchases_to_come": "count"},
    )


def _rules_without_holdout(report: ValueReport | UnpricedReport) -> Block:
    """Without a holdout: the forecast beside the naive rules, with nothing to tell which is right."""
    found = report.forecast.purchases
    naive = btyd.baselines(report.base, report.weeks, UNIT, summary=report.forecast.summary)
    said = words.listing(naive["forecast"].map(words.count), "or")
    rows: list[tuple[Any, ...]] = [("BG/NBD", found.mean, found.lower, found.upper)]
    rows += [(row["baseline"], row["forecast"], None, None) for row in naive.to_dict("records")]
    frame = pd.DataFrame(rows, columns=["method", "forecast", "lower", "upper"])
    return blocks.chart(
        figures.intervals(frame, "method", "forecast", "lower", "upper", fmt="count"),
        finding=f"Simple rules would forecast {said} purchases",
        data=frame,
        caption=f"Repeat purchases in the next {report.span}. Which is right will be known then.",
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count"),
    )


@section(small=lambda r: blocks.note("There is no forecast yet", f"{r.reason}.").under("Why"))
def against_simple_rules(report: ValueReport | UnpricedReport) -> Block:
    """All models and the naive rules on the same holdout; who is chosen by what came."""
    if report.evidence is None:
        return _rules_without_holdout(report)
    compared = report.evidence.comparison
    inside = compared.in_sample.set_index("model")[["log_likelihood", "aic", "bic", "vuong_z"]]
    # Vuong's test is one of optima: it says nothing of a fit that did not come to rest
    rested = compared.in_sample.set_index("model")["converged"].astype(bool)
    inside["vuong_z"] = inside["vuong_z"].where(rested & rested[compared.best_in_sample])
    frame = compared.holdout.join(inside, on="model")
    frame["value_to_come"] = frame["model"].map(report.details.by_model.set_index("model")["value"])
    shown = ["model", "forecast", "lower", "upper", "error", "mean_absolute_error", "crps", "log_score"]
    frame = frame[[*shown, *inside.columns, "value_to_come"]].rename(
        columns={"model": "method", "mean_absolute_error": "error_a_customer"}
    )
    priced = isinstance(report, ValueReport)
    return blocks.chart(
        figures.intervals(
            frame,
            "method",
            "forecast",
            "lower",
            "upper",
            reference=float(compared.actual),
            reference_label="came",
            highlight=[compared.winner],
            fmt="count",
        ),
        finding=_chosen_in_short(report, compared),
        data=frame if priced else frame.drop(columns="value_to_come"),
        caption=_how_chosen(report, compared),
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count")
        | dict.fromkeys(("log_score", "crps", "error_a_customer"), "number:3")
        | dict.fromkeys(("log_likelihood", "aic", "bic"), "number:1")
        | {"error": "percent:0", "vuong_z": "number:1"}
        | ({"value_to_come": report.currency} if priced else {}),
    )


def _how_chosen(report: ValueReport | UnpricedReport, compared: btyd.Comparison) -> str:
    return (
        "The same holdout, forecast from the same day; rules have no interval. Chosen (orange): the model "
        "whose interval holds what came, and of several the one that foresaw each customer's count best (log "
        "score: higher is better; CRPS and error a customer: lower). Log-likelihood (higher), AIC and BIC "
        "(lower): how well the past fits; Vuong's z: against the best BIC, below −1.96 clearly worse. "
        f"{' '.join(compared.words[1:])}{_value_by_model(report, compared.winner)}"
    )


def _value_by_model(report: ValueReport | UnpricedReport, winner: str) -> str:
    """What other models would make of the value, and why it is not the chosen one's."""
    if not isinstance(report, ValueReport):
        return ""
    values, money = report.details.by_model["value"], report.currency
    said = ""
    if len(values) > 1:
        said = f" By model the value to come would be {words.interval(values.min(), values.max(), money)}."
    if winner == report.forecast.model.LABEL:
        return said
    chosen = report.details.chosen
    by_it = "what it makes of the value is not known"
    if chosen is not None:
        by_it = f"by it, {report.money(chosen.mean)} ({words.interval(chosen.lower, chosen.upper, money)})"
    return (
        f"{said} At the top stands {report.forecast.model.LABEL}, whichever is chosen: one holdout may "
        "choose another model than the next, and a value that changed its model could not be compared with "
        "the last. "
        f"{winner} is chosen here; {by_it}."
    )


def _chosen_in_short(report: ValueReport | UnpricedReport, compared: btyd.Comparison) -> str:
    said, chosen = f"{compared.winner} fits the past best and foresaw best what came", report.details.chosen
    if compared.disagree:
        said = f"{compared.best_in_sample} fits the past best, {compared.winner} foresaw what came"
    if chosen is None:
        return said
    return f"{said}; by it the value would be {report.money(chosen.mean)}"
