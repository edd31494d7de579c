"""Every field of a base with a few of its values, those of persons masked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from crm_analytics.tables.contract import TABLES, Column
from crm_analytics.tables.read_as import ReadAs

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

EXAMPLES = 3
_LONGEST = 40
# Texts that name a thing or a kind of thing. Whatever is not here may name or describe a person.
_THINGS = frozenset({
    "acquisition_campaign_id", "acquisition_channel", "block", "brand", "brand_name", "campaign_id",
    "campaign_name", "cancel_reason", "category", "category_0_name", "category_1_name", "channel",
    "country", "coupon", "currency", "customer_type", "device", "direction", "driver", "equity_type",
    "event", "framework", "id_type", "instrument", "language", "list_name", "loyalty_tier", "medium",
    "monetary_band", "needs_segment", "objective", "offer_code", "platform", "population", "practice",
    "priority", "product_id", "product_name", "reason_code", "resolution", "source", "source_system",
    "stage", "status", "store_id", "topic", "treatment", "type",
})  # fmt: skip
_OF_PERSONS = frozenset({"birth_date"})
_KINDS = {
    "text": "text", "word": "a word", "time": "date and time", "date": "date", "money": "amount",
    "number": "number", "count": "whole number", "flag": "true or false",
}  # fmt: skip


@dataclass(frozen=True)
class FieldExamples:
    """One field: what it holds, how its text was read, and a few values as they were read.

    Attributes
    ----------
    how : of text that had to be read (amounts, dates) the reading in words; else the kind of value
    filled : share of rows with a value, 0..1
    examples : at most three; letters and digits of persons' values are masked, so that only the shape is seen
    masked : whether they are
    """

    table: str
    field: str
    how: str
    filled: float
    examples: tuple[str, ...]
    masked: bool


def field_examples(base: CustomerBase, *, show_customers: bool = False) -> list[FieldExamples]:
    """All fields of all tables, in contract order.

    Parameters
    ----------
    show_customers : show persons' values as they are
    """
    readings = {(r.table, r.field): r for r in base.snapshot.readings}
    found = []
    for table, rows in base.tables.items():
        columns = [c for c in TABLES[table].columns if c.name in rows.columns]
        counts = rows.aggregate(rows=rows.count(), **{c.name: rows[c.name].count() for c in columns})
        filled = counts.to_pyarrow().to_pylist()[0]
        for column in columns:
            masked = not show_customers and is_personal(column)
            reading = readings.get((table, column.name))
            values = _values(rows, column)
            found.append(
                FieldExamples(
                    table,
                    column.name,
                    _how(column, reading),
                    filled[column.name] / filled["rows"] if filled["rows"] else 0.0,
                    tuple(dict.fromkeys(map(mask, values))) if masked else tuple(values),
                    masked,
                )
            )
    return found


def is_personal(column: Column) -> bool:
    """Whether a column's values may name or describe a person.

    >>> is_personal(TABLES["customers"]["email"]), is_personal(TABLES["transactions"]["unit_spend"])
    (True, False)
    """
    text = column.engine_type == "string" and column.name not in _THINGS
    return text or column.name in _OF_PERSONS


def mask(value: str) -> str:
    """The shape of a value.

    >>> mask("Ann-17@example.org"), mask("00123")
    ('Xxx-99@xxxxxxx.xxx', '99999')
    """
    shape = re.sub(r"[^\W\d_]", lambda letter: "X" if letter[0].isupper() else "x", value)
    return re.sub(r"\d", "9", shape)


def _how(column: Column, reading: ReadAs | None) -> str:
    if reading is not None:
        return f"{reading.how}, from {reading.column}" if reading.column != reading.field else reading.how
    return _KINDS[column.type]


def _values(rows: ir.Table, column: Column) -> list[str]:
    """Values from the low end, the middle and the high end: no row's order decides which."""
    value = rows[column.name]
    named = rows.select(value=value).filter(value.notnull()).distinct().order_by("value")
    if column.engine_type in ("string", "boolean"):
        wanted = named.limit(EXAMPLES)
    else:
        ends = rows.aggregate(low=value.min(), high=value.max())
        middle = named.filter(named.value > ends.low.as_scalar()).limit(1)
        wanted = (
            middle.union(ends.select(value=ends.low), ends.select(value=ends.high))
            .distinct()
            .order_by("value")
        )
    values = wanted.select(value=wanted.value.cast("string")).to_pyarrow()["value"].to_pylist()
    return [_short(v, column) for v in dict.fromkeys(values) if v is not None][:EXAMPLES]


def _short(value: str, column: Column) -> str:
    if column.type == "time":
        value = value.removesuffix(" 00:00:00")
    if column.type in ("money", "number") and "." in value:
        value = value.rstrip("0").rstrip(".")
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
