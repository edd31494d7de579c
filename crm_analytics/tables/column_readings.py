"""The readings of a table's columns: which are text to be read as numbers or moments, and how."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables import date_columns, number_columns
from crm_analytics.tables.contract import Table
from crm_analytics.tables.date_columns import DateDoubt, DateReading
from crm_analytics.tables.date_grammar import language_of
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.number_grammar import COMMA, POINT, NumberDoubt, NumberReading, same_currency
from crm_analytics.tables.sums import find_column, parse_sum
from crm_analytics.tables.zones import UTC

_NUMBERS = ("money", "number", "count")
_MOMENTS = ("time", "date")
_LONG_FRACTION = 4  # decimals that MONEY keeps
_FORMATS = {"DMY": "%d/%m/%Y", "MDY": "%m/%d/%Y", "YMD": "%Y/%m/%d"}


class AmbiguousColumn(DataError):  # noqa: N818 - the name is the sentence
    """A column that can be read in two ways.

    Attributes
    ----------
    settles : what to say in the mapping, as it was read before readings were decided: table, key, value
    """

    def __init__(self, message: str, settles: tuple[str, str, Any]) -> None:
        self.settles = settles
        super().__init__(message)


@dataclass(frozen=True)
class Readings:
    """How each text column of one table is read.

    Attributes
    ----------
    numbers, dates : by the source's column
    zone : the shop's time zone, on whose clock all moments are put
    """

    numbers: MappingType[str, NumberReading] = field(default_factory=dict)
    dates: MappingType[str, DateReading] = field(default_factory=dict)
    zone: str = UTC

    def fine(self, column: str) -> bool:
        """Whether some amounts of a text column have more decimals than money keeps."""
        reading = self.numbers.get(column)
        if reading is None:
            return False
        return any(
            w.exponent or len(s.rpartition(reading.decimal)[2].rstrip(" )-%")) > _LONG_FRACTION
            for s, w in reading.shapes.items()
            if reading.decimal in s or w.exponent
        )

    @property
    def month_language(self) -> str | None:
        """The language of month names that could not be read, where there is one."""
        words = [w for reading in self.dates.values() for w in reading.words]
        return language_of(words)


def read_columns(table: Table, raw: ir.Table, spec: TableMapping, today: date, zone: str) -> Readings:
    """Decide how every text column that a field needs is read, each from all of its values.

    Raises
    ------
    AmbiguousColumn : a column can be read in two ways; both are shown, and the line that settles it.
    """
    numbers: dict[str, NumberReading] = {}
    dates: dict[str, DateReading] = {}
    for column, (kind, name) in needed_columns(table, raw, spec).items():
        if kind == "number":
            found = number_columns.decide_numbers(raw, column, spec.decimal)
            if isinstance(found, NumberDoubt):
                raise two_numbers(table, raw, (column, ""), found)
            if not same_currency(found.marks):
                marks = ", ".join(sorted(found.marks))
                raise DataError(
                    f"{table.name}: '{column}' holds amounts in several currencies ({marks}). "
                    "Convert them to one, or open one currency at a time"
                )
            numbers[column] = found
        else:
            past = table.row_time is not None and table[table.row_time].required
            read = date_columns.decide_dates(
                raw, column, spec.language, today, past=past, buddhist=spec.calendar == "buddhist"
            )
            if isinstance(read, DateDoubt):
                raise two_dates(table, raw, (column, ""), name, read)
            dates[column] = read
    return Readings(numbers, dates, zone)


def needed_columns(table: Table, raw: ir.Table, spec: TableMapping) -> dict[str, tuple[str, str]]:
    """The source's columns that need a reading: as number or moment, and for which field."""
    needed: dict[str, tuple[str, str]] = {}
    for column in table.columns:
        origin = spec.fields.get(column.name, column.name if column.name in raw.columns else None)
        if isinstance(origin, dict):
            if {"format", "value", "equals"} & origin.keys():
                continue
            origin = origin.get("column", column.name)
        if not isinstance(origin, str):
            continue
        names: tuple[str, ...] = (origin,) if origin in raw.columns else ()
        if not names and column.type in _NUMBERS:
            names = parse_sum(origin, raw.columns, table.name).columns
        for name in names:
            kind = raw[name].type()
            if column.type in _NUMBERS and kind.is_string():
                needed[name] = ("number", column.name)
            elif column.type in _MOMENTS and (kind.is_string() or kind.is_numeric()):
                needed.setdefault(name, ("moment", column.name))
    if isinstance(spec.rate, str) and raw[find_column(spec.rate, raw.columns, table.name)].type().is_string():
        needed[spec.rate] = ("number", "rate")
    return needed


def two_numbers(table: Table, raw: ir.Table, where: tuple[str, str], doubt: NumberDoubt) -> AmbiguousColumn:
    """What to say of amounts that can be read in two ways.

    Parameters
    ----------
    where : the column, and the file where it is one of several
    """
    column, file = where
    shown = number_columns.example(raw, column)
    mark = COMMA if COMMA in shown else POINT
    as_decimal, as_group = shown.replace(mark, "."), shown.replace(mark, "")
    names = {POINT: "point", COMMA: "comma"}
    other = COMMA if mark == POINT else POINT
    says = (
        f"{table.name}: '{column}'{_in(file)} can be read in two ways: {shown} is {as_decimal} with a "
        f"decimal {names[mark]}, "
        f"or {as_group} with a decimal {names[other]}. "
    )
    if doubt.mixed:
        says += f"{doubt.points:,} rows prove a point and {doubt.commas:,} a comma. "
    return AmbiguousColumn(
        f'{says}Say which it is in mapping.toml:\n  [{table.name}]\n  decimal = "."   # or ","',
        (table.name, "decimal", POINT),
    )


def _in(file: str) -> str:
    return f" of {file}" if file else ""


def two_dates(
    table: Table, raw: ir.Table, where: tuple[str, str], field_name: str, doubt: DateDoubt
) -> AmbiguousColumn:
    """What to say of days that can be read in two orders; `where` as in `two_numbers`."""
    column, file = where
    shown = date_columns.example(raw, column, doubt)
    words = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}
    first, second = doubt.orders
    says = (
        f"{table.name}: '{column}'{_in(file)} can be read in two ways: {shown} as {words[first]} "
        f"or as {words[second]}. "
    )
    if doubt.mixed:
        says += f"{doubt.rows[0]:,} rows fit only the first and {doubt.rows[1]:,} only the second. "
    one, other = (_format(shown, order, doubt.family.name) for order in (first, second))
    line = f'{{ column = "{column}", format = "{one}" }}   # or "{other}"'
    return AmbiguousColumn(
        f"{says}Say which it is in mapping.toml:\n  [{table.name}]\n  {field_name} = {line}",
        (table.name, field_name, {"column": column, "format": one}),
    )


def _format(shown: str, order: str, family: str) -> str:
    mark = next((c for c in shown if c in "/.-"), "/")
    year = "%y" if family.startswith("short") else "%Y"
    return mark.join({"D": "%d", "M": "%m", "Y": year}[letter] for letter in order)
