"""Pictures of RFM scores and of moves between segments: `scores.plot.treemap()`, `migration.plot.flows()`."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.plots import Picture, one_of
from crm_analytics.analyses.rfm.migration import Migration
from crm_analytics.analyses.rfm.scores import RfmScores, recency_frequency_grid, revenue_concentration
from crm_analytics.pages import composed_figures, figures

NOBODY = "No customer is in a segment."


def treemap(scores: RfmScores, *, by: str = "revenue") -> Picture:
    """Segments by revenue (or ``by="customers"``), the darker the more a customer is worth."""
    one_of("by", by, ("revenue", "customers"))
    frame = scores.segments[["segment", "customers", "revenue", "revenue_per_customer"]]
    money = f"money:{scores.base.currency}"
    return Picture(
        frame=frame[frame[by] > 0].reset_index(drop=True),
        title=f"Segments by {by}, darker with the revenue per customer",
        draw=lambda f: composed_figures.treemap(
            f,
            "segment",
            by,
            "revenue_per_customer",
            fmt=money if by == "revenue" else "count",
            shade_fmt=money,
        ),
        empty=NOBODY,
    )


def grid(scores: RfmScores, *, value: str = "customers") -> Picture:
    """Customers (or ``value="revenue"``) by days since the last purchase and number of orders."""
    one_of("value", value, ("customers", "revenue"))
    frame = recency_frequency_grid(scores)
    fmt = "count" if value == "customers" else f"compact:{scores.base.currency}"

    def draw(cells: pd.DataFrame) -> figures.go.Figure:
        wide = cells.pivot(index="recency_band", columns="order_band", values=value)
        rows, columns = cells["recency_band"].unique(), cells["order_band"].unique()
        return figures.heatmap(wide.loc[rows, columns], fmt=fmt, x_title="orders", y_title="")

    return Picture(
        frame=frame if frame["customers"].sum() else frame.head(0),
        title=f"{value.capitalize()} by last purchase and orders",
        draw=draw,
        empty=NOBODY,
    )


def concentration(scores: RfmScores) -> Picture:
    """Which share of revenue which share of customers brings."""
    return Picture(
        frame=revenue_concentration(scores).lorenz,
        title="Revenue by customers, the best first",
        draw=figures.lorenz,
    )


def flows(migration: Migration) -> Picture:
    """From which segment to which: blue who moved, grey who stayed."""
    frame = migration.moves[["from_segment", "to_segment", "customers", "share", "lower", "upper"]]
    return Picture(
        frame=frame[frame["customers"] > 0].reset_index(drop=True),
        title=f"Segments on {migration.then} and on {migration.now}",
        draw=lambda f: composed_figures.flows(f, "from_segment", "to_segment", "customers"),
        empty=NOBODY,
    )


def matrix(migration: Migration) -> Picture:
    """Share of each segment's customers by where they are now."""
    frame = migration.matrix()
    return Picture(
        frame=frame,
        title=f"Where customers of {migration.then} were on {migration.now}",
        draw=lambda f: figures.heatmap(f, fmt="percent:0"),
        empty=NOBODY,
    )


def net(migration: Migration) -> Picture:
    """Net change of each segment with its interval."""
    return Picture(
        frame=migration.net,
        title=f"Net change of segments since {migration.then}, customers",
        draw=lambda f: figures.intervals(f, "segment", "net", "lower", "upper", 0, fmt="count"),
        empty=NOBODY,
    )
