"""Pictures of the portfolio: value to come by tier, and today's revenue against it."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.plots import Picture
from crm_analytics.analyses.portfolio.value_grid import ValueGrid
from crm_analytics.analyses.portfolio.value_tiers import ValueTiers
from crm_analytics.pages import figures

NOBODY = "No customer was scored."


def tiers(found: ValueTiers) -> Picture:
    """Value to come of each tier of customers."""
    return Picture(
        frame=found.tiers,
        title="Value to come by tier",
        draw=lambda f: figures.bars(f, "tier", "value", fmt="money"),
        empty=NOBODY,
    )


def statuses(found: ValueTiers) -> Picture:
    """Customers by P(alive)."""
    return Picture(
        frame=found.statuses,
        title="Customers by P(alive)",
        draw=lambda f: figures.bars(f, "status", "customers", fmt="count"),
        empty=NOBODY,
    )


def fields(found: ValueGrid) -> Picture:
    """Customers by revenue of the last year (rows) and by value to come (columns)."""

    def draw(frame: pd.DataFrame) -> figures.go.Figure:
        wide = frame.pivot(index="today", columns="to_come", values="customers")
        order = list(dict.fromkeys(frame["today"])), list(dict.fromkeys(frame["to_come"]))
        return figures.heatmap(wide.loc[order[0], order[1]], fmt="count", x_title="to come", y_title="today")

    return Picture(frame=found.fields, title="Customers by revenue today and value to come", draw=draw,
                   empty=NOBODY)  # fmt: skip
