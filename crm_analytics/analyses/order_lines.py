"""Purchase lines with the order they belong to: what calendar and product analyses count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("transaction_date", "unit_spend")}


def order_lines(base: CustomerBase) -> ir.Table:
    """Lines of the base with the order each belongs to.

    An order is what one transaction key names. Where receipt numbers begin again (one number on several
    days, or with several customers) the day and the customer belong to the key. Without a key, an order is
    the purchases of one customer on one day. A line with neither has no order: it is sold, but nothing is
    known of what it was bought together with.

    Returns
    -------
    customer_id (NULL for anonymous sales), order (text, or NULL), day, at (timestamp), spend (DECIMAL),
    quantity (float, the line's own sign; 1 where it is not told, -1 for a return), is_return,
    is_free (not a return and worth nothing); product_id and attributes where the source has them
    """
    lines = base.transactions
    has = set(lines.columns)
    returned = lines.unit_spend < 0
    if "is_return" in has:
        returned = returned | lines.is_return.fill_null(False)
    sign = returned.ifelse(-1.0, 1.0)
    quantity = sign
    if "unit_quantity" in has:
        quantity = lines.unit_quantity.abs().fill_null(1.0) * sign
    kept = {name: lines[name] for name in ("product_id", "attributes", "unit_cost") if name in has}
    return lines.select(
        customer_id=lines.customer_id if "customer_id" in has else None,
        order=_order(lines, base.order_keys_repeat),
        day=lines.transaction_date.date(),
        at=lines.transaction_date,
        spend=lines.unit_spend,
        quantity=quantity,
        is_return=returned,
        is_free=(lines.unit_spend == 0) & ~returned,
        **kept,
    )


def _order(lines: ir.Table, keys_repeat: bool) -> ir.StringValue:
    day = lines.transaction_date.date().cast("string")
    by_customer = lines.customer_id + " " + day
    if "transaction_id" not in lines.columns:
        return by_customer
    key = lines.transaction_id
    if keys_repeat:
        key = key + " " + lines.customer_id.fill_null("") + " " + day
    return key.fill_null(by_customer)
