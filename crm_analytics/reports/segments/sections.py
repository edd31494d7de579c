"""The segments report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.audiences import EFFECTS, by_effect
from crm_analytics.analyses.definitions import ACTIVE, FROM_GAPS, return_curve
from crm_analytics.analyses.disclosure import withheld
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.segments.report import QUIET, SegmentReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.customer_lists import list_of
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FIRST = 10  # customers named on the page; the whole list stands beside it
POINTS = 24  # of the return curve


def _names(report: SegmentReport, *columns: str) -> dict[str, str]:
    return {column: report.t(f"column.{column}") for column in columns}


@section(small=small_form.every_regular)
def who_brings_the_money(report: SegmentReport) -> Block:
    """Each segment's share of customers and of revenue."""
    t, table = report.t, report.scores.segments
    shown = table[table["customers"] > 0].reset_index(drop=True)
    shown["segment"] = [segment_name(t, name) for name in shown["segment"]]
    if not report.show_customers:  # the money of one customer is not on a page that names none
        shown = withheld(shown, ["revenue", "revenue_share", "order_value", "median_recency_days"])
    best = report.best
    columns = [
        "segment", "customers", "customer_share", "revenue", "revenue_share", "order_value",
        "median_recency_days",
    ]  # fmt: skip
    days = report.plan.given.definitions.at_risk_days
    money = report.currency
    return blocks.chart(
        figures.bars(
            shown, y="segment", x="revenue_share", context="customer_share", fmt="percent:0",
            highlight=[segment_name(t, name) for name in QUIET],
        ),
        finding=t(
            "who.finding", segment=segment_name(t, best["segment"]), people=best["customer_share"],
            share=best["revenue_share"],
        ),
        data=shown[columns],
        caption=t("who.caption", days=days) if days is not None else t("who.caption_plain"),
        formats={"customer_share": "percent", "revenue_share": "percent", "revenue": money,
                 "order_value": money, "median_recency_days": "number:0"},
        names=_names(report, *columns),
    ).under(t("who.label")).anchored("segments")  # fmt: skip


@section(small=small_form.favourites)
def where_the_money_sits(report: SegmentReport) -> Block:
    """Revenue by days since the last purchase and number of orders."""
    t, grid = report.t, rfm.recency_frequency_grid(report.scores)
    grid = grid.assign(
        recency_band=[_band(report, name) for name in grid["recency_band"]],
        order_band=[_band(report, name) for name in grid["order_band"]],
    )
    rows, columns = grid["recency_band"].unique(), grid["order_band"].unique()
    revenue = grid.pivot(index="recency_band", columns="order_band", values="revenue").loc[rows, columns]
    people = grid.pivot(index="recency_band", columns="order_band", values="customers").loc[rows, columns]
    texts = pd.DataFrame(
        [
            [
                f"{words.compact(revenue.loc[r, c], report.base.currency)}\n{words.count(people.loc[r, c])}"
                if people.loc[r, c]
                else ""
                for c in columns
            ]
            for r in rows
        ],
        index=rows,
        columns=columns,
    )
    table = people.add_suffix(" #").join(revenue.add_suffix(" =")).reset_index()
    names = {f"{c} #": t("column.share_customers", orders=c) for c in columns}
    names |= {f"{c} =": t("column.share_revenue", orders=c) for c in columns}
    rhythm = report.scores.rhythm
    caption = t("grid.caption", typical=rhythm.typical) if rhythm else t("grid.caption_plain")
    return (
        blocks.chart(
            figures.heatmap(revenue, text=texts, x_title=t("grid.x"), y_title=t("grid.y")),
            finding=_silent_money(report, grid),
            data=table,
            caption=caption,
            formats={f"{c} =": report.currency for c in columns},
            names=names | {"recency_band": t("column.recency_band")},
        )
        .under(t("grid.label"))
        .anchored("grid")
        .in_appendix()
    )


def _band(report: SegmentReport, name: str) -> str:
    """A band of days or orders in the language of the page: "0–16 days", "over 148 days", "1 order"."""
    span, _, unit = str(name).removeprefix("over ").partition(" ")
    if not unit:
        return span
    beyond = "over" if str(name).startswith("over ") else unit
    return report.t(f"band.{beyond}", span=span)


