"""Lines with the product they sold, under one name a product, and what the products' table knows of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.order_lines import order_lines
from crm_analytics.errors import DataError, check_name

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("product_id", "transaction_date", "unit_spend")}
LEVELS = {
    "product": None,
    "category": "category_0_name",
    "subcategory": "category_1_name",
    "brand": "brand_name",
}
FACTS = ("list_price", "unit_cost", "launched_at", "discontinued_at", "replenishment_days")


def product_lines(
    base: CustomerBase,
    level: str = "product",
    *,
    exclude: Collection[str] = (),
    merge_spellings: bool = False,
) -> ir.Table:
    """Lines that name a product, with its id (or category) in the column `product`.

    Parameters
    ----------
    level : "product", "category", "subcategory" or "brand"; lines whose product has none are left out
    exclude : products (at the level asked for) that are no goods: postage, fees, vouchers
    merge_spellings : ids that differ by case and spaces alone, or whose products bear the same name but for
        case and spaces, are one product under the first of these ids. See `spellings` for what that merges

    Returns
    -------
    as `order_lines.order_lines`, with product

    Raises
    ------
    DataError : the source has no products, or none of this level.
    """
    check_name("unknown level", level, LEVELS)
    base.require(NEEDS)
    lines = order_lines(base)
    lines = lines.filter(lines.product_id.notnull())
    column = LEVELS[level]
    if column is not None:
        base.require({"products": ("product_id", column)})
        table = base.tables["products"]
        lines = lines.inner_join(table.select("product_id", product=table[column]), "product_id")
        lines = lines.filter(lines["product"].notnull())
    elif merge_spellings:
        lines = _merged(base, lines)
    else:
        lines = lines.mutate(product=lines.product_id)
    if exclude:
        lines = lines.filter(~lines["product"].isin(list(exclude)))
    return lines


def product_facts(base: CustomerBase) -> ir.Table:
    """One row per product ever sold: product, name (else the id), category (else NULL) and `FACTS`."""
    lines = product_lines(base)
    sold = lines.select("product").distinct()
    table = base.tables.get("products")
    if table is None:
        empty = {name: ibis.null("float64") for name in ("list_price", "unit_cost", "replenishment_days")}
        moments = {name: ibis.null("timestamp") for name in ("launched_at", "discontinued_at")}
        return sold.mutate(name=sold["product"], category=ibis.null("string"), **empty, **moments)
    has = set(table.columns)
    types = {"launched_at": "timestamp", "discontinued_at": "timestamp"}
    known = table.select(
        product="product_id",
        name=table.product_name if "product_name" in has else ibis.null("string"),
        category=table.category_0_name if "category_0_name" in has else ibis.null("string"),
        **{
            fact: table[fact].cast(types.get(fact, "float64"))
            if fact in has
            else ibis.null(types.get(fact, "float64"))
            for fact in FACTS
        },
    )
    joined = sold.left_join(known, "product").drop("product_right")
    return joined.mutate(name=joined.name.fill_null(joined["product"]))


def spellings(base: CustomerBase) -> pd.DataFrame:
    """Products that may be one: name (in small letters, spaces folded), product_ids, of those sold.

    They are told, and merged only where it is asked for: two gift cards of one name are two products.
    """
    keyed = _spelt(base)
    counted = keyed.group_by(name="spelling").aggregate(product_ids=keyed.product_id.nunique())
    twice = counted.filter(counted.product_ids > 1)
    return base.collect(twice.order_by([ibis.desc("product_ids"), "name"]))


def _merged(base: CustomerBase, lines: ir.Table) -> ir.Table:
    keyed = _spelt(base)
    first = keyed.group_by("spelling").aggregate(product=keyed.product_id.min())
    named = keyed.inner_join(first, "spelling").select("product_id", "product")
    return lines.inner_join(named, "product_id")


def _spelt(base: CustomerBase) -> ir.Table:
    """product_id and its name (else itself) in small letters with spaces folded."""
    base.require(NEEDS)
    lines = base.transactions
    sold = lines.filter(lines.product_id.notnull()).select("product_id").distinct()
    text = sold.product_id
    table = base.tables.get("products")
    if table is not None and "product_name" in table.columns:
        sold = sold.left_join(table.select("product_id", "product_name"), "product_id").drop(
            "product_id_right"
        )
        text = sold.product_name.fill_null(sold.product_id)
    return sold.select("product_id", spelling=text.strip().lower().re_replace(r"\s+", " "))


def refuse_single(count: int, what: str) -> None:
    """Raise where there are not two different products.

    Raises
    ------
    DataError : `count` is below 2.
    """
    if count < 2:
        raise DataError(f"{what} needs two different products or more, this base has {count}")
