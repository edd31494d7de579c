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
    tested = report.evidence.model
    months = _four_weeks(tested.tracking)
    return blocks.chart(
        figures.lines(
            months,
            "day",
            ["expected", "actual"],
            names={"expected": "expected", "actual": "came"},
            context=["actual"],
            mark=pd.Timestamp(report.evidence.base.day),
            mark_label="fitted up to here",
            fmt="count",
        ),
        finding=_held_in_short(tested),
        data=months,
        caption="Repeat purchases in four weeks: dashed what came, blue what the model expected, knowing "
        "nothing of the time after the mark.",
        formats={"day": "date:short"}
        | dict.fromkeys(("actual", "expected", "cumulative_actual", "cumulative_expected"), "count"),
    )


def _four_weeks(tracking: pd.DataFrame) -> pd.DataFrame:
    """Whole four weeks of the weekly tracking, counted back from its end."""
    whole = tracking.iloc[len(tracking) % 4 :]
    groups = whole.groupby((whole["period"] - whole["period"].iloc[0]) // 4, sort=True)
    return groups.agg(
        day=("day", "last"),
        actual=("actual", "sum"),
        expected=("expected", "sum"),
        cumulative_actual=("cumulative_actual", "last"),
        cumulative_expected=("cumulative_expected", "last"),
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
        finding=f"Customers with {worst['band']} repeat {noun} before bought {words.count(abs(gap))} times "
        f"{'more' if gap > 0 else 'less'} than expected",
        data=bands,
        caption="Purchases a customer in the holdout, by repeat purchases before it.",
        formats={
            "actual": "number:2",
            "expected": "number:2",
            "actual_total": "count",
            "expected_total": "count",
        },
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
    """The models and the naive rules on the same holdout."""
    if report.evidence is None:
        return _rules_without_holdout(report)
    bg, mbg = report.evidence.model, report.evidence.status
    naive = bg.baselines[~bg.baselines["baseline"].str.contains("BG/NBD")]
    rows = [
        ("BG/NBD", bg.total.mean, bg.total.lower, bg.total.upper, bg.model.log_likelihood),
        ("MBG/NBD", mbg.total.mean, mbg.total.lower, mbg.total.upper, mbg.model.log_likelihood),
        *((row["baseline"], row["forecast"], None, None, None) for row in naive.to_dict("records")),
    ]
    frame = pd.DataFrame(rows, columns=["method", "forecast", "lower", "upper", "log_likelihood"])
    frame["error"] = frame["forecast"] / bg.actual - 1 if bg.actual else None
    best = frame["method"].iloc[int((frame["forecast"] - bg.actual).abs().to_numpy().argmin())]
    came = words.plural(bg.actual, "purchase")
    return blocks.chart(
        figures.intervals(
            frame,
            "method",
            "forecast",
            "lower",
            "upper",
            reference=float(bg.actual),
            reference_label="came",
            fmt="count",
        ),
        finding=f"{best[:1].upper() + best[1:]} came closest to the {came} that followed",
        data=frame,
        caption="Forecasts of the same holdout from the same day. Naive rules have no interval.",
        formats=dict.fromkeys(("forecast", "lower", "upper"), "count")
        | {"log_likelihood": "number:1", "error": "percent:0"},
    )
