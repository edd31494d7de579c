"""Orders as baskets of products, and the pairs in them: counted in the engine.

No item-by-item matrix is made. A self-join of baskets grows with the square of their size, so baskets above
a cap take no part in anything; how many there are is told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.products.product_lines import product_lines, refuse_single
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

CAP = 100  # different products in an order; more are a wholesaler's order, or an error
ORDERS = 10  # with a product, below which it is too rare for pairs
PRODUCTS = 3_000  # at most, the most frequent
TOGETHER = 5  # orders with both, below which a pair is not looked at
MINIMUM = 100  # orders
GROWTH = 1.2  # from one class of basket sizes to the next: inside a class all baskets are about as large
DENSE = 10  # baskets, on average, of a class of sizes within a period or segment; fewer can tell nothing
PERIODS = ("month", "quarter")


@dataclass(frozen=True, eq=False)
class Baskets(ObjectCard):
    """Baskets of frequent products.

    Attributes
    ----------
    products : item (0.., most frequent first), product, orders (with it)
    lines : Ibis: basket (number), item, size (products of the basket), size_class, month and quarter (counted
        from year 0), segment, customer_id; only baskets with two frequent products or more
    strata : beside the size, what the test may be made within: "month" or "quarter" and "segment", where
        enough baskets fall into each
    orders : orders that hold anything, up to the cap: what support is a share of
    over_cap : orders above the cap, left out
    unknown : lines without an order, left out
    """

    base: CustomerBase
    products: pd.DataFrame
    lines: ir.Table
    strata: tuple[str, ...]
    orders: int
    over_cap: int
    unknown: int


def baskets(
    base: CustomerBase,
    level: str = "product",
    *,
    exclude: Collection[str] = (),
    segments: ir.Table | None = None,
    cap: int = CAP,
    minimum: int = ORDERS,
    merge_spellings: bool = False,
) -> Baskets:
    """Make baskets: the different products of an order whose pieces, net of returns in it, are above 0.

    Free lines (worth nothing) are no choice and are left out.

    Parameters
    ----------
    level, exclude, merge_spellings : of `product_lines`; orders of excluded products alone still count as
        orders
    segments : Ibis: customer_id, segment
    cap : most different products of an order
    minimum : orders with a product, below which it takes no part in pairs

    Raises
    ------
    DataError : no products, or one only.
    NotEnoughData : fewer than `MINIMUM` orders.
    """
    if cap < 2 or minimum < 1:
        raise ParameterError("cap must be 2 or more and minimum 1 or more")
    lines = product_lines(base, level, merge_spellings=merge_spellings)
    unknown = int(lines.order.isnull().sum().to_pyarrow().as_py() or 0)
    lines = lines.filter(lines.order.notnull(), ~lines.is_free)
    held = lines.group_by("order", "product").aggregate(
        pieces=lines.quantity.sum(), customer_id=lines.customer_id.max(), day=lines.day.min()
    )
    held = base.materialise(held.filter(held.pieces > 0).drop("pieces"))
    sizes = held.group_by("order").aggregate(size=held.count())
    (row,) = sizes.aggregate(orders=sizes.count(), over=(sizes["size"] > cap).sum()).to_pyarrow().to_pylist()
    orders, over = int(row["orders"] or 0), int(row["over"] or 0)
    if orders - over < MINIMUM:
        raise NotEnoughData("what is bought together", orders - over, MINIMUM, "orders")
    kept = held.semi_join(sizes.filter(sizes["size"] <= cap), "order") if over else held
    if exclude:
        kept = kept.filter(~kept["product"].isin(list(exclude)))
    counted = kept.group_by("product").aggregate(orders=kept.count())
    refuse_single(int(counted.count().to_pyarrow().as_py()), "what is bought together")
    frequent = counted.filter(counted.orders >= minimum)
    products = base.collect(frequent.order_by([ibis.desc("orders"), "product"]).limit(PRODUCTS))
    products.insert(0, "item", np.arange(len(products)))
    slim, strata = _slim(base, kept, products, segments)
    return Baskets(base, products, slim, strata, orders - over, over, unknown)


def _slim(
    base: CustomerBase, kept: ir.Table, products: pd.DataFrame, segments: ir.Table | None
) -> tuple[ir.Table, tuple[str, ...]]:
    """Baskets of frequent products, with numbers in place of texts; and what they can be parted by."""
    if products.empty:
        products = pd.DataFrame(
            {"item": [-1], "product": ["\0"]}
        )  # an engine table needs a row for its types
    named = base.to_engine(products[["item", "product"]])
    lines = kept.inner_join(named, "product").select("order", "item", "customer_id", "day")
    sizes = lines.group_by("order").aggregate(
        size=lines.count(), customer_id=lines.customer_id.max(), day=lines.day.min()
    )
    sizes = sizes.filter(sizes["size"] > 1)
    if segments is None:
        sizes = sizes.mutate(segment=ibis.literal(""))
    else:
        known = segments.select("customer_id", segment=segments.segment.cast("string"))
        sizes = sizes.left_join(known, "customer_id").drop("customer_id_right")
        sizes = sizes.mutate(segment=sizes.segment.fill_null(""))
    sizes = sizes.mutate(
        basket=ibis.row_number(),
        month=(sizes.day.year() * 12 + sizes.day.month()).cast("int64"),
        quarter=(sizes.day.year() * 4 + sizes.day.quarter()).cast("int64"),
    ).drop("day", "customer_id")
    sizes = base.materialise(sizes)
    keys = ["size", "month", "quarter", "segment"]
    cells = base.collect(sizes.group_by(keys).aggregate(baskets=sizes.count()))
    least = _classes(cells)
    classes = ibis.cases(*((sizes["size"] >= bound, bound) for bound in reversed(least)), else_=0)
    joined = lines.drop("day").inner_join(sizes.mutate(size_class=classes.cast("int64")), "order")
    columns = ["basket", "item", "size", "size_class", "month", "quarter", "segment", "customer_id"]
    return base.materialise(joined.select(columns)), _strata(cells, len(least), segments is not None)


def _classes(cells: pd.DataFrame) -> list[int]:
    """Least sizes of the classes: each a fifth above the one before, joined from the top until dense."""
    bounds, at = [2], 2
    most = int(cells["size"].max()) if len(cells) else 2
    while at < most:
        at = max(at + 1, round(at * GROWTH))
        bounds.append(at)
    counted = cells.groupby(np.searchsorted(bounds, cells["size"], side="right") - 1)["baskets"].sum()
    kept, held = [], 0
    for number in range(len(bounds) - 1, -1, -1):
        held += int(counted.get(number, 0))
        if held >= 2 * DENSE or number == 0:
            kept.append(bounds[number])
            held = 0
    return kept[::-1]


def _strata(cells: pd.DataFrame, classes: int, segmented: bool) -> tuple[str, ...]:
    total = float(cells["baskets"].sum())
    found = []
    for period in PERIODS:
        many = cells[period].nunique()
        if many > 1 and total / (classes * many) >= DENSE:
            found.append(period)
            break
    if segmented and total / (classes * max(cells["segment"].nunique(), 1)) >= DENSE:
        found.append("segment")
    return tuple(found)


def count_pairs(found: Baskets, least: int = TOGETHER) -> pd.DataFrame:
    """Pairs of items met in `least` orders or more: a, b (a < b), orders."""
    one = found.lines.select("basket", a="item")
    two = found.lines.select(other="basket", b="item")
    met = one.join(two, [one.basket == two.other, one.a < two.b])
    counted = met.group_by("a", "b").aggregate(orders=met.count())
    return found.base.collect(counted.filter(counted.orders >= least).order_by("a", "b"))


def count_customers(found: Baskets, pairs: pd.DataFrame) -> pd.Series:
    """Different customers who had both of these pairs in an order; each anonymous order counts as one."""
    if pairs.empty:
        return pd.Series(dtype="float64")
    wanted = found.base.to_engine(pairs[["a", "b"]])
    lines = found.lines.filter(found.lines.item.isin(np.unique(pairs[["a", "b"]]).tolist()))
    one = lines.select("basket", "customer_id", item_a="item")
    two = lines.select(other="basket", item_b="item")
    met = one.join(two, [one.basket == two.other, one.item_a < two.item_b])
    met = met.join(wanted, [met.item_a == wanted.a, met.item_b == wanted.b])
    counted = met.group_by("a", "b").aggregate(
        customers=met.customer_id.nunique() + met.customer_id.isnull().sum()
    )
    each = found.base.collect(counted).set_index(["a", "b"])["customers"]
    return each.reindex(pd.MultiIndex.from_frame(pairs[["a", "b"]])).astype("float64")


def margins_by(found: Baskets, *strata: str) -> pd.DataFrame:
    """item, stratum (one number), meetings: for `independence.weights`. The size is always a stratum."""
    keys = ["size_class", *strata]
    lines = found.lines
    counted = lines.group_by("item", *keys).aggregate(meetings=(lines["size"] - 1).sum())
    frame = found.base.collect(counted).sort_values(["item", *keys], ignore_index=True)
    number = frame.groupby(keys, sort=True).ngroup() if len(frame) else pd.Series(dtype="int64")
    return pd.DataFrame({"item": frame["item"], "stratum": number, "meetings": frame["meetings"]})
