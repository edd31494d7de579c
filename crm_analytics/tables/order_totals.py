"""Totals of orders that an export writes on every line of an order: each line counts the whole again."""

from __future__ import annotations

import re

import ibis.expr.types as ir

from crm_analytics.tables.findings import Finding
from crm_analytics.tables.rejects import Table

_NAMED = re.compile(
    r"(order|invoice|basket|cart|receipt|bon|rechnung|bestell|auftrag|pedido|commande|ordine|grand).*"
    r"(total|amount|value|sum|revenue|betrag|wert|umsatz|importe|montant|importo)"
    r"|^(total|gesamt|summe|montant.?total)$",
    re.IGNORECASE,
)
_ORDERS = 20  # of several lines, at least
_AMOUNTS = 10  # unlike, at least: in a shop of one price all lines are alike
_ALIKE = 0.95


def order_totals(table: Table) -> list[Finding]:
    """A finding where the amount is called a total and is the same on all lines of an order.

    Looked at only where the name of the column says so: grouping lines by order costs as much as counting.
    """
    amount, order = (_origin(table, name) for name in ("unit_spend", "transaction_id"))
    if table.name != "transactions" or amount is None or order is None or not _NAMED.search(amount):
        return []
    lines = table.rows.filter(table.rows[order].notnull() & table.rows[amount].notnull())
    orders = lines.group_by(order=lines[order]).aggregate(
        lines=lines.count(), amounts=lines[amount].nunique(), amount=lines[amount].min()
    )
    several = orders.filter(orders.lines > 1)
    alike: ir.BooleanValue = several.amounts == 1
    row = several.aggregate(
        orders=several.count(), alike=alike.sum(), lines=several.lines.sum(),
        unlike=several.amount.nunique(where=alike),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if row["orders"] < _ORDERS or row["alike"] < _ALIKE * row["orders"] or row["unlike"] < _AMOUNTS:
        return []
    says = (
        f"'{amount}' is the same on all lines of {row['alike']:,} of {row['orders']:,} orders with several "
        "lines: it is the total of the order, and each line counts it again. Read the amount of the line."
    )
    settles = "[transactions]\nunit_spend = '<price> * <quantity>'"
    return [Finding("order_total", "serious", "transactions", "unit_spend", says, int(row["lines"]),
                    settles=settles)]  # fmt: skip


def _origin(table: Table, name: str) -> str | None:
    """The one column that a field is read from."""
    origin = table.spec.fields.get(name, name)
    return origin if isinstance(origin, str) and origin in table.rows.columns else None
