"""What is left of a sale after the cost of the goods, and what a customer costs to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

SERVING = {  # table -> its time; each row has a customer and a cost
    "tickets": "created_at",
    "campaign_members": "sent_at",
    "events": "timestamp",
}


def with_margin(base: CustomerBase, lines: ir.Table) -> ir.Table | None:
    """Purchase lines with two more columns, margin and costed; None without any unit cost.

    The unit cost stands in the line or with its product; a return gives back its cost. `costed` is the
    spend of lines whose cost is known, else 0; `margin` is missing there.
    """
    if "unit_cost" not in lines.columns:
        products = base.tables.get("products")
        if "product_id" not in lines.columns or products is None or "unit_cost" not in products.columns:
            return None
        lines = lines.left_join(products.select("product_id", "unit_cost"), "product_id")
        lines = lines.drop("product_id_right")
    quantity = lines.unit_quantity.abs().fill_null(1.0) if "unit_quantity" in lines.columns else 1.0
    cost = (lines.unit_cost.cast("float64") * quantity).cast(MONEY)
    cost = (lines.unit_spend < 0).ifelse(-cost, cost)
    return lines.mutate(
        margin=(lines.unit_spend - cost).cast(MONEY),
        costed=lines.unit_cost.notnull().ifelse(lines.unit_spend, ibis.literal(0).cast(MONEY)),
    )


def margin_lines(base: CustomerBase) -> ir.Table | None:
    """Lines of known customers `with_margin`: customer_id, day, spend, margin, costed; None without cost."""
    lines = base.transactions
    lines = with_margin(base, lines.filter(lines.customer_id.notnull()))
    if lines is None:
        return None
    day = lines.transaction_date.date()
    return lines.select("customer_id", "margin", "costed", day=day, spend=lines.unit_spend)


def margin_share(base: CustomerBase) -> float | None:
    """Margin as a share of the revenue whose cost is known; None without any, or where none is left."""
    lines = margin_lines(base)
    if lines is None:
        return None
    sums = lines.aggregate(margin=lines.margin.sum(), costed=lines.costed.sum()).to_pyarrow().to_pylist()[0]
    if not sums["costed"] or sums["costed"] <= 0 or sums["margin"] <= 0:
        return None
    return float(sums["margin"] / sums["costed"])


def serving_costs(base: CustomerBase) -> ir.Table | None:
    """What known customers cost beside the goods: customer_id, day, cost, kind (the table it stands in).

    Tickets, mails of campaigns and touches, where their tables say a cost; None where none does.
    """
    parts = []
    for name, time in SERVING.items():
        table = base.tables.get(name)
        if table is None or not {"customer_id", "cost", time} <= set(table.columns):
            continue
        table = table.filter(table.customer_id.notnull(), table.cost.notnull(), table[time].notnull())
        parts.append(
            table.select(
                "customer_id",
                day=table[time].date(),
                cost=table.cost.cast(MONEY),
                kind=ibis.literal(name),
            )
        )
    return ibis.union(*parts) if len(parts) > 1 else (parts[0] if parts else None)