def _silent_money(report: SegmentReport, grid: pd.DataFrame) -> str:
    """Revenue of customers with several orders who are at risk or lapsed, counted and not read off bands."""
    t, days = report.t, report.plan.given.definitions.at_risk_days
    if days is None:
        best = grid.nlargest(1, "revenue").iloc[0]
        return t("grid.finding_plain", orders=best["order_band"], money=best["revenue"])
    customers = report.scores.customers
    mine = customers.filter(customers.recency_days >= days, customers.order_count > 1)
    row = mine.aggregate(n=mine.count(), money=mine.revenue.sum()).to_pyarrow().to_pylist()[0]
    return t("grid.finding", money=float(row["money"] or 0), n=row["n"], days=days)


@section(small=small_form.comes_with_models)
def from_what_effect_writing_pays(report: SegmentReport) -> Block:
    """What writing to those at risk brings, were a letter to work better or worse than assumed."""
    t, groups = report.t, report.plan.audiences
    planned = next((one for one in report.plan.actions if one.id == "at_risk"), None)
    found, effect = None, report.plan.effect
    if groups is not None and planned is not None and planned.audience is not None:
        found, effect = by_effect(groups, planned.audience), planned.effect or effect
    if found is None:
        note = blocks.note(t("effect.none"), t("effect.none_why"))
        return note.under(t("effect.label")).anchored("effect").in_appendix()
    rows, highest = found.table, max(EFFECTS)
    used = int((rows["effect"] - effect.value).abs().to_numpy().argmin())
    pays = "effect.finding" if found.pays_from <= highest else "effect.never"
    data = rows.assign(interval=blocks.together(rows["lower"], rows["upper"]))
    columns = ["effect", "expected", "interval"]
    return (
        blocks.table(
            data[columns],
            finding=t.of(pays, {"n": found.customers, "share": min(found.pays_from, highest)}),
            caption=t("effect.caption", cost=report.plan.cost.amount, used=effect.value),
            formats={
                "effect": "percent:0",
                "expected": report.currency,
                "interval": f"interval:{report.currency}",
            },
            names=_names(report, *columns),
        )
        .sliding(t("effect.slider"), used)
        .under(t("effect.label"))
        .anchored("effect")
        .in_appendix()
    )


@section(small=small_form.folded(small_form.when_models_begin))
def when_customers_come_back(report: SegmentReport) -> Block:
    """The return curve, which says from when on a customer is at risk, and lapsed."""
    t, found = report.t, report.plan.given.definitions
    try:
        curve = return_curve(report.base)
    except NotEnoughData:
        why = t("back.few_why", need=FROM_GAPS)
        return blocks.note(t("back.few"), why).under(t("back.label")).anchored("back").in_appendix()
    end = max(2, min(curve.followed, 2 * (found.lapsed_days or curve.followed)))
    days = np.unique(np.linspace(1, end, POINTS).astype(int))
    frame = pd.DataFrame({"silence_days": days, "back": curve.back_within(days)})
    caption = "back.caption_far" if found.extrapolated else "back.caption"
    return (
        blocks.chart(
            figures.lines(frame, "silence_days", ["back"], names={"back": t("back.name")}, fmt="percent:0"),
            finding=t("back.finding", days=found.at_risk_days)
            if found.at_risk_days is not None
            else t("back.finding_none"),
            data=frame,
            caption=t.of(caption, {"gaps": curve.gaps, "followed": curve.followed}),
            formats={"back": "percent:0"},
            names=_names(report, "silence_days", "back"),
        )
        .under(t("back.label"))
        .anchored("back")
        .in_appendix()
    )


@section(small=small_form.comes_with_models)
def does_80_20_hold(report: SegmentReport) -> Block:
    """The Lorenz curve: how much the best customers bring."""
    t, spread = report.t, report.spread
    curve = spread.lorenz
    nearest = int((curve["value_share"] - 0.5).abs().to_numpy().argmin())
    half = float(curve["customer_share"].to_numpy()[nearest])
    bounds = interval(t, spread.top_share_lower, spread.top_share_upper, "percent:0")
    return (
        blocks.chart(
            figures.lorenz(curve),
            finding=t("spread.finding", share=spread.top_share, interval=bounds),
            data=_steps(curve),
            caption=t("spread.caption", half=half),
            formats={"top_customers": "percent:0", "revenue": "percent"},
            names=_names(report, "top_customers", "revenue"),
        )
        .under(t("spread.label"))
        .anchored("spread")
        .in_appendix()
    )


