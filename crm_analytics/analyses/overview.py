"""What is known of a base too small for models: counts, favourites, last visits, regulars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Overview(ObjectCard):
    """Plain counts of a base.

    Attributes
    ----------
    customers, orders, revenue, returning : customers who bought, purchase occasions, net revenue of
        customers, and how many of them bought on two days or more
    regulars : customer_id, order_count, revenue, last_day, favourite (product bought most, where the
        base has products), most orders first; ten at the most
    favourites : product, customers, orders, revenue; by revenue, ten at the most; empty without products
    weekdays : weekday, orders; Monday first
    """

    customers: int
    orders: int
    revenue: float
    returning: int
    regulars: pd.DataFrame
    favourites: pd.DataFrame
    weekdays: pd.DataFrame


def overview(base: CustomerBase, regulars: int = 10) -> Overview:
    """Count what there is. Works on any base with at least one purchase.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [2, 3, 2],
    ...     "transaction_date": ["2026-06-01", "2026-06-06", "2026-06-06"]}), today="2026-07-01")
    >>> found = overview(base)
    >>> found.customers, found.orders, found.returning
    (2, 3, 1)
    """
    history = base.purchase_history
    buyers = history.filter(history.order_count > 0)
    totals = history.aggregate(
        customers=(history.order_count > 0).sum(),
        orders=history.order_count.sum(),
        revenue=history.revenue.sum().cast("float64"),
        returning=(history.order_count > 1).sum(),
    )
    row = totals.to_pyarrow().to_pylist()[0]
    lines = _named_lines(base)
    top = base.collect(
        buyers.order_by([ibis.desc("order_count"), ibis.desc("revenue"), "customer_id"]).limit(regulars)
    )
    if lines is not None:
        top = top.merge(_favourite_of(base, lines, top["customer_id"]), on="customer_id", how="left")
    columns = ["customer_id", "order_count", "revenue", "last_day"] + (
        ["favourite"] if lines is not None else []
    )
    return Overview(
        customers=int(row["customers"] or 0),
        orders=int(row["orders"] or 0),
        revenue=float(row["revenue"] or 0),
        returning=int(row["returning"] or 0),
        regulars=top[columns],
        favourites=_favourites(base, lines),
        weekdays=_weekdays(base),
    )


def _named_lines(base: CustomerBase) -> ir.Table | None:
    """Purchase lines with a product's name (or id), without returns; None where no product is known."""
    lines = base.transactions
    if "product_id" not in lines.columns:
        return None
    lines = lines.filter(lines.customer_id.notnull(), lines.product_id.notnull(), lines.unit_spend >= 0)
    lines = lines.select(
        "customer_id", "product_id", "unit_spend", day=lines.transaction_date.date(), product=lines.product_id
    )
    if "products" in base.tables and "product_name" in base.tables["products"].columns:
        names = base.tables["products"].select("product_id", "product_name")
        joined = lines.left_join(names, "product_id")
        lines = joined.select(
            "customer_id", "unit_spend", "day", product=joined.product_name.fill_null(joined.product)
        )
    return lines


def _favourites(base: CustomerBase, lines: ir.Table | None) -> pd.DataFrame:
    if lines is None:
        return pd.DataFrame(columns=["product", "customers", "orders", "revenue"])
    found = lines.group_by("product").aggregate(
        customers=lines.customer_id.nunique(), orders=lines.count(), revenue=lines.unit_spend.sum()
    )
    return base.collect(found.order_by([ibis.desc("revenue"), "product"]).limit(10))


def _favourite_of(base: CustomerBase, lines: ir.Table, ids: pd.Series) -> pd.DataFrame:
    mine = lines.filter(lines.customer_id.isin(ids.tolist()))
    counted = mine.group_by("customer_id", "product").aggregate(n=mine.count())
    ordered = base.collect(counted.order_by(["customer_id", ibis.desc("n"), "product"]))
    first = ordered.drop_duplicates("customer_id")
    return first[["customer_id", "product"]].rename(columns={"product": "favourite"})


def _weekdays(base: CustomerBase) -> pd.DataFrame:
    days = base.occasions
    found = base.collect(
        days.group_by(number=days.day.day_of_week.index().cast("int64")).aggregate(orders=days.count())
    )
    orders = found.set_index("number")["orders"].reindex(range(7), fill_value=0)
    return pd.DataFrame({"weekday": list(WEEKDAYS), "orders": orders.to_numpy()})
