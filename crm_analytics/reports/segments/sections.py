"""The segments report below the first screen: one figure or table a function, each under its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.segments.report import QUIET, SegmentReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.regulars)
def who_brings_the_money(report: SegmentReport) -> Block:
    """Each segment's share of customers and of revenue."""
    table = report.scores.segments
    shown = table[table["customers"] > 0].reset_index(drop=True)
    best = shown.nlargest(1, "revenue_share").iloc[0]
    data = shown[
        [
            "segment",
            "rule",
            "customers",
            "customer_share",
            "revenue",
            "revenue_share",
            "order_value",
            "median_recency_days",
        ]
    ]
    return blocks.chart(
        figures.bars(
            shown, y="segment", x="revenue_share", context="customer_share", highlight=QUIET, fmt="percent:0"
        ),
        finding=f"{best['segment']} are {words.percent(best['customer_share'], 0)} of customers and "
        f"{words.percent(best['revenue_share'], 0)} of revenue",
        data=data,
        caption="Colour: share of revenue; grey: share of customers. Orange: proven buyers who went quiet.",
        formats={
            "customer_share": "percent",
            "revenue_share": "percent",
            "revenue": report.currency,
            "order_value": report.currency,
            "median_recency_days": "number:0",
        },
    )


@section(small=small_form.favourites)
def where_the_money_sits(report: SegmentReport) -> Block:
    """Revenue by days since the last purchase and number of orders."""
    grid = rfm.recency_frequency_grid(report.scores)
    rhythm = report.scores.rhythm
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
    late = rows[-2:] if rhythm else rows[-1:]
    again = grid[grid["recency_band"].isin(late) & (grid["order_band"] != columns[0])]
    once = grid[grid["order_band"] == columns[0]]
    who = words.plural(again["customers"].sum(), "repeat buyer")
    table = people.add_suffix(" customers").join(revenue.add_suffix(" revenue")).reset_index()
    formats = {str(c): report.currency for c in table if str(c).endswith("revenue")}
    return blocks.chart(
        figures.heatmap(revenue, text=texts, x_title="orders", y_title="last purchase"),
        finding=f"{report.money(again['revenue'].sum())} came from {who} now silent beyond their rhythm, "
        f"{report.money(once['revenue'].sum())} from one-time buyers",
        data=table,
        caption="Revenue and, below it, customers by days since the last purchase and number of orders; "
        f"nine in ten returns come within {rhythm.long} days."
        if rhythm
        else "Revenue and, below it, customers by days since the last purchase and number of orders.",
        formats=formats,
    )


@section(small=small_form.when_models_begin)
def does_80_20_hold(report: SegmentReport) -> Block:
    """The Lorenz curve, and whether the famous rule holds here."""
    spread = report.spread
    share = words.percent(spread.top_share, 0)
    range_ = words.interval(spread.top_share_lower, spread.top_share_upper, "percent:0")
    finding = (
        f"The top fifth brings {share} of revenue: 80/20 holds here ({range_})"
        if spread.holds
        else f"The top fifth brings {share}, not 80 %: 80/20 does not hold here ({range_})"
    )
    curve = spread.lorenz
    return blocks.chart(
        figures.lorenz(curve),
        finding=finding,
        data=_steps(curve),
        caption=f"Revenue of the most valuable customers, cumulated. Dotted: if all were worth the same. "
        f"Gini {words.number(spread.gini, 2)}; 80 % of revenue comes from "
        f"{words.percent(spread.share_for_80, 0)} of customers.",
        formats={"top_customers": "percent:0", "revenue": "percent"},
    )


def _steps(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve at shares a manager quotes."""
    asked = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
    nearest = [int((curve["customer_share"] - share).abs().to_numpy().argmin()) for share in asked]
    rows = curve.iloc[sorted(set(nearest))]
    return rows.rename(columns={"customer_share": "top_customers", "value_share": "revenue"}).reset_index(
        drop=True
    )


@section(small=small_form.weekdays)
def what_changed(report: SegmentReport) -> Block:
    """Segment sizes at the day and at the earlier day, by the same rules."""
    if report.earlier is None:
        return blocks.note("There is no earlier period to compare with", "The data do not reach back so far.")
    now, then = report.scores.segments, report.earlier.segments
    columns = ["segment", "customers", "revenue"]
    both = now[columns].merge(then[columns], on="segment", how="outer", suffixes=("", "_before"))
    both = both.set_index("segment").reindex(pd.unique(pd.concat([now["segment"], then["segment"]])))
    both = both.fillna(0).reset_index()
    both["change"] = both["customers"] - both["customers_before"]
    both = both[(both["customers"] > 0) | (both["customers_before"] > 0)].reset_index(drop=True)
    quiet, before = report.segment(QUIET), report.segment(QUIET, of=report.earlier)
    moved = quiet["customers"] - before["customers"]
    day = words.date(report.earlier.base.day)
    if moved > 0:
        finding = f"{words.plural(moved, 'more proven buyer')} went quiet since {day}"
    elif moved < 0:
        finding = f"{words.plural(-moved, 'fewer proven buyer')} are quiet than on {day}"
    else:
        finding = f"As many proven buyers are quiet as on {day}"
    return blocks.chart(
        figures.bars(both, y="segment", x="customers", context="customers_before", highlight=QUIET),
        finding=finding,
        data=both[["segment", "customers", "customers_before", "change", "revenue", "revenue_before"]],
        caption=f"Customers by segment on {words.date(report.base.day)} (colour) and {day} (grey), by the "
        "rules of the later day.",
        formats=dict.fromkeys(("revenue", "revenue_before"), report.currency)
        | {"customers": "count", "customers_before": "count", "change": "count"},
    )


@section(small=small_form.last_visits)
def whom_to_contact(report: SegmentReport) -> Block:
    """The ten quiet customers who brought most."""
    customers = report.scores.customers
    quiet = customers.filter(customers.segment.isin(list(QUIET)))
    top = report.base.collect(
        quiet.order_by([ibis.desc("revenue"), "customer_id"])
        .select("customer_id", "segment", "order_count", "revenue", "recency_days")
        .limit(10)
    )
    if top.empty:
        return blocks.note("Nobody needs to be won back", "No proven buyer is silent beyond their rhythm.")
    top["customer_id"] = report.called(top["customer_id"])
    shown = report.show_customers or report.base.show_customers
    return blocks.table(
        top.rename(
            columns={"customer_id": "customer", "order_count": "orders", "recency_days": "days_silent"}
        ),
        finding=f"These {words.count(len(top))} quiet customers brought "
        f"{report.money(top['revenue'].sum())}: call them first",
        caption=""
        if shown
        else "Customers are pseudonyms here; the command crm reveal names them to whoever holds the key.",
        formats={"revenue": report.currency},
    )
