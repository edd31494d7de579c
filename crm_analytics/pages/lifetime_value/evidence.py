"""The forecast held against what came; where there is no holdout, what it says beside the naive rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.pages import blocks, figures, small_form, words
from crm_analytics.pages.lifetime_value.report import UNIT, ValueReport
from crm_analytics.pages.small_form import or_small

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

MANY = 7  # repeat purchases from which on customers are shown together
NO_HOLDOUT = "The data do not reach back far enough: no forecast can be held against what came"


@or_small(small_form.weekdays)
def did_the_last_forecast_hold(report: ValueReport) -> Block:
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


@or_small(small_form.when_models_begin)
def by_purchases_before(report: ValueReport) -> Block:
    """Where the last forecast was right and where not, by how often customers had bought before."""
    if report.evidence is None:
        return _purchases_to_come(report)
    found = report.evidence.calibration
    interval = found.by_frequency.set_index("group")[["lower", "upper"]].add_prefix("expected_")
    bands = report.evidence.model.bands.join(interval, on="band")
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
        finding=f"Customers with {worst['band']} repeat {noun} before bought {words.count(abs(gap))} times "
        f"{'more' if gap > 0 else 'less'} than expected",
        data=bands,
        caption="Purchases a customer in the holdout, by repeat purchases before it; totals with the 95 % "
        f"interval of what was expected. {_sorted_in_short(found.ranking)}",
        formats=dict.fromkeys(("actual", "expected"), "number:2")
        | dict.fromkeys(("actual_total", "expected_total", "expected_lower", "expected_upper"), "count"),
    )


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


def _rules_without_holdout(report: ValueReport) -> Block:
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


@or_small(lambda r: blocks.note("There is no forecast yet", f"{r.reason}.").under("Why"))
def against_simple_rules(report: ValueReport) -> Block:
    """All models and the naive rules on the same holdout; who is chosen by what came."""
    if report.evidence is None:
        return _rules_without_holdout(report)
    compared = report.evidence.comparison
    inside = compared.in_sample.set_index("model")["log_likelihood"]
    frame = compared.holdout.assign(log_likelihood=compared.holdout["model"].map(inside))
    value = report.details.by_model.set_index("model")["value"]
    frame["value_to_come"] = frame["model"].map(value)
    shown = ["model", "forecast", "lower", "upper", "error", "mean_absolute_error", "crps", "log_score"]
    frame = frame[[*shown, "log_likelihood", "value_to_come"]].rename(
        columns={"model": "method", "mean_absolute_error": "error_a_customer"}
    )
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
        finding=_chosen_in_short(compared),
        data=frame,
        caption=_how_chosen(report, compared),
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count")
        | dict.fromkeys(("log_score", "crps", "error_a_customer"), "number:3")
        | {"log_likelihood": "number:1", "error": "percent:0"}
        | {"value_to_come": f"money:{report.base.currency}"},
    )


def _how_chosen(report: ValueReport, compared: btyd.Comparison) -> str:
    values = report.details.by_model["value"]
    range_ = (
        words.interval(values.min(), values.max(), f"money:{report.base.currency}") if len(values) else ""
    )
    by_model = f" By model the value to come would be {range_}." if len(values) > 1 else ""
    return (
        "The same holdout, forecast from the same day; rules have no interval. Chosen (orange): the model "
        "whose interval holds what came, and of several the one that foresaw each customer's count best (log "
        "score: higher is better; CRPS and error a customer: lower). Log-likelihood: how well the past fits. "
        f"{' '.join(compared.words[1:])}{by_model}"
    )


def _chosen_in_short(compared: btyd.Comparison) -> str:
    if compared.disagree:
        return f"{compared.best_in_sample} fits the past best, {compared.winner} foresaw what came"
    return f"{compared.winner} fits the past best and foresaw best what came"
