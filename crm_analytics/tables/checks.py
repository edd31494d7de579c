"""Rows against the contract: every value cast, every broken row told apart.

`cast_table` is the fast path, one pass over the source that only flags what is wrong; `rules_of` says
what is wrong with it, and is asked only where something was flagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.contract import PART, ROW, Table
from crm_analytics.tables.fields import Field, fields_of
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.money import LIMIT
from crm_analytics.tables.shortened_amounts import SHORT, is_shortened
from crm_analytics.tables.signs import RETURNED, settle_signs

EARLIEST_DAY = date(1900, 1, 1)
BROKEN = "_broken"  # the row breaks a rule
UNREAD = "_unread"  # an optional value could not be read: it is left empty, the row stays
ROUNDED = "_rounded"  # money of more than four decimals: rounding changes it by more than a thousandth
STAYS = "the value is left empty, the row stays"
TOO_LARGE = "is 10^14 or more, beyond what money can be"
_NOUN = {"time": "a date", "date": "a date", "flag": "true or false", "count": "a whole number"}
_PART = 1e-3
_AMOUNT = "unit_spend"


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a row of the source."""

    column: str
    says: str
    breaks: ir.BooleanValue  # over the source's table
    drops_row: bool = True


def cast_table(table: Table, raw: ir.Table, spec: TableMapping, today: date, readings: Readings) -> ir.Table:
    """The source's rows in the contract's columns and types, with the flags BROKEN, UNREAD and more.

    Parameters
    ----------
    raw : the source's table, columns named by the source
    today : rows after this day are broken
    readings : how its text columns are read

    Returns
    -------
    The fields; ROW and PART where rows have them; BROKEN, UNREAD, and for purchase lines ROUNDED and RETURNED
    where they can occur.

    Raises
    ------
    DataError : a required column is neither there nor derivable (the nearest name is offered).
    """
    fields = fields_of(table, raw, spec, readings)
    values = {name: field.value for name, field in fields.items()}
    unread = ibis.literal(False)
    for name, field in fields.items():
        if not table[name].required and not field.sure:
            unread |= field.present & field.value.isnull()
    values, turned = settle_signs(values)
    flags: dict[str, ir.Value] = {UNREAD: unread}
    if turned is not None:
        flags[RETURNED] = turned
    if (rounded := _rounded(fields)) is not None:
        flags[ROUNDED] = rounded
    place = {name: raw[name] for name in (ROW, PART) if name in raw.columns}
    cast = raw.select(**values, **place, **flags)
    broken = ibis.literal(False)
    for name in values:
        if table[name].required:
            broken |= cast[name].isnull()
    for _, condition in _outside_time(table, {name: cast[name] for name in values}, today):
        broken |= condition.fill_null(False)
    return cast.mutate(**{BROKEN: broken})


def rules_of(table: Table, raw: ir.Table, spec: TableMapping, today: date, readings: Readings) -> list[Rule]:
    """Every rule of a table over its source, in the order in which a row is judged."""
    fields = fields_of(table, raw, spec, readings)
    rules, aside = [], []
    for name, field in fields.items():
        column = table[name]
        says = f"is not {_NOUN.get(column.type, 'a number')}"
        unreadable = field.present & field.value.isnull()
        large = _too_large(field) if column.type == "money" else None
        if column.required:
            if large is not None:
                rules.append(Rule(name, TOO_LARGE, large))
            if column.type == "money" and (short := is_shortened(raw, readings)) is not None:
                rules.append(Rule(name, SHORT, unreadable & short))
            rules.append(Rule(name, says, unreadable))
            rules.append(Rule(name, "is missing", field.value.isnull()))
        elif not field.sure:
            aside.append(Rule(name, f"{says}; {STAYS}", unreadable, drops_row=False))
    times = {name: field.value for name, field in fields.items()}
    rules += [Rule(str(table.row_time), says, c) for says, c in _outside_time(table, times, today)]
    return rules + aside


def _too_large(field: Field) -> ir.BooleanValue | None:
    if field.number is None:
        return None
    size = field.number.cast("float64").abs()
    return field.value.isnull() & (size >= LIMIT) & ~size.isinf() & ~size.isnan()


def _rounded(fields: dict[str, Field]) -> ir.BooleanValue | None:
    """Whether an amount of many decimals is another one after rounding."""
    field = fields.get(_AMOUNT)
    if field is None or field.number is None or field.exact:
        return None
    number = field.number.cast("float64")
    return ((number - field.value.cast("float64")).abs() > _PART * number.abs()).fill_null(False)


def _outside_time(
    table: Table, fields: dict[str, ir.Value], today: date
) -> list[tuple[str, ir.BooleanValue]]:
    """Rows before the calendar of any shop, and facts that cannot have happened yet.

    A campaign or a launch may be planned ahead; where the time is not required it is no fact.
    """
    if table.row_time is None or table.row_time not in fields:
        return []
    moment = fields[table.row_time]
    early = ("lies before 1900", moment < ibis.literal(EARLIEST_DAY))
    late = ("lies after today", moment >= ibis.literal(today + timedelta(days=1)))
    return [late, early] if table[table.row_time].required else [early]
