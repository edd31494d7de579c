"""How each text column was read, in words, with examples: for `crm check` and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import ibis.expr.types as ir

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.date_columns import DateReading
from crm_analytics.tables.fields import fields_of
from crm_analytics.tables.number_grammar import COMMA, NumberReading
from crm_analytics.tables.rejects import Table

_EXAMPLES = 3
_ORDERS = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True)
class ReadAs:
    """One field's reading.

    Attributes
    ----------
    how : in words, "numbers with a decimal comma"
    examples : at most three pairs of the text and what it was read as; amounts and dates only
    """

    table: str
    field: str
    column: str
    how: str
    examples: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> ReadAs:
        """The opposite of `as_dict`, after JSON made lists of the pairs."""
        return cls(**{**content, "examples": tuple((text, value) for text, value in content["examples"])})

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return asdict(self)


def read_as(table: Table) -> list[ReadAs]:
    """The readings of a table's text columns."""
    found = []
    fields = None
    for column in TABLES[table.name].columns:
        origin = table.spec.fields.get(column.name, column.name)
        name = origin.get("column", column.name) if isinstance(origin, dict) else origin
        reading = table.readings.numbers.get(str(name)) or table.readings.dates.get(str(name))
        if reading is None or column.engine_type == "string":
            continue
        fields = fields or fields_of(TABLES[table.name], table.rows, table.spec, table.readings)
        examples = _examples(table.rows, str(name), fields[column.name].value)
        found.append(ReadAs(table.name, column.name, str(name), in_words(reading), examples))
    return found


def in_words(reading: NumberReading | DateReading) -> str:
    """A reading as a person would say it.

    >>> in_words(NumberReading(",", plain=False))
    'numbers with a decimal comma'
    >>> in_words(DateReading(plain=True))
    'ISO dates'
    """
    if isinstance(reading, NumberReading):
        words = "numbers with a decimal comma" if reading.decimal == COMMA else "numbers with a decimal point"
        if any(w.percent for w in reading.shapes.values()):
            words = "per cent, " + words
        return words + (f", in {', '.join(sorted(reading.marks))}" if reading.marks else "")
    if reading.plain:
        return "ISO dates"
    if reading.unit in _UNITS:
        return f"{_UNITS[reading.unit]} since 1970"
    if reading.unit == "day":
        return "days as 20260131"
    kinds = [
        f"dates as {_ORDERS[order]}" if order else f"dates, {family.name}"
        for family, order in reading.families
    ]
    return "; ".join(dict.fromkeys(kinds)) or "dates"


def _examples(rows: ir.Table, column: str, value: ir.Value) -> tuple[tuple[str, str], ...]:
    shown = rows.select(text=rows[column].cast("string"), value=value.cast("string"))
    found = shown.filter(shown.value.notnull()).limit(_EXAMPLES).to_pyarrow().to_pylist()
    return tuple((str(row["text"]), str(row["value"])) for row in found)
