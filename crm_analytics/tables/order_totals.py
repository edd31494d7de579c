"""Totals of orders among their lines, on each of them or on one of its own: they count the whole again."""

from __future__ import annotations

import re

import ibis.expr.types as ir

from crm_analytics.tables.findings import Finding
from crm_analytics.tables.order_states import amount_of
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
_HEAD = 20_000  # lines


def order_totals(table: Table) -> list[Finding]:
    """A finding where a total of the order stands on each of its lines, or on a line of its own."""
    if table.name != "transactions":
        return []
    return [*_on_each_line(table), *_on_its_own(table)]


def _on_its_own(table: Table) -> list[Finding]:
    """One line of nearly every order is the sum of its others. Looked for in the first lines."""
    order, amount = _origin(table, "transaction_id"), amount_of(table)
    if order is None or amount is None:
        return []
    lines = table.rows.select(order=table.rows[order], amount=amount).limit(_HEAD)
    lines = lines.filter(lines.order.notnull() & lines.amount.notnull())
    orders = lines.group_by("order").aggregate(
        n=lines.count(), whole=lines.amount.sum(), top=lines.amount.max()
    )
    several = orders.filter(orders.n > 2)
    sums = (several.top > 0) & (2 * several.top == several.whole)
    row = several.aggregate(orders=several.count(), sums=sums.sum(), unlike=several.top.nunique(where=sums),
                            money=several.top.sum(where=sums)).to_pyarrow().to_pylist()[0]  # fmt: skip
    if row["orders"] < _ORDERS or row["sums"] < _ALIKE * row["orders"] or row["unlike"] < _AMOUNTS:
        return []
    says = (
        f"In {row['sums']:,} of the first {row['orders']:,} orders of three lines and more, one line is the "
        "sum of the others: the total of the order counts beside its lines. Leave it out."
    )
    settles = '[transactions]\nexcept = { <column> = ["<what only lines of totals say>"] }'
    return [Finding("order_total", "serious", "transactions", "unit_spend", says, int(row["sums"]),
                    float(row["money"]), settles)]  # fmt: skip


def _on_each_line(table: Table) -> list[Finding]:
    """The amount is called a total and is the same on all lines of an order.

    Looked at only where the name of the column says so: grouping lines by order costs as much as counting.
    """
    amount, order = (_origin(table, name) for name in ("unit_spend", "transaction_id"))
    if amount is None or order is None or not _NAMED.search(amount):
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
