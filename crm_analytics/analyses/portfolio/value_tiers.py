"""Customers by what is still to come from them: tiers, their status, and a ceiling on spending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.concentration import Concentration, concentration
from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

TIERS = (("Top 20 %", 0.2), ("Next 30 %", 0.5), ("The rest", 1.0))
STATUSES = (("Active", 0.8), ("Wavering", 0.5), ("Probably gone", 0.0))  # from this P(alive) on


@dataclass(frozen=True)
class ValueTiers(ObjectCard):
    """Who carries the residual value.

    Attributes
    ----------
    tiers : tier, customers, value (residual, money), value_share, value_per_customer, purchases
        (expected), revenue (so far)
    statuses : status, customers, value, revenue, revenue_per_customer; by P(alive)
    spread : how unequally the residual value is spread
    alive : expected number of customers alive, the sum of P(alive)
    """

    tiers: pd.DataFrame
    statuses: pd.DataFrame
    spread: Concentration
    alive: float

    card_frame = "tiers"
    plot = Plots("crm_analytics.analyses.portfolio.pictures", "tiers", "statuses")


def value_tiers(base: CustomerBase, scored: ir.Table) -> ValueTiers:
    """Split scored customers by residual value and by P(alive).

    Parameters
    ----------
    base : the base that was scored
    scored : what `btyd.score` gives: customer_id, lifetime_value, expected_purchases, probability_alive
    """
    history = base.purchase_history.select("customer_id", "revenue")
    scored = scored.left_join(history, "customer_id")
    place = ibis.percent_rank().over(order_by=[ibis.desc("lifetime_value"), "customer_id"])
    tier = ibis.cases(*((place < top, name) for name, top in TIERS[:-1]), else_=TIERS[-1][0])
    alive = scored.probability_alive
    status = ibis.cases(*((alive >= low, name) for name, low in STATUSES[:-1]), else_=STATUSES[-1][0])
    table = base.materialise(scored.mutate(tier=tier, status=status))
    return ValueTiers(
        tiers=_sums(base, table, "tier", [name for name, _ in TIERS]),
        statuses=_sums(base, table, "status", [name for name, _ in STATUSES]),
        spread=concentration(base, table, "lifetime_value"),
        alive=float(table.probability_alive.sum().to_pyarrow().as_py()),
    )


def _sums(base: CustomerBase, table: ir.Table, by: str, order: list[str]) -> pd.DataFrame:
    grouped = table.group_by(by).aggregate(
        customers=table.count(),
        value=table.lifetime_value.sum(),
        purchases=table.expected_purchases.sum(),
        revenue=table.revenue.sum(),
    )
    frame = base.collect(grouped).set_index(by).reindex(order).fillna(0).reset_index()
    frame["customers"] = frame["customers"].astype("int64")
    frame["value_share"] = frame["value"] / frame["value"].sum()
    people = frame["customers"].where(frame["customers"] > 0)
    frame["value_per_customer"] = frame["value"] / people
    frame["revenue_per_customer"] = frame["revenue"] / people
    return frame
