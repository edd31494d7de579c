"""Rows against the contract: every value cast, every broken row named, none lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.contract import MONEY, Column, Table
from crm_analytics.tables.mapping import TableMapping, evaluate

EARLIEST_DAY = date(1900, 1, 1)
RULE = "_rule"  # "column|rule" of the first rule a row breaks; NULL for a good row
_NOUN = {"time": "a date", "date": "a date", "flag": "true or false", "count": "a whole number"}


@dataclass(frozen=True)
class CheckedTable:
    """A table cast by its contract, with the broken rows told apart but still in it."""

    table: Table
    expression: ir.Table  # contract columns and RULE
    set_aside: tuple[tuple[str, ir.BooleanValue, str], ...]  # optional values that could not be read


def check_table(table: Table, raw: ir.Table, spec: TableMapping, today: date) -> CheckedTable:
    """Cast `raw` to the contract's columns and find the first rule each row breaks.

    Parameters
    ----------
    raw : the source's table, columns named by the source
    today : rows after this day are rejected as future

    Raises
    ------
    DataError : a required column is neither there nor derivable (the nearest name is offered).
    """
    sources = _field_sources(table, raw, spec)
    fields, rules, aside = {}, [], []
    for column in table.columns:
        if column.name not in sources:
            continue
        given = sources[column.name]
        value = _cast(given, column, spec)
        fields[column.name] = value
        unreadable = _present(given) & value.isnull()
        says = f"is not {_NOUN.get(column.type, 'a number')}"
        if column.required:
            rules.append((unreadable, f"{column.name}|{says}"))
            rules.append((value.isnull(), f"{column.name}|is missing"))
        elif column.type != "text":
            aside.append((column.name, unreadable, f"{says}; the value is left empty, the row stays"))
    if table.row_time in fields:
        moment = fields[table.row_time]
        rules.append(
            (moment >= ibis.literal(today + timedelta(days=1)), f"{table.row_time}|lies after today")
        )
        rules.append((moment < ibis.literal(EARLIEST_DAY), f"{table.row_time}|lies before 1900"))
    fields[RULE] = ibis.cases(*rules, else_=ibis.null("string")) if rules else ibis.null("string")
    return CheckedTable(table, raw.select(**fields), tuple(aside))


def mark_repeated_keys(checked: ir.Table, table: Table) -> ir.Table:
    """Mark the second and later rows of a key that the source gives more than once.

    Without a key column in the source nothing is a repetition: equal lines are two purchases.
    """
    if not table.key or any(k not in checked.columns for k in table.key):
        return checked
    named = checked.filter([checked[k].notnull() for k in table.key] + [checked[RULE].isnull()])
    keys = named.group_by(list(table.key)).aggregate(n=named.count())
    if not keys.filter(keys.n > 1).count().to_pyarrow().as_py():
        return checked
    complete = checked[RULE].isnull()
    for key in table.key:
        complete &= checked[key].notnull()
    window = ibis.window(
        group_by=[*table.key, complete], order_by=[c for c in checked.columns if c not in table.key]
    )
    place = ibis.row_number().over(window)
    repeated = f"{table.key[0]}|repeats a key that another row has"
    return checked.mutate(**{RULE: (complete & (place > 0)).ifelse(repeated, checked[RULE])})


def _field_sources(table: Table, raw: ir.Table, spec: TableMapping) -> dict[str, ir.Value]:
    def number(value: ir.Value) -> ir.Value:
        return _number(value, spec).try_cast("float64")

    sources: dict[str, Any] = {}
    for column in table.columns:
        said = spec.fields.get(column.name)
        if isinstance(said, dict):
            sources[column.name] = _with_format(raw, said, table.name)
        elif said is not None:
            sources[column.name] = evaluate(said, raw, table.name, number)
        elif column.name in raw.columns:
            sources[column.name] = raw[column.name]
    if table.name == "transactions" and "unit_spend" not in sources:
        if "unit_quantity" in sources and "unit_price" in sources:
            sources["unit_spend"] = number(sources["unit_quantity"]) * number(sources["unit_price"])
        else:
            _missing("unit_spend", table, raw, " (or unit_quantity and unit_price)")
    for name in table.required:
        if name not in sources:
            _missing(name, table, raw)
    if table.name == "transactions" and "customer_id" not in sources:
        _missing("customer_id", table, raw)
    return sources


def _missing(name: str, table: Table, raw: ir.Table, also: str = "") -> None:
    words = {
        "customer_id": ("customer", "client", "user_id", "CustomerID", "cust_id"),
        "transaction_date": ("date", "order_date", "InvoiceDate", "timestamp", "purchase_date"),
        "unit_spend": ("amount", "revenue", "sales", "total", "spend", "value", "price"),
    }
    offer = nearest(name, raw.columns)
    for word in words.get(name, ()):
        offer = offer or nearest(word, raw.columns)
    shown = ", ".join(raw.columns[:12]) + (", ..." if len(raw.columns) > 12 else "")
    raise DataError(
        f"{table.name}: no column '{name}'{also}{offer or '.'} The source has: {shown}. "
        f'Name it in mapping.toml: [{table.name}] {name} = "<your column>"'
    )


@ibis.udf.scalar.builtin
def try_strptime(text: str, format: str) -> datetime:  # type: ignore[empty-body]  # noqa: A002
    """DuckDB's own reader of dates in a given format."""


