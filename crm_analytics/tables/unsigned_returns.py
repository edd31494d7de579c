"""Returns written without a sign: told by a side of the books, by an order's number, or twice negative.

Their amounts count as sales until the mapping says which lines they are.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import ibis.expr.types as ir
from ibis import _

from crm_analytics.tables.casts import number_value
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.order_states import SIDES, amount_of, row_of, unused_columns
from crm_analytics.tables.rejects import Table
from crm_analytics.tables.sums import parse_sum

_PAIRS = (("+", "-"), ("s", "h"), ("soll", "haben"), ("d", "c"), ("dr", "cr"), ("debit", "credit"))
_PREFIXES = (
    "CN",
    "CRN",
    "CM",
    "RMA",
    "RET",
    "RETURN",
    "REF",
    "REFUND",
    "GS",
    "GUT",
    "STORNO",
    "AV",
    "NC",
    "NCR",
)
_CREDIT_NOTE = f"^({'|'.join(_PREFIXES)})[-_ /]?[0-9]"
_MOST = 0.3  # of the lines: a prefix of more is no sign of a return


def unsigned_returns(table: Table) -> list[Finding]:
    """What says of some lines of the purchases that they are returns, while their amounts do not."""
    if table.name != "transactions":
        return []
    sides = (_side(table, column) for column in unused_columns(table) if SIDES.fullmatch(column))
    return [one for one in (*sides, _numbered(table), _twice_negative(table)) if one is not None]


def _side(table: Table, column: str) -> Finding | None:
    """Debit and credit, or plus and minus, in a column beside the amount: the rarer side takes back."""
    amount = amount_of(table)
    if amount is None:
        return None
    lines = table.rows.select(side=table.rows[column].cast("string").strip(), amount=amount)
    lines = lines.filter(lines.side != "")
    counts = lines.group_by("side").aggregate(
        n=lines.count(), sold=(lines.amount > 0).sum(), money=lines.amount.sum(where=lines.amount > 0)
    )
    found = sorted(counts.limit(3).to_pyarrow().to_pylist(), key=lambda row: row["n"])
    if len(found) != 2 or not any({r["side"].lower() for r in found} == set(pair) for pair in _PAIRS):
        return None
    back = next((row for row in found if row["side"] == "-"), found[0])
    if not back["sold"]:
        return None
    says = f"{counted(int(back['sold']), 'line')} where '{column}' says {back['side']} count as sales."
    settles = f'[transactions]\nis_return = {{ column = "{column}", equals = ["{back["side"]}"] }}'
    return Finding("side", "serious", "transactions", column, says, int(back["sold"]),
                   float(back["money"] or 0), settles)  # fmt: skip


def _numbered(table: Table) -> Finding | None:
    """Orders whose number is that of a credit note, CN-77, among numbers that are none."""
    name = table.spec.fields.get("transaction_id", "transaction_id")
    rows = table.rows
    if not isinstance(name, str) or name not in rows.columns or not rows[name].type().is_string():
        return None
    amount = amount_of(table)
    if amount is None or "is_return" in (*table.spec.fields, *rows.columns):
        return None
    # only some letters begin such a number: asked first, as an expression on millions of texts costs more
    begins = rows[name].substr(0, 1).upper().isin(sorted({prefix[0] for prefix in _PREFIXES}))
    lines = rows.select(number=rows[name], amount=amount, begins=begins).filter(_.begins)
    number = lines.number.strip().upper()
    lines = lines.mutate(
        prefix=number.re_extract(_CREDIT_NOTE, 1), alone=number.re_search("^C[0-9]+$"), sells=lines.amount > 0
    )
    row = _sold(lines, lines.prefix != "")
    if not row["n"]:
        row = _sold(lines, lines.alone)
        others = row_of(rows, n=(~rows[name].strip().re_search("^[Cc]?[0-9]+$")).sum()) if row["n"] else {}
        if not row["n"] or others["n"]:
            return None  # C536379 among numbers that are digits alone takes an order back
    row["of"] = row_of(rows, n=rows.count())["n"]
    if row["n"] > _MOST * row["of"]:
        return None
    words = ", ".join(f'"{word}"' for word in row["words"] or ["C"])
    says = (
        f"{counted(int(row['n']), 'line')} with the number of a credit note (such as CN-77) count as sales."
    )
    settles = f'[transactions]\nis_return = {{ column = "{name}", begins = [{words}] }}'
    return Finding("credit_notes", "warning", "transactions", "transaction_id", says, int(row["n"]),
                   float(row["money"] or 0), settles)  # fmt: skip


def _sold(lines: ir.Table, hit: ir.BooleanValue) -> dict[str, Any]:
    """Lines with such a number and an amount above nothing, their money, and how the numbers begin."""
    hit = (hit & lines.sells).fill_null(False)
    row = row_of(lines, n=hit.sum(), money=lines.amount.sum(where=hit))
    words = (
        lines.filter(hit).select("prefix").distinct().to_pyarrow()["prefix"].to_pylist() if row["n"] else []
    )
    return {**row, "words": sorted(word for word in words if word)}


def _twice_negative(table: Table) -> Finding | None:
    """A negative quantity times a negative price, in arithmetic of the mapping, is positive money."""
    origin = table.spec.fields.get("unit_spend")
    if not isinstance(origin, str) or "*" not in origin or origin in table.rows.columns:
        return None
    if "unit_quantity" in table.spec.fields:
        return None  # its sign is settled line by line
    names = parse_sum(origin, table.rows.columns, table.name).columns
    amount = amount_of(table)
    if len(names) < 2 or amount is None:
        return None
    below = [_number(table, name) < 0 for name in names]
    both = reduce(or_, (one & other for i, one in enumerate(below) for other in below[i + 1 :]))
    lines = table.rows.select(hit=both.fill_null(False), amount=amount)
    hit = lines.hit & (lines.amount > 0)
    row = row_of(lines, n=hit.sum(), money=lines.amount.sum(where=hit))
    if not row["n"]:
        return None
    says = (
        f"{counted(int(row['n']), 'line')} with both {names[0]} and {names[1]} below zero: their product is "
        "above, and they count as sales."
    )
    settles = f'[transactions]\nunit_quantity = "{names[0]}"'
    return Finding("twice_negative", "serious", "transactions", "unit_spend", says, int(row["n"]),
                   float(row["money"] or 0), settles)  # fmt: skip


def _number(table: Table, name: str) -> ir.Value:
    return number_value(table.rows[name], table.readings.numbers.get(name))
