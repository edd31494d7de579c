"""The weekday a customer keeps to, where they keep to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import benjamini_hochberg
from crm_analytics.analyses.overview import WEEKDAYS
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ORDERS = 4  # of a customer, below which no weekday can stand out
MINIMUM = 20  # customers with so many
LEVEL = 0.05  # of false discoveries among the habits


@dataclass(frozen=True, eq=False)
class HabitualDays(ObjectCard):
    """Customers with a weekday of their own.

    Attributes
    ----------
    customers : Ibis: customer_id, weekday (their most frequent, Monday first in a tie), on_it (orders on that
        weekday), orders, is_habit (more than the shop's weekdays and chance make likely)
    weekdays : weekday, customers (with that habit), shop (share of all orders)
    looked_at : customers with `ORDERS` orders or more
    share : of them, with a habit
    """

    customers: ir.Table
    weekdays: pd.DataFrame
    looked_at: int
    share: float

    plot = Plots("crm_analytics.analyses.products.pictures", "weekdays")


def habitual_days(base: CustomerBase) -> HabitualDays:
    """Test each customer's most frequent weekday against the shop's.

    The largest of seven counts is large by itself, the more so of few orders; so the tail of the binomial is
    taken seven times, and corrected for all customers (Benjamini & Hochberg). Customers are reduced to cells
    of (orders, orders on the day, weekday) in the engine, and the answer is joined back there.

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM` customers have `ORDERS` orders.
    """
    days = base.exact_occasions
    days = days.select("customer_id", place=days.day.day_of_week.index().cast("int64"))
    counted = days.group_by("customer_id", "place").aggregate(n=days.count())
    window = ibis.window(group_by="customer_id", order_by=[ibis.desc("n"), "place"])
    ranked = counted.mutate(
        first=ibis.row_number().over(window),
        orders=counted.n.sum().over(group_by="customer_id").cast("int64"),
    )
    top = ranked.filter(ranked.first == 0, ranked.orders >= ORDERS)
    top = base.materialise(top.select("customer_id", "place", "orders", on_it=ranked.n.cast("int64")))
    cells = base.collect(top.group_by("orders", "on_it", "place").aggregate(customers=top.count()))
    looked_at = int(cells["customers"].sum())
    if looked_at < MINIMUM:
        raise NotEnoughData(f"habitual weekdays, of customers with {ORDERS} orders,", looked_at, MINIMUM)
    shop = base.collect(days.group_by("place").aggregate(n=days.count())).set_index("place")["n"]
    share = (shop.reindex(range(7), fill_value=0) / shop.sum()).to_numpy(float)
    cells = cells.sort_values(["orders", "on_it", "place"], ignore_index=True)
    cells["is_habit"] = _habits(cells, share)
    told = base.to_engine(cells[["orders", "on_it", "place", "is_habit"]])
    joined = top.inner_join(told, ["orders", "on_it", "place"])
    weekday = ibis.cases(*((joined.place == k, name) for k, name in enumerate(WEEKDAYS)))
    habit = cells[cells["is_habit"]].groupby("place")["customers"].sum().reindex(range(7), fill_value=0)
    return HabitualDays(
        joined.select("customer_id", "on_it", "orders", "is_habit", weekday=weekday),
        pd.DataFrame({"weekday": WEEKDAYS, "customers": habit.to_numpy(), "shop": share}),
        looked_at,
        float(habit.sum() / looked_at),
    )


def _habits(cells: pd.DataFrame, share: np.ndarray) -> np.ndarray:
    """Benjamini & Hochberg over customers, of whom cells hold many alike."""
    tail = stats.binom.sf(cells["on_it"] - 1, cells["orders"], share[cells["place"].to_numpy()])
    p = np.minimum(7 * tail, 1.0)
    each = benjamini_hochberg(np.repeat(p, cells["customers"]))
    starts = np.cumsum(cells["customers"].to_numpy()) - cells["customers"].to_numpy()
    return np.asarray(each[starts] < LEVEL)
