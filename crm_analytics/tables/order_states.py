"""Lines of orders that came to nothing, and yet count as sales: cancelled, failed, refunded.

Asked of the columns that the mapping does not use, by their names and by what they hold.
"""

from __future__ import annotations

import re
from typing import Any

import ibis.expr.types as ir

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.fields import fields_of
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.number_columns import decide_numbers, number_text
from crm_analytics.tables.number_grammar import NumberReading
from crm_analytics.tables.rejects import Table

_STATES = re.compile(
    r"status|state|statut|estado|stato|zustand|type|typ$|kind|action|operation|movement|document|vorgang"
    r"|belegart|doc|outcome|result",
    re.IGNORECASE,
)
_KINDS = re.compile(r"type|typ$|kind|action|operation|movement|document|vorgang|belegart|doc", re.IGNORECASE)
_FLAGS = re.compile(
    r"(is_?)?(cancell?ed|voided|void|refunded|refund|returned|deleted|storniert|storno|annull?\w*|cancell?ation|chargeback)"
    r"([ _]?(at|on|date|time|flag|datum))?",
    re.IGNORECASE,
)
_REFUNDS = re.compile(
    r"(total|amount|sum)?[ _]?refund(ed|s)?[ _]?(total|amount|sum|value)?|amount[ _]refunded", re.IGNORECASE
)
_VOID = (
    "cancelled", "canceled", "cancellation", "cancel", "void", "voided", "failed", "failure", "declined",
    "rejected", "expired", "abandoned", "draft", "unpaid", "storno", "storniert", "annulliert", "annulé",
    "annulée", "annullato", "cancelado", "cancelada", "anulado", "abgebrochen", "geannuleerd", "quote",
    "proforma", "estimate", "angebot", "kostenvoranschlag", "devis", "preventivo", "presupuesto", "payout",
    "withdrawal",
)  # fmt: skip
_RETURNED = (
    "refunded", "refund", "returned", "return", "chargeback", "reversal", "reversed", "gutschrift", "retoure",
    "retour", "remboursé", "remboursement", "avoir", "reso", "rimborso", "devolución", "reembolso",
    "erstattet", "erstattung", "rma",
)  # fmt: skip
_CREDIT = ("note", "memo")  # "credit" alone is a way to pay
_UNDONE = ("not", "no", "non", "never", "partially", "partial", "nicht", "kein", "free")
_BESIDE = (
    "order", "orders", "payment", "fully", "full", "by", "customer", "buyer", "seller", "merchant", "admin",
    "system", "sale", "item", "items", "invoice", "note", "memo", "credit", "was", "is", "and", "after",
    "before", "shipping", "delivery", "delivered", "auto", "automatically", "status", "money",
    "back", "goods",
)  # fmt: skip
_FALSE = ("", "0", "0.0", "0.00", "false", "no", "n", "f", "nein", "non", "-", "null", "none", "nan", "nat")
_VALUES = 60  # a column of more is free text


SIDES = re.compile(
    r"sign|vorzeichen|soll.*|s/h|shkz|debit.*|credit.*|indicator"
    r"|(dr|d)[ _/]?(cr|c)([ _]?(flag|type|indicator))?",
    re.IGNORECASE,
)


def may_tell(column: str) -> bool:
    """Whether a column of this name may say what became of an order."""
    whole = (_FLAGS, _REFUNDS, SIDES)
    return bool(_STATES.search(column) or any(one.fullmatch(column) for one in whole))


def speaking(table: Table) -> list[str]:
    """Columns that `order_states` looks at."""
    return [column for column in unused_columns(table) if may_tell(column)]


def order_states(table: Table) -> list[Finding]:
    """What the unused columns of the purchases say against some of the lines."""
    if table.name != "transactions":
        return []
    unused = unused_columns(table)
    found = []
    for column in unused:
        if _REFUNDS.fullmatch(column) and (one := _refunded(table, column)):
            found.append(one)
        elif _FLAGS.fullmatch(column):
            found += _lines(table, column, [], flag=True)
        elif _STATES.search(column):
            found += _lines(table, column, _words(table.rows[column]))
    return found


def unused_columns(table: Table) -> list[str]:
    """Columns of the source that no field, condition or default of the mapping names."""
    spec = table.spec
    text = str((dict(spec.fields), dict(spec.default), spec.rate, spec.fill_down, spec.within))
    named = {*TABLES[table.name].names, *spec.where, *spec.exclude}
    return [
        c
        for c in table.rows.columns
        if c not in named and not re.search(rf"(?<!\w){re.escape(c)}(?!\w)", text)
    ]


def _words(values: ir.Value) -> list[str]:
    """The values of a column that mean that nothing was sold; few values, or none."""
    text = values.cast("string").name("value")
    seen = text.as_table().distinct().limit(_VALUES + 1).to_pyarrow().column("value").to_pylist()
    if len(seen) > _VALUES:
        return []
    return sorted(value for value in seen if value is not None and came_to_nothing(value))


