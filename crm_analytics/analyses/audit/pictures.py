"""Pictures of the audit: how value is spread, what changed, and first years by source."""

from __future__ import annotations

from crm_analytics.analyses.audit.acquisition import Acquisition
from crm_analytics.analyses.audit.change import Change
from crm_analytics.analyses.audit.value_spread import ValueSpread
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures


def deciles(found: ValueSpread) -> Picture:
    """Revenue of each tenth of customers, the best first; grey is profit, where costs are known."""
    profit = "profit" if "profit" in found.deciles else None
    return Picture(
        frame=found.deciles,
        title="Revenue by tenths of customers" + (", and profit" if profit else ""),
        draw=lambda f: figures.bars(
            f.assign(decile=f["decile"].astype(str)), "decile", "revenue", profit, fmt="money"
        ),
        empty="Nobody bought.",
    )


def lorenz(found: ValueSpread) -> Picture:
    """Share of revenue by share of customers, the best first."""
    return Picture(
        frame=found.concentration.lorenz, title="Revenue by customers, the best first", draw=figures.lorenz
    )


def whale(found: ValueSpread) -> Picture:
    """Profit summed from the most profitable customer on: it rises above 100 % and falls back."""
    return Picture(
        frame=found.whale,
        title="Share of all profit, the most profitable customers first",
        draw=lambda f: figures.lines(
            f, "customer_share", ["profit_share"], names={"profit_share": "profit"},
            x_title="share of customers", fmt="percent:0",
        ),
        empty="Profit is not known: it needs the cost of what was sold (unit_cost).",
    )  # fmt: skip


def moves(found: Change) -> Picture:
    """What customers who came, stayed and left did to revenue; the moves sum to its change."""
    return Picture(
        frame=found.moves,
        title=f"Change of revenue since {found.middle}, by what customers did",
        draw=lambda f: figures.bars(f, "move", "change", fmt="money"),
        empty="Nobody bought in either period.",
    )


def repeated(found: Acquisition) -> Picture:
    """Share of the customers of each source who ordered again within the first year, with its interval."""
    return Picture(
        frame=found.sources,
        title="Second order within the first year, by source",
        draw=lambda f: figures.intervals(f, "source", "repeat_share", "lower", "upper", fmt="percent:0"),
        empty="No customer's first year is over.",
    )


def revenue(found: Acquisition) -> Picture:
    """Revenue per customer in the first year by source, with its interval."""
    return Picture(
        frame=found.sources,
        title="Revenue per customer in the first year, by source",
        draw=lambda f: figures.intervals(
            f, "source", "revenue", "revenue_lower", "revenue_upper", fmt="money"
        ),
        empty="No customer's first year is over.",
    )
