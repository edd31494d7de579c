"""What serving customers costs, against the margin they bring.

The cost of a ticket is its `cost`; where a source has only `handle_minutes`, minutes times a stated cost. The
margin is that of the same days; without unit costs in the data there is none, and revenue stands
in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.margin import margin_lines
from crm_analytics.errors import DataError
from crm_analytics.tables.money import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.service.tickets import Tickets

DAYS = 365
BANDS = 5


@dataclass(frozen=True, eq=False)
class CostToServe(ObjectCard):
    """Cost and margin of the customers of the last days.

    Attributes
    ----------
    customers : customer_id, tickets, cost, brought (margin; revenue where `is_margin` is false)
    bands : band (1: brought most), customers, tickets, cost, brought, cost_share (of what they brought)
    dear : customers whose tickets cost more than they brought
    total, brought : money of the days
    is_margin : whether what they brought is margin
    days : length
    """

    customers: ir.Table
    bands: pd.DataFrame
    dear: int
    total: float
    brought: float
    is_margin: bool
    days: int


def cost_of(given: Tickets, minute_cost: float = 0.0) -> ir.Value:
    """What each ticket cost, as DECIMAL; NULL where it is not known.

    Raises
    ------
    DataError : the source tells neither a cost nor minutes that have a cost.
    """
    each = given.each
    if "cost" in given.has:
        return each.cost.cast(MONEY)
    if "handle_minutes" in given.has and minute_cost > 0:
        return (each.handle_minutes * minute_cost).cast(MONEY)
    raise DataError("this needs tickets.cost, or tickets.handle_minutes and what a minute costs")


def cost_to_serve(given: Tickets, *, days: int = DAYS, minute_cost: float = 0.0) -> CostToServe:
    """Cost of tickets against margin by customer, of the days that end at the base's day.

    Parameters
    ----------
    minute_cost : money a minute of an agent, where tickets tell minutes and no cost

    Raises
    ------
    DataError : what a ticket costs is not known.
    """
    base = given.base
    start = ibis.literal(base.day - timedelta(days=days))
    each = given.each.mutate(money=cost_of(given, minute_cost))
    each = each.filter(each.day > start, each.customer_id.notnull())
    cost = each.group_by("customer_id").aggregate(
        tickets=each.count(), cost=each.money.sum().cast("float64").fill_null(0.0)
    )
    lines = margin_lines(base)
    is_margin = lines is not None
    if lines is None:
        days_of = base.customer_days
        lines = days_of.select("customer_id", "day", margin=days_of.spend)
    lines = lines.filter(lines.day > start)
    brought = lines.group_by("customer_id").aggregate(
        brought=lines.margin.sum().cast("float64").fill_null(0.0)
    )
    both = brought.outer_join(cost, "customer_id")
    both = both.select(
        customer_id=both.customer_id.coalesce(both.customer_id_right),
        tickets=both.tickets.fill_null(0),
        cost=both.cost.fill_null(0.0),
        brought=both.brought.fill_null(0.0),
    )
    both = base.materialise(both)
    bands, totals = _bands(given, both)
    return CostToServe(both, bands, int(totals["dear"] or 0), float(totals["cost"] or 0),
                       float(totals["brought"] or 0), is_margin, days)  # fmt: skip


def _bands(given: Tickets, both: ir.Table) -> tuple[pd.DataFrame, dict[str, float]]:
    order = ibis.window(order_by=[ibis.desc("brought"), "customer_id"])
    placed = both.mutate(band=(ibis.percent_rank().over(order) * BANDS).floor().cast("int64") + 1)
    placed = placed.mutate(band=ibis.least(placed.band, ibis.literal(BANDS, "int64")))
    bands = placed.group_by("band").aggregate(
        customers=placed.count(), tickets=placed.tickets.sum(),
        cost=placed.cost.round(4).cast("decimal(28, 4)").sum().cast("float64"),
        brought=placed.brought.round(4).cast("decimal(28, 4)").sum().cast("float64"),
    )  # fmt: skip
    frame = given.base.collect(bands.order_by("band"))
    frame["cost_share"] = (frame["cost"] / frame["brought"]).where(frame["brought"] > 0)
    dear = both.filter(both.tickets > 0, both.cost > both.brought)
    n = int(dear.count().to_pyarrow().as_py())
    return frame, {"dear": n, "cost": float(frame["cost"].sum()), "brought": float(frame["brought"].sum())}
