"""Why revenue changed: customers x orders x spend an order, with contributions that sum to the change."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.tables.object_cards import ObjectCard


@dataclass(frozen=True)
class Period:
    """What revenue of a period is made of.

    Attributes
    ----------
    customers : with an order
    orders : of all of them
    revenue : net of returns, money
    items : pieces sold, or None where quantities are not known
    """

    customers: float
    orders: float
    revenue: float
    items: float | None = None

    @property
    def frequency(self) -> float:
        """Orders a customer."""
        return self.orders / self.customers

    @property
    def order_value(self) -> float:
        """Money an order."""
        return self.revenue / self.orders


@dataclass(frozen=True)
class RevenueTree(ObjectCard):
    """The change of revenue by its factors.

    Attributes
    ----------
    nodes : factor, before, now, contribution (money; the rows of `parts` sum to the change)
    change : revenue now less before
    """

    before: Period
    now: Period
    nodes: pd.DataFrame

    @property
    def change(self) -> float:
        """Revenue now less before."""
        return self.now.revenue - self.before.revenue

    def contribution(self, factor: str) -> float:
        """Of "customers", "frequency", "order_value", or of its parts "items" and "price"."""
        return float(self.nodes.set_index("factor")["contribution"][factor])


def revenue_tree(before: Period, now: Period) -> RevenueTree:
    """Split the change of revenue into midpoint contributions.

    Customers get their change times the mean spend a customer; the change of spend a customer is split the
    same way between frequency and order value, and order value between items an order and price an item.
    Customers, frequency and order value sum to the change exactly; items and price to order value.

    Source: openretailscience, ``revenue_tree`` (Data-Simply), as restated in the project's design.

    Raises
    ------
    DataError : a period without customers, orders or positive revenue.

    >>> tree = revenue_tree(Period(100, 200, 6000), Period(110, 242, 7018))
    >>> [round(tree.contribution(f), 1) for f in ("customers", "frequency", "order_value")]
    [619.0, 639.5, -240.5]
    """
    for period in (before, now):
        if min(period.customers, period.orders) <= 0 or period.revenue <= 0:
            raise DataError("a revenue tree needs customers, orders and revenue in both periods")
    spend = [p.revenue / p.customers for p in (before, now)]
    gained = now.customers - before.customers
    shared = gained * (spend[1] - spend[0]) / 4
    frequency = (now.frequency - before.frequency) * _middle(before.order_value, now.order_value)
    value = (now.order_value - before.order_value) * _middle(before.frequency, now.frequency)
    rows = [
        ("customers", before.customers, now.customers, gained * _middle(*spend)),
        ("frequency", before.frequency, now.frequency, frequency * now.customers - shared),
        ("order_value", before.order_value, now.order_value, value * now.customers - shared),
    ]
    if before.items and now.items and min(before.items, now.items) > 0:
        items = before.items / before.orders, now.items / now.orders
        price = before.revenue / before.items, now.revenue / now.items
        weight = _middle(before.frequency, now.frequency) * now.customers
        by_items = (items[1] - items[0]) * _middle(*price) * weight - shared / 2
        by_price = (price[1] - price[0]) * _middle(*items) * weight - shared / 2
        rows += [("items", *items, by_items), ("price", *price, by_price)]
    nodes = pd.DataFrame(rows, columns=["factor", "before", "now", "contribution"])
    return RevenueTree(before, now, nodes)


def _middle(a: float, b: float) -> float:
    return (a + b) / 2