def came_to_nothing(value: str) -> bool:
    """Whether a state of an order says that it is no sale.

    >>> [came_to_nothing(v) for v in ("VOIDED", "order_refunded", "Credit note", "credit", "not paid")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[^\W\d_]+", value.lower())
    if any(word in _UNDONE for word in words):
        return False
    credit = "credit" in words and any(word in _CREDIT for word in words)
    return credit or any(word in _VOID or word in _RETURNED for word in words)


def _lines(table: Table, column: str, words: list[str], *, flag: bool = False) -> list[Finding]:
    """Lines that count as sales, with one of the words, or with anything where it is a flag or a time."""
    if not (words or flag):
        return []
    rows = table.rows
    text = rows[column].cast("string")
    hit = ~text.strip().lower().isin(_FALSE) if flag else text.isin(words)
    amount = amount_of(table)
    if amount is None:
        return []
    sold = rows.mutate(hit=hit.fill_null(False), amount=amount)
    sold = sold.filter(sold.amount > 0)
    row = row_of(sold, n=sold.hit.sum(), money=sold.amount.sum(where=sold.hit), of=sold.count())
    if not row["n"] or row["n"] == row["of"]:  # a column that is always full is no flag
        return []
    if flag:
        back = re.search("return|refund", column, re.IGNORECASE)
        what = f"'{column}' is filled in"
        settles = f'[transactions]\nis_return = "{column}"' if back else ""
    else:
        shown = [word for word in words if _is_shown(word)]
        what = f"'{column}' says {', '.join(shown[:6]) or 'so'}"
        settles = _settled(column, words) if shown == words else ""
    says = f"{counted(int(row['n']), 'line')} of orders that came to nothing count as sales: {what}."
    return [Finding("no_sale", "serious", table.name, column, says, int(row["n"]), float(row["money"] or 0),
                    settles)]  # fmt: skip


def _is_shown(value: str) -> bool:
    """Whether a state holds known words alone: others might name a person."""
    known = {*_VOID, *_RETURNED, *_BESIDE}
    return not re.search(r"\d", value) and all(w in known for w in re.findall(r"[^\W_]+", value.lower()))


def _settled(column: str, words: list[str]) -> str:
    back = [w for w in words if not any(v in _VOID for v in re.findall(r"[^\W\d_]+", w.lower()))]
    listed = [", ".join(f'"{w}"' for w in some) for some in (words, back)]
    if _KINDS.search(column) and back == words:
        return f'[transactions]\nis_return = {{ column = "{column}", equals = [{listed[1]}] }}'
    return f'[transactions]\nexcept = {{ "{column}" = [{listed[0]}] }}'


def _refunded(table: Table, column: str) -> Finding | None:
    """A column of money given back that no amount takes off."""
    raw = table.rows
    value = raw[column]
    if value.type().is_string():
        reading = decide_numbers(raw, column, table.spec.decimal)
        if not isinstance(reading, NumberReading) or not reading.shapes:
            return None
        value = number_text(value, reading).try_cast("decimal(18, 4)")
    elif not value.type().is_numeric() or value.type().is_boolean():
        return None
    row = row_of(raw, n=(value > 0).sum(), money=value.sum(where=value > 0))
    if not row["n"]:
        return None
    says = (
        f"'{column}' holds money given back in {counted(int(row['n']), 'line')}, and no amount takes it off."
    )
    origin = _origin(table)
    settles = f"[transactions]\nunit_spend = '{origin} - {_name(column)}'" if origin else ""
    return Finding("refunds_left", "serious", table.name, column, says, int(row["n"]),
                   float(row["money"] or 0), settles)  # fmt: skip


def _origin(table: Table) -> str:
    """What the amount is made of, as arithmetic of the source's columns; empty where it cannot be said so."""
    fields, columns = table.spec.fields, table.rows.columns
    if "unit_spend" in fields or "unit_spend" in columns:
        parts = [fields.get("unit_spend", "unit_spend")]
    else:
        parts = [fields.get(name, name) for name in ("unit_quantity", "unit_price")]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        return ""
    return " * ".join(_name(part) if part in columns else f"({part})" for part in texts)


def _name(column: str) -> str:
    """A column as arithmetic of the mapping writes it."""
    return column if column.isidentifier() else f'"{column}"'


def amount_of(table: Table) -> ir.Value | None:
    """The amount of each line as the mapping and the contract make it; None where there is none."""
    fields = fields_of(TABLES[table.name], table.rows, table.spec, table.readings)
    return fields["unit_spend"].value if "unit_spend" in fields else None


def row_of(table: ir.Table, **wanted: Any) -> dict[str, Any]:
    """Aggregates of a table as one record."""
    return dict(table.aggregate(**wanted).to_pyarrow().to_pylist()[0])
