"""Contacts per 100 orders, by month and by product, and the problems a product is known for.

A ticket belongs to the product it names; else to every product of the order it names, because nobody knows
which of them it is about. So a product's rate is that of orders with it, and what is bought with a bad
product looks worse than it is. Texts that people wrote are not read here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.clustered_ratio import summed
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.analyses.order_lines import order_lines
from crm_analytics.analyses.products import ratios
from crm_analytics.analyses.service.summary import rate_interval

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.service.tickets import Tickets

ORDERS = 50  # with a product, from which on its rate is shown
LEVEL = 0.05


def contacts_per_100_orders(given: Tickets) -> pd.DataFrame:
    """Tickets per 100 orders by month.

    An order is what one transaction key names, or a customer's purchases of one day; orders of customers
    nobody knows are in it, because they ask, too.

    Returns
    -------
    month, tickets, orders, per_100, lower, upper (95 %, exact Poisson; orders are taken as counted)
    """
    lines = order_lines(given.base)
    lines = lines.filter(~lines.is_return, lines.order.notnull())
    each = lines.group_by("order").aggregate(day=lines.day.min())
    orders = each.group_by(month=each.day.truncate("M")).aggregate(orders=each.count())
    opened = given.each.group_by(month=given.each.day.truncate("M")).aggregate(tickets=given.each.count())
    both = given.base.collect(orders).merge(given.base.collect(opened), on="month", how="left")
    both = both.sort_values("month", ignore_index=True)
    both["tickets"] = both["tickets"].fillna(0).astype("int64")
    both["per_100"] = 100 * both["tickets"] / both["orders"]
    bounds = [rate_interval(k, n / 100) for k, n in zip(both["tickets"], both["orders"], strict=True)]
    both["lower"], both["upper"] = [low for low, _ in bounds], [high for _, high in bounds]
    return both[["month", "tickets", "orders", "per_100", "lower", "upper"]]


def tickets_of_products(given: Tickets) -> ir.Table:
    """Tickets with a product: ticket_id, product_id, customer_id, day, type, is_complaint, is_solved, ...

    A ticket that names an order stands once for each product of it.
    """
    each = given.each
    named = each.filter(each.product_id.notnull())
    lines = given.base.transactions
    if not {"transaction_id", "product_id"} <= set(lines.columns):
        return named
    of_order = lines.filter(lines.transaction_id.notnull(), lines.product_id.notnull())
    of_order = of_order.select("transaction_id", bought="product_id").distinct()
    rest = each.filter(each.product_id.isnull(), each.transaction_id.notnull())
    rest = rest.inner_join(of_order, "transaction_id")
    rest = rest.mutate(product_id=rest.bought).select(*each.columns)
    return named.union(rest)


def drivers_by_product(given: Tickets, *, complaints: bool = False) -> pd.DataFrame:
    """Products whose orders lead to more or fewer tickets than other orders.

    Orders count from the day of the first ticket on. Customers are the draw: one who likes a product and asks
    about everything is one case, however often they ask.

    Returns
    -------
    product_id, product (its name, or id), orders (with it), tickets, per_100, ratio (its rate over that of
        all other orders), lower, upper (95 %, log scale), p_adjusted (Benjamini & Hochberg over them),
        clear; the most tickets beyond the average first. Empty without products
    """
    base = given.base
    lines = order_lines(base)
    if "product_id" not in lines.columns:
        return pd.DataFrame()
    lines = lines.filter(~lines.is_return, lines.order.notnull(), lines.product_id.notnull())
    lines = lines.filter(lines.day >= given.each.day.min().as_scalar())
    total = int(lines.order.nunique().to_pyarrow().as_py() or 0)
    of = tickets_of_products(given)
    of = of.filter(of.is_complaint) if complaints else of
    asked = int(of.ticket_id.nunique().to_pyarrow().as_py() or 0)
    sums = summed(base, _asked_and_ordered(lines, of), "who", "asked", "ordered", ["product_id"])
    sums = sums[(sums["bottom"] >= ORDERS) & (sums["bottom"] < total)].reset_index(drop=True)
    if sums.empty or not asked:
        return pd.DataFrame()
    found = pd.DataFrame(
        {"product_id": sums["product_id"], "orders": sums["bottom"].round().astype("int64"),
         "tickets": sums["top"].round().astype("int64")}
    )  # fmt: skip
    usual = asked / total
    alike = np.maximum(ratios.scatter(sums, usual, pooled=True) / (usual * sums["bottom"]), 1.0)
    rows = [
        _against_the_rest(k, n, asked, total, each)
        for k, n, each in zip(found["tickets"], found["orders"], alike, strict=True)
    ]
    found = pd.concat([found, pd.DataFrame(rows)], axis=1)
    found["per_100"] = 100 * found["tickets"] / found["orders"]
    p = np.maximum(found.pop("p"), ratios.p_of(sums, usual, pooled=True))
    found["p_adjusted"] = benjamini_hochberg(p)
    found["clear"] = found["p_adjusted"] < LEVEL
    found["beyond"] = found["tickets"] - found["orders"] * usual
    found = found.sort_values(["beyond", "product_id"], ascending=[False, True], ignore_index=True)
    found.insert(1, "product", _names(given, found["product_id"]))
    return found.drop(columns="beyond")


def _asked_and_ordered(lines: ir.Table, of: ir.Table) -> ir.Table:
    """A row per order with a product and per ticket of it: product_id, who, asked, ordered."""
    orders = lines.select("product_id", "order", who=lines.customer_id.fill_null(lines.order)).distinct()
    orders = orders.select("product_id", "who", asked=ibis.literal(0), ordered=ibis.literal(1))
    each = of.select("product_id", "ticket_id", who=of.customer_id.fill_null(of.ticket_id)).distinct()
    return orders.union(each.select("product_id", "who", asked=ibis.literal(1), ordered=ibis.literal(0)))


def _against_the_rest(k: int, n: int, asked: int, total: int, alike: float) -> dict[str, float]:
    """Ratio of two Poisson rates, half a ticket added to each where one has none.

    `alike` tickets of the product tell as much as one that stands for itself.
    """
    from scipy.stats import binomtest

    other, rest = asked - k, total - n
    p = float(binomtest(int(k), int(asked), n / total).pvalue) if asked else 1.0
    add = 0.5 if not (k and other) else 0.0
    ratio = ((k + add) / n) / ((other + add) / rest)
    error = Z95 * math.sqrt(alike / (k + add) + 1 / (other + add))
    return {"ratio": ratio, "lower": ratio * math.exp(-error), "upper": ratio * math.exp(error), "p": p}


def _names(given: Tickets, ids: pd.Series) -> list[str]:
    products = given.base.tables.get("products")
    if products is None or "product_name" not in products.columns:
        return [str(i) for i in ids]
    wanted = products.filter(products.product_id.isin(ids.tolist())).select("product_id", "product_name")
    names = given.base.collect(wanted).dropna().drop_duplicates("product_id").set_index("product_id")
    return [str(names["product_name"].get(i, i)) for i in ids]


def known_problems(given: Tickets, product_id: str | None = None) -> pd.DataFrame:
    """All previous problems of a product model, or of every product: what was wrong, and what helped.

    Only the columns that a desk fills with words of its own (type, resolution) are read. A kind of problem is
    shown from five customers on, so that none of them can be recognised.

    Returns
    -------
    product_id, product, type, tickets, customers, complaints, solved, days_to_solve (median), resolution (the
        most frequent), last_day; most tickets first
    """
    of = tickets_of_products(given)
    if product_id is not None:
        of = of.filter(of.product_id == product_id)
    kind = of.mutate(type=of.type.fill_null(""))
    keys = ["product_id", "type"]
    counted = kind.group_by(keys).aggregate(
        tickets=kind.ticket_id.nunique(),
        customers=kind.customer_id.nunique(),
        complaints=kind.is_complaint.sum(),
        solved=kind.is_solved.sum(),
        days_to_solve=kind.resolution_minutes.quantile(0.5) / 1440.0,
        last_day=kind.day.max(),
    )
    counted = counted.filter(counted.customers >= ON_A_PAGE)
    helped = kind.filter(kind.resolution.notnull())
    helped = helped.group_by([*keys, "resolution"]).aggregate(
        n=helped.ticket_id.nunique(), people=helped.customer_id.nunique()
    )
    helped = helped.filter(helped.people >= ON_A_PAGE)
    first = ibis.window(group_by=keys, order_by=[ibis.desc("n"), "resolution"])
    helped = helped.mutate(place=ibis.row_number().over(first))
    helped = helped.filter(helped.place == 0).select(*keys, "resolution")
    joined = counted.left_join(helped, keys).drop("product_id_right", "type_right")
    frame = given.base.collect(joined.order_by([ibis.desc("tickets"), *keys]).limit(500))
    frame.insert(1, "product", _names(given, frame["product_id"]) if len(frame) else [])
    return frame