def _with_format(raw: ir.Table, said: dict[str, str], table: str) -> ir.Value:
    column = said.get("column", "")
    if column not in raw.columns:
        raise DataError(f"{table}: there is no column '{column}'{nearest(column, raw.columns)}")
    return try_strptime(raw[column].cast("string"), said.get("format", "%Y-%m-%d"))


def _present(value: ir.Value) -> ir.BooleanValue:
    """Something stands there: neither NULL nor NaN nor blank text."""
    if value.type().is_string():
        return value.strip().length() > 0
    if value.type().is_floating():
        return value.notnull() & ~value.isnan()
    return value.notnull()


def _number(value: ir.Value, spec: TableMapping) -> ir.Value:
    if not value.type().is_string():
        return value
    text = value.strip()
    return text.replace(".", "").replace(",", ".") if spec.decimal == "," else text


def _cast(value: ir.Value, column: Column, spec: TableMapping) -> ir.Value:
    kind = value.type()
    if column.type == "text":
        return _text(value)
    if column.type in ("time", "date"):
        return _moment(value, column.engine_type)
    if column.type == "flag":
        return _flag(value)
    if column.type == "count":
        return _number(value, spec).try_cast("int64")
    if column.type == "money":
        return _number(value, spec).try_cast(MONEY)
    number = _number(value, spec).try_cast("float64")
    if kind.is_integer() or kind.is_decimal():
        return number
    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)


def _text(value: ir.Value) -> ir.Value:
    kind = value.type()
    if kind.is_floating():  # 17850.0 is what pandas makes of an id column with holes
        whole = value.try_cast("int64")
        text = (whole.cast("float64") == value).ifelse(whole.cast("string"), value.cast("string"))
        return value.isnan().ifelse(ibis.null("string"), text)
    if not kind.is_string():
        return value.cast("string")
    text = value.strip().nullif("")
    return text.endswith(".0").ifelse(text.re_replace(r"^([0-9]+)\.0$", r"\1"), text)


def _moment(value: ir.Value, target: str) -> ir.Value:
    kind = value.type()
    if kind.is_string():
        text = value.strip()
        compact = text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2)
        return ((text.length() == 8) & ~text.contains("-")).ifelse(compact, text).try_cast(target)
    if kind.is_temporal():
        return value.cast(target)
    return value.cast("string").try_cast(target)


def _flag(value: ir.Value) -> ir.Value:
    if value.type().is_boolean():
        return value
    text = value.cast("string").strip().lower()
    return ibis.cases(
        (text.isin(["true", "t", "yes", "y", "1", "1.0"]), True),
        (text.isin(["false", "f", "no", "n", "0", "0.0"]), False),
        else_=ibis.null("boolean"),
    )
