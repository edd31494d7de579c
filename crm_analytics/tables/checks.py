"""Rows against the contract: every value cast, every broken row told apart.

`cast_table` is the fast path, one pass over the source that only flags what is wrong; `rules_of` says
what is wrong with it, and is asked only where something was flagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.casts import cast_value, is_present, number_text, read_with_format
from crm_analytics.tables.contract import ROW, Column, Table
from crm_analytics.tables.headers import nearest_column, the_source_has
from crm_analytics.tables.mapping import TableMapping, evaluate, find_column

EARLIEST_DAY = date(1900, 1, 1)
BROKEN = "_broken"  # the row breaks a rule
UNREAD = "_unread"  # an optional value could not be read: it is left empty, the row stays
STAYS = "the value is left empty, the row stays"
_NOUN = {"time": "a date", "date": "a date", "flag": "true or false", "count": "a whole number"}


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a row of the source."""

    column: str
    says: str
    breaks: ir.BooleanValue  # over the source's table
    drops_row: bool = True


def cast_table(table: Table, raw: ir.Table, spec: TableMapping, today: date) -> ir.Table:
    """The source's rows in the contract's columns and types, with the flags BROKEN and UNREAD.

    Parameters
    ----------
    raw : the source's table, columns named by the source
    today : rows after this day are broken

    Raises
    ------
    DataError : a required column is neither there nor derivable (the nearest name is offered).
    """
    given = field_sources(table, raw, spec)
    fields = {name: cast_value(value, table[name], spec) for name, value in given.items()}
    unread = ibis.literal(False)
    for name, value in given.items():
        if _may_be_unread(table[name], value):
            unread |= is_present(value) & fields[name].isnull()
    place = {ROW: raw[ROW]} if ROW in raw.columns else {}
    cast = raw.select(**fields, **place, **{UNREAD: unread})
    broken = ibis.literal(False)
    for name in fields:
        if table[name].required:
            broken |= cast[name].isnull()
    for _, condition in _outside_time(table, cast, today):
        broken |= condition.fill_null(False)
    return cast.mutate(**{BROKEN: broken})


def rules_of(table: Table, raw: ir.Table, spec: TableMapping, today: date) -> list[Rule]:
    """Every rule of a table over its source, in the order in which a row is judged."""
    given = field_sources(table, raw, spec)
    fields = {name: cast_value(value, table[name], spec) for name, value in given.items()}
    rules, aside = [], []
    for name, value in given.items():
        column = table[name]
        says = f"is not {_NOUN.get(column.type, 'a number')}"
        unreadable = is_present(value) & fields[name].isnull()
        if column.required:
            rules.append(Rule(name, says, unreadable))
            rules.append(Rule(name, "is missing", fields[name].isnull()))
        elif _may_be_unread(column, value):
            aside.append(Rule(name, f"{says}; {STAYS}", unreadable, drops_row=False))
    rules += [Rule(str(table.row_time), says, c) for says, c in _outside_time(table, fields, today)]
    return rules + aside


def repeats_key(cast: ir.Table, table: Table) -> ir.BooleanValue | None:
    """Whether a good row repeats the key of another; None where the source gives no whole key.

    Without a key column in the source nothing is a repetition: equal lines are two purchases. Which of
    two rows stays is told by what they hold, so that the order of rows does not matter.
    """
    if not table.key or any(k not in cast.columns for k in table.key):
        return None
    complete = ~cast[BROKEN]
    for key in table.key:
        complete &= cast[key].notnull()
    contents = [c for c in table.names if c in cast.columns and c not in table.key]
    window = ibis.window(group_by=[*table.key, complete], order_by=contents or list(table.key))
    return complete & (ibis.row_number().over(window) > 0)


def count_repeats(cast: ir.Table, table: Table) -> ir.IntegerScalar | None:
    """How many good rows repeat a key: cheap, asked before the windows of `repeats_key`."""
    if not table.key or any(k not in cast.columns for k in table.key):
        return None
    named = cast.filter([~cast[BROKEN], *(cast[k].notnull() for k in table.key)])
    keys = named.group_by(list(table.key)).aggregate(n=named.count())
    return (keys.n - 1).sum()


def field_sources(table: Table, raw: ir.Table, spec: TableMapping) -> dict[str, ir.Value]:
    """Where each field of the contract comes from: the mapping, a column of that name, or a derivation."""

    def number(value: ir.Value) -> ir.Value:
        return number_text(value, spec.decimal).try_cast("float64")

    sources: dict[str, Any] = {}
    for column in table.columns:
        said = spec.fields.get(column.name)
        if isinstance(said, dict):
            name = find_column(said.get("column", column.name), raw.columns, table.name)
            told = said.get("equals")
            sources[column.name] = (
                read_with_format(raw, name, said.get("format"))
                if told is None
                else raw[name].cast("string").isin([told] if isinstance(told, str) else told)
            )
        elif isinstance(said, int | float):
            sources[column.name] = ibis.literal(float(said))
        elif said is not None:
            sources[column.name] = evaluate(said, raw, table.name, number)
        elif column.name in raw.columns:
            sources[column.name] = raw[column.name]
    if "unit_spend" not in sources and {"unit_quantity", "unit_price"} <= sources.keys():
        sources["unit_spend"] = number(sources["unit_quantity"]) * number(sources["unit_price"])
    needed = [*(("customer_id",) if table.name == "transactions" else ()), *table.required]
    missing = [name for name in needed if name not in sources]
    if missing:
        raise _missing(missing, table, raw)
    return sources


def _may_be_unread(column: Column, value: ir.Value) -> bool:
    safe = column.engine_type == "string" or value.type().is_temporal() or value.type().is_boolean()
    return not column.required and not safe


def _outside_time(table: Table, fields: Any, today: date) -> list[tuple[str, ir.BooleanValue]]:
    """Rows before the calendar of any shop, and facts that cannot have happened yet.

    A campaign or a launch may be planned ahead; where the time is not required it is no fact.
    """
    if table.row_time is None or table.row_time not in (
        fields.columns if isinstance(fields, ir.Table) else fields
    ):
        return []
    moment = fields[table.row_time]
    early = ("lies before 1900", moment < ibis.literal(EARLIEST_DAY))
    late = ("lies after today", moment >= ibis.literal(today + timedelta(days=1)))
    return [late, early] if table[table.row_time].required else [early]


_USUAL_NAMES = {
    "customer_id": ("customer", "client", "user_id", "CustomerID", "cust_id", "household_id", "member_id"),
    "transaction_date": ("date", "order_date", "InvoiceDate", "timestamp", "purchase_date", "created_at"),
    "unit_spend": ("amount", "revenue", "sales", "total", "spend", "value", "price"),
}


def _missing(names: list[str], table: Table, raw: ir.Table) -> DataError:
    says = []
    for name in names:
        offer = nearest_column(name, raw.columns)
        for word in _USUAL_NAMES.get(name, ()):
            offer = offer or nearest_column(word, raw.columns)
        derived = " (nor unit_quantity and unit_price)" if name == "unit_spend" else ""
        says.append(f"no column '{name}'{derived}{offer or ','}")
    fix = "\n".join(f'  {name} = "<your column>"' for name in names)
    return DataError(
        f"{table.name}: {' '.join(says).rstrip(',?')}{'?' if says[-1].endswith('?') else '.'} "
        f"{the_source_has(raw.columns)}. Say in mapping.toml which column it is:\n  [{table.name}]\n{fix}"
    )
