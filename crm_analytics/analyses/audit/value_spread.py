"""Lens 1 of the audit: how different customers are, in revenue, orders, margin and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.concentration import Concentration, concentration
from crm_analytics.analyses.margin import margin_lines, serving_costs
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.days import Span, earlier_day, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 30  # customers: fewer say nothing by tenths


@dataclass(frozen=True)
class ValueSpread(ObjectCard):
    """How value is spread over the customers who bought in a window.

    Attributes
    ----------
    after, day : the window begins the day after, and ends with the day
    deciles : decile (1: highest revenue), customers, orders, revenue, revenue_share, revenue_per_customer
        [, margin, cost_to_serve, profit, profit_share]; money net of returns
    concentration : of revenue, with Lorenz curve and Gini
    whale : customer_share, profit_share: profit summed from the most profitable customer on, as a share of
        all profit; it can rise above 1 and fall back. Empty without unit costs
    peak : the whale's highest share, or None
    below_zero : customers with a negative profit, and their sum (money, negative); None without unit costs
    repeat_share : share of the customers with two orders or more in the window
    costs : cost to serve by kind (table it stands in), money; empty where none is known
    uncosted : share of the revenue whose cost is not known
    """

    after: date
    day: date
    deciles: pd.DataFrame
    concentration: Concentration
    whale: pd.DataFrame
    below_zero: tuple[int, float] | None
    repeat_share: float
    costs: pd.DataFrame
    uncosted: float

    plot = Plots("crm_analytics.analyses.audit.pictures", "deciles", "lorenz", "whale")

    @property
    def has_margin(self) -> bool:
        """Whether unit costs are known."""
        return self.below_zero is not None

    @property
    def days(self) -> int:
        """Length of the window."""
        return (self.day - self.after).days

    @property
    def peak(self) -> float | None:
        """The whale's highest point."""
        return float(self.whale["profit_share"].max()) if len(self.whale) else None


def value_spread(base: CustomerBase, span: Span = "-52w") -> ValueSpread:
    """Deciles, concentration and whale curve of the customers who bought in the last `span`.

    A window shorter than the data keeps old and new customers comparable; where the data are shorter, all
    of them count. Profit is margin less cost to serve (tickets, campaign mails, touches with a cost).

    Source: P. S. Fader, B. G. S. Hardie & M. Ross, *The Customer-Base Audit* (2022), ch. 3; the whale curve
    is R. Kaplan & V. Narayanan's (2001).

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM` customers, or no revenue.
    """
    after = max(earlier_day(base.day, span), shift(base.first_day, "-1d"))
    table = base.materialise(_by_customer(base, after))
    n = int(table.count().to_pyarrow().as_py())
    if n < MINIMUM:
        raise NotEnoughData("how value is spread over customers", n, MINIMUM)
    has_margin = "margin" in table.columns
    deciles = _deciles(base, table, n, has_margin=has_margin)
    below, whale = None, pd.DataFrame(columns=["customer_share", "profit_share"])
    if has_margin:
        lost = table.filter(table.profit < 0)
        found = lost.aggregate(n=lost.count(), money=lost.profit.sum()).to_pyarrow().to_pylist()[0]
        below = int(found["n"]), float(found["money"] or 0)
        whale = _whale(base, table, n)
    revenue = float(deciles["revenue"].sum())
    costed = float(table.costed.sum().to_pyarrow().as_py()) if has_margin else 0.0
    return ValueSpread(
        after,
        base.day,
        deciles,
        concentration(base, table, "revenue"),
        whale,
        below,
        float((table.orders > 1).mean().to_pyarrow().as_py()),
        _costs(base, after),
        1 - costed / revenue if has_margin and revenue else 0.0,
    )


def _by_customer(base: CustomerBase, after: date) -> ir.Table:
    days = base.customer_days
    days = days.filter(days.day > ibis.literal(after))
    table = days.group_by("customer_id").aggregate(
        orders=days.is_occasion.sum().cast("int64"), revenue=days.spend.sum().cast(MONEY)
    )
    table = table.filter(table.orders > 0)
    lines = margin_lines(base)
    if lines is None:
        return table
    nothing = ibis.literal(0).cast(MONEY)
    lines = lines.filter(lines.day > ibis.literal(after))
    margin = lines.group_by("customer_id").aggregate(
        margin=lines.margin.sum().cast(MONEY), costed=lines.costed.sum().cast(MONEY)
    )
    table = table.left_join(margin, "customer_id").drop("customer_id_right")
    costs = serving_costs(base)
    if costs is None:
        table = table.mutate(cost_to_serve=nothing)
    else:
        costs = costs.filter(costs.day > ibis.literal(after))
        costs = costs.group_by("customer_id").aggregate(cost_to_serve=costs.cost.sum().cast(MONEY))
        table = table.left_join(costs, "customer_id").drop("customer_id_right")
    table = table.mutate(**{c: table[c].fill_null(nothing) for c in ("margin", "costed", "cost_to_serve")})
    return table.mutate(profit=(table.margin - table.cost_to_serve).cast(MONEY))


def _deciles(base: CustomerBase, table: ir.Table, n: int, *, has_margin: bool) -> pd.DataFrame:
    place = ibis.row_number().over(order_by=[ibis.desc("revenue"), "customer_id"])
    ranked = table.mutate(decile=((place * 10) // n + 1).cast("int64"))
    sums = {name: ranked[name].sum() for name in ("orders", "revenue")}
    if has_margin:
        sums |= {name: ranked[name].sum() for name in ("margin", "cost_to_serve", "profit")}
    found = base.collect(
        ranked.group_by("decile").aggregate(customers=ranked.count(), **sums).order_by("decile")
    )
    found.insert(4, "revenue_share", found["revenue"] / found["revenue"].sum())
    found.insert(5, "revenue_per_customer", found["revenue"] / found["customers"])
    if has_margin:
        found["profit_share"] = found["profit"] / found["profit"].sum()
    return found


def _whale(base: CustomerBase, table: ir.Table, n: int) -> pd.DataFrame:
    steps = min(n, 100)
    place = ibis.row_number().over(order_by=[ibis.desc("profit"), "customer_id"])
    ranked = table.mutate(step=((place * steps) // n).cast("int64"))
    found = base.collect(
        ranked.group_by("step").aggregate(profit=ranked.profit.sum(), n=ranked.count()).order_by("step")
    )
    total = found["profit"].sum()
    if total <= 0:
        return pd.DataFrame(columns=["customer_share", "profit_share"])
    return pd.DataFrame(
        {
            "customer_share": np.concatenate([[0.0], found["n"].cumsum() / n]),
            "profit_share": np.concatenate([[0.0], found["profit"].cumsum() / total]),
        }
    )


def _costs(base: CustomerBase, after: date) -> pd.DataFrame:
    costs = serving_costs(base)
    if costs is None:
        return pd.DataFrame(columns=["kind", "cost", "customers"])
    costs = costs.filter(costs.day > ibis.literal(after))
    found = costs.group_by("kind").aggregate(cost=costs.cost.sum(), customers=costs.customer_id.nunique())
    return base.collect(found.order_by("kind"))