def _steps(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve at shares a manager quotes."""
    asked = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
    nearest = [int((curve["customer_share"] - share).abs().to_numpy().argmin()) for share in asked]
    rows = curve.iloc[sorted(set(nearest))]
    return rows.rename(columns={"customer_share": "top_customers", "value_share": "revenue"}).reset_index(
        drop=True
    )


@section(small=small_form.folded(small_form.weekdays))
def what_changed(report: SegmentReport) -> Block:
    """Segment sizes at the day and at the earlier day, by the same rules."""
    t = report.t
    if report.earlier is None:
        note = blocks.note(t("changed.none"), t("changed.none_why"))
        return note.under(t("changed.label")).anchored("changed").in_appendix()
    now, then = report.scores.segments, report.earlier.segments
    columns = ["segment", "customers", "revenue"]
    both = now[columns].merge(then[columns], on="segment", how="outer", suffixes=("", "_before"))
    both = both.set_index("segment").reindex(pd.unique(pd.concat([now["segment"], then["segment"]])))
    both = both.fillna(0).reset_index()
    both["change"] = both["customers"] - both["customers_before"]
    both = both[(both["customers"] > 0) | (both["customers_before"] > 0)].reset_index(drop=True)
    both["segment"] = [segment_name(t, name) for name in both["segment"]]
    if not report.show_customers:
        both = withheld(both, ["revenue"])
        both = withheld(both, ["revenue_before"], count="customers_before")
    shown = ["segment", "customers", "customers_before", "change", "revenue", "revenue_before"]
    day = report.earlier.base.day
    return (
        blocks.chart(
            figures.bars(
                both,
                y="segment",
                x="customers",
                context="customers_before",
                highlight=[segment_name(t, name) for name in QUIET],
            ),
            finding=_moved(report, report.earlier),
            data=both[shown],
            caption=t("changed.caption", now=report.base.day, then=day),
            formats=dict.fromkeys(("revenue", "revenue_before"), report.currency)
            | dict.fromkeys(("customers", "customers_before", "change"), "count"),
            names=_names(report, *shown),
        )
        .under(t("changed.label"))
        .anchored("changed")
        .in_appendix()
    )


def _moved(report: SegmentReport, earlier: rfm.RfmScores) -> str:
    """How many were at risk or lapsed then and now; where the words are not known, how many there were."""
    t, day = report.t, earlier.base.day
    if report.plan.given.definitions.at_risk_days is None:
        n, before = (int(s.segments["customers"].sum()) for s in (report.scores, earlier))
        return t("changed.plain", n=n, before=before, day=day)
    shares = {"share": _silent(report, report.scores), "before": _silent(report, earlier)}
    return t("changed.finding", day=day, **shares)


def _silent(report: SegmentReport, scores: rfm.RfmScores) -> float:
    """Share of buyers who were not active at the day of some scores, by the words of today."""
    found, customers = report.plan.given.definitions, scores.customers
    bought = customers.filter(customers.recency_days.notnull())
    silent = found.standing(bought.recency_days.cast("int64")) != ACTIVE
    row = bought.aggregate(n=bought.count(), silent=silent.sum()).to_pyarrow().to_pylist()[0]
    return float(row["silent"] or 0) / max(row["n"], 1)


@section(small=small_form.folded(small_form.last_visits))
def whom_to_contact(report: SegmentReport) -> Block:
    """The first customers of the list at risk, by what they may still bring."""
    t = report.t
    action = next((one for one in report.plan.actions if one.id == "at_risk"), None)
    if action is None or not action.customers:
        note = blocks.note(t("contact.none"), t("contact.none_why"))
        return note.under(t("contact.label")).anchored("contact").in_appendix()
    rows = list_of(report.base, action, report.show_customers)
    named = report.show_customers or report.base.show_customers
    shown = rows[[name for name in rows if name in ("customer", "silence_days", "value_to_come")]]
    return (
        blocks.table(
            shown.head(FIRST),
            finding=t("contact.finding", n=min(FIRST, len(rows)), all=len(rows)),
            caption=t("contact.caption_named" if named else "contact.caption"),
            formats={"value_to_come": report.currency} if "value_to_come" in shown else {},
            names=_names(report, *shown.columns),
        )
        .under(t("contact.label"))
        .anchored("contact")
        .in_appendix()
    )
