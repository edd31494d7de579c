"""Each customer's favourites: product, category, channel, weekday, price level, coupons; with how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.disclosure import OTHERS, shared
from crm_analytics.analyses.overview import WEEKDAYS

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

LEVELS = ("low", "middle", "high")  # thirds
FAVOURITE = 0.1  # of some customers' purchase lines: what takes less is not their favourite
DEAL_PRONE = 0.5  # share of the orders with a coupon or discount, from which on


def favourites(base: CustomerBase, minimum: int = 1, since: date | None = None) -> ir.Table:
    """One row per customer who bought: what they take most, and in how many of their lines or orders.

    Parameters
    ----------
    minimum : names that fewer customers share are "others"
    since : only what was bought after this day; None: everything

    Returns
    -------
    customer_id, orders, then as far as the tables say: product, category, channel, weekday, each with
    `<name>_n` (lines, or orders) and `<name>_of`; basket and price_level (low, middle, high: thirds of the
    customers by mean order value, and by the mean place of what they buy among the prices of its category;
    price_level_of counts the lines), deal_prone (flag) with deal_n. Where several names tie for the most, the
    customer has no favourite (NULL).
    """
    lines = purchase_lines(base, minimum, since)
    orders = base.exact_occasions
    if since is not None:
        orders = orders.filter(orders.day > ibis.literal(since))
    found = orders.group_by("customer_id").aggregate(
        orders=orders.count(), basket=orders.spend.cast("float64").mean().round(4)
    )
    found = found.mutate(basket=_third(found, "basket"))
    parts = [
        (name, lines, lines[name]) for name in ("product", "category", "channel") if name in lines.columns
    ]
    parts.append(("weekday", orders, orders.day.day_of_week.index().cast("int64")))
    for name, table, column in parts:
        most = _most(table, column, name)
        found = found.left_join(most, "customer_id").drop("customer_id_right")
    days = ibis.cases(*((found.weekday == k, day) for k, day in enumerate(WEEKDAYS)), else_=None)
    found = found.mutate(weekday=days)
    if "price" in lines.columns:
        found = found.left_join(_price_level(lines), "customer_id").drop("customer_id_right")
    if "deal" in lines.columns:
        deals = lines.group_by("customer_id", "day").aggregate(deal=lines.deal.any())
        mine = deals.group_by("customer_id").aggregate(deal_n=deals.deal.sum().cast("int64"))
        found = found.left_join(mine, "customer_id").drop("customer_id_right")
        found = found.mutate(deal_n=found.deal_n.fill_null(0))
        found = found.mutate(deal_prone=found.deal_n >= DEAL_PRONE * found.orders)
    return found


def purchase_lines(base: CustomerBase, minimum: int = 1, since: date | None = None) -> ir.Table:
    """Lines of purchases (no returns) of known customers: customer_id, day and what the tables say of them.

    Columns beside: product (name, or id), category, channel, price (place among the prices of its category,
    0..1), deal (a coupon or a discount). Names that fewer than `minimum` customers share are "others".
    """
    lines, products = base.transactions, base.tables.get("products")
    lines = lines.filter(lines.customer_id.notnull(), lines.unit_spend > 0)
    if since is not None:
        lines = lines.filter(lines.transaction_date.date() > ibis.literal(since))
    has = set(lines.columns)
    chosen = {"day": lines.transaction_date.date()}
    if "channel" in has and _varies(lines, "channel"):
        chosen["channel"] = lines.channel
    marks = [lines.coupon.notnull()] if "coupon" in has else []
    if "discount" in has:
        marks.append(lines.discount.fill_null(0) > 0)
    if marks:
        chosen["deal"] = marks[0] if len(marks) == 1 else marks[0] | marks[1]
    if "product_id" not in has:
        return _shared(lines.select("customer_id", **chosen), minimum)
    kept = lines.select("customer_id", "product_id", **chosen)
    if products is None:
        return _shared(kept.rename(product="product_id"), minimum)
    named = _named(products)
    joined = kept.left_join(named, "product_id").drop("product_id_right")
    named = joined.mutate(product=joined["product"].fill_null(joined.product_id)).drop("product_id")
    return _shared(named, minimum)


def _shared(lines: ir.Table, minimum: int) -> ir.Table:
    for name in ("product", "category", "channel"):
        if name in lines.columns:
            lines = shared(lines, name, minimum)
    return lines


def _varies(lines: ir.Table, column: str) -> bool:
    return int(lines[column].nunique().to_pyarrow().as_py()) > 1


def _named(products: ir.Table) -> ir.Table:
    has, chosen = set(products.columns), {}
    chosen["product"] = products.product_name if "product_name" in has else products.product_id
    category = products.category_0_name if "category_0_name" in has else ibis.literal("all")
    if "category_0_name" in has:
        chosen["category"] = category
    if "list_price" in has:
        place = ibis.percent_rank().over(group_by=category, order_by=products.list_price)
        chosen["price"] = products.list_price.notnull().ifelse(place, ibis.null("float64"))
    return products.select("product_id", **chosen)


def _most(table: ir.Table, column: ir.Value, name: str) -> ir.Table:
    """The level each customer has most often: customer_id, `name`, `name`_n, `name`_of."""
    rows = table.select("customer_id", level=column)
    rows = rows.filter(rows.level.notnull())
    counted = rows.group_by("customer_id", "level").aggregate(n=rows.count())
    each = ibis.window(group_by="customer_id")
    placed = counted.mutate(most=counted.n.max().over(each), of=counted.n.sum().over(each))
    first = placed.filter(placed.n == placed.most)
    alone = first.mutate(tied=first.n.count().over(each))
    alone = alone.filter(alone.tied == 1)
    return alone.select("customer_id", **{name: alone.level, f"{name}_n": alone.n, f"{name}_of": alone["of"]})


def _price_level(lines: ir.Table) -> ir.Table:
    priced = lines.filter(lines.price.notnull())
    mean = priced.group_by("customer_id").aggregate(
        price_level=priced.price.mean().round(6), price_level_of=priced.count()
    )
    return mean.mutate(price_level=_third(mean, "price_level"))


def _third(table: ir.Table, column: str) -> ir.StringValue:
    """Thirds of the customers; equal values fall together."""
    place = ibis.percent_rank().over(order_by=table[column])
    return ibis.cases((place < 1 / 3, LEVELS[0]), (place < 2 / 3, LEVELS[1]), else_=LEVELS[2])


def bought_most(base: CustomerBase, customers: ir.Table, minimum: int = 1) -> tuple[str, float] | None:
    """What some customers buy most: its category, or else product, and its share of their lines.

    Parameters
    ----------
    customers : customer_id
    minimum : customers who must have bought a thing before it is named

    Returns
    -------
    None where no line says what was bought
    """
    lines = purchase_lines(base, minimum)
    name = next((n for n in ("category", "product") if n in lines.columns), None)
    if name is None:
        return None
    theirs = lines.semi_join(customers, "customer_id")
    theirs = theirs.filter(theirs[name].notnull())
    counts = base.collect(theirs.group_by(what=theirs[name]).aggregate(n=theirs.count()).order_by("what"))
    named = counts[counts["what"] != OTHERS]
    if named.empty:
        return None
    top = named.nlargest(1, "n").iloc[0]
    return str(top["what"]), float(top["n"] / counts["n"].sum())
