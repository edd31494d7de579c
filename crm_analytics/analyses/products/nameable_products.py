"""A base in which only products that enough customers bought have a name: what a page may show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.disclosure import ON_A_PAGE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

GROUPS = ("category_0_name", "category_1_name", "brand_name")


def nameable_products(base: CustomerBase, minimum: int = ON_A_PAGE) -> CustomerBase:
    """The base, its lines without the products that fewer than `minimum` customers bought.

    A product made for one customer may bear the customer's name, and a price that one person paid is that
    person's. Lines stay, and with them revenue; they name no product. Categories and brands likewise.
    What is computed from it is not kept for other reports, which see every product.
    """
    lines = base.transactions
    if "product_id" not in lines.columns:
        return base
    bought = lines.select("customer_id", "product_id")
    tables = {
        "transactions": base.materialise(_named(lines, "product_id", _common(bought, "product_id", minimum)))
    }
    known = base.tables.get("products")
    if known is not None:
        for column in (name for name in GROUPS if name in known.columns):
            of = bought.inner_join(base.tables["products"].select("product_id", group=column), "product_id")
            known = _named(known, column, _common(of, "group", minimum))
        tables["products"] = base.materialise(known)
    snapshot = base.snapshot
    return replace(base, snapshot=replace(snapshot, tables={**snapshot.tables, **tables}, kept_in=None))


def _common(bought: ir.Table, column: str, minimum: int) -> ir.Table:
    counted = bought.group_by(common=bought[column]).aggregate(people=bought.customer_id.nunique())
    return counted.filter(counted.people >= minimum).select("common")


def _named(table: ir.Table, column: str, common: ir.Table) -> ir.Table:
    joined = table.left_join(common, table[column] == common.common)
    kept = joined.common.notnull().ifelse(joined[column], ibis.null("string"))
    return joined.mutate(**{column: kept}).select(*table.columns)
