"""Each field of the contract as an expression over a source's table: mapped, by its name, or derived."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.casts import (
    cast_value,
    constant,
    in_words,
    is_present,
    number_value,
    read_with_format,
)
from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.contract import Column, Table
from crm_analytics.tables.headers import nearest_column, the_source_has
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.sums import find_column, is_blank, parse_sum

_DERIVED = ("unit_quantity", "unit_price")  # unit_spend is their product where it is not given


@dataclass(frozen=True)
class Field:
    """One field: whether something stands in the source, and its value in the contract's type.

    Attributes
    ----------
    number : the value before money is rounded and bounded; None where that cannot matter
    """

    present: ir.BooleanValue
    value: ir.Value
    number: ir.Value | None = None
    sure: bool = False  # no value can be unreadable
    exact: bool = False  # no amount has more decimals than money keeps


@dataclass(frozen=True)
class _Given:
    """What a field is made from: both tables, the mapping, and how columns are read."""

    table: Table
    raw: ir.Table
    spec: TableMapping
    readings: Readings


def fields_of(table: Table, raw: ir.Table, spec: TableMapping, readings: Readings) -> dict[str, Field]:
    """Every field that the source gives; `require_fields` was asked before."""
    found: dict[str, Field] = {}
    for column in table.columns:
        origin = spec.fields.get(column.name, column.name if column.name in raw.columns else None)
        if origin is not None:
            found[column.name] = _field(origin, column, _Given(table, raw, spec, readings))
    if "unit_spend" not in found and table.name == "transactions" and all(n in found for n in _DERIVED):
        found["unit_spend"] = _product(found, table["unit_spend"])
    return {name: _stands_for_nothing(field, table[name], spec) for name, field in found.items()}


def _field(origin: Any, column: Column, given: _Given) -> Field:
    raw = given.raw
    if isinstance(origin, dict):
        return _described(origin, column, given)
    if isinstance(origin, int | float):
        return Field(ibis.literal(True), cast_value(constant(origin, column), column), sure=True)
    if origin in raw.columns:
        return _column(origin, column, given)
    if (text := constant_text(origin, column)) is not None:
        return Field(ibis.literal(True), cast_value(ibis.literal(text), column), sure=True)
    summed = parse_sum(origin, raw.columns, given.table.name)
    numbers = {name: given.readings.numbers.get(name) for name in summed.columns}

    def number(value: ir.Value) -> ir.Value:
        return number_value(value, numbers.get(value.get_name()))

    value = _rated(summed.value(raw, number, ibis.literal(0.0)), column, given)
    present = ibis.literal(True)
    for name in summed.columns:
        if name not in summed.optional:
            present &= ~is_blank(raw[name])
    if len(summed.optional) == len(summed.columns):  # nothing but blanks is nothing
        present = ~ibis.and_(*(is_blank(raw[name]) for name in summed.columns))
    return Field(present, cast_value(present.ifelse(value, ibis.null("float64")), column), value)


def _column(name: str, column: Column, given: _Given) -> Field:
    spec, readings = given.spec, given.readings
    value = given.raw[name]
    present = is_present(value)
    if column.type == "money" and spec.rate is not None:
        number = _rated(number_value(value, readings.numbers.get(name)), column, given)
        return Field(present, cast_value(number, column), number)
    reading = readings.dates.get(name) if column.type in ("time", "date") else readings.numbers.get(name)
    cast = cast_value(value, column, reading, readings.zone, spec.zone)
    kind = value.type()
    sure = column.engine_type == "string" or kind.is_temporal() or kind.is_boolean()
    if kind.is_boolean() and column.type in ("money", "number", "count"):  # true is no amount
        return Field(present, ibis.null(column.engine_type))
    exact = kind.is_integer() or (kind.is_string() and not readings.fine(name))
    number = None if column.type != "money" else number_value(value, readings.numbers.get(name))
    return Field(present, cast, number, sure, exact)


def _described(described: dict[str, Any], column: Column, given: _Given) -> Field:
    raw, spec = given.raw, given.spec
    if "value" in described:
        return Field(ibis.literal(True), cast_value(constant(described["value"], column), column), sure=True)
    name = find_column(described.get("column", column.name), raw.columns, given.table.name)
    value = raw[name]
    if "equals" in described:
        accepted = described["equals"]
        fits = value.cast("string").isin([accepted] if isinstance(accepted, str) else list(accepted))
        return Field(ibis.literal(True), fits.fill_null(False), sure=True)
    if "begins" in described:
        named = described["begins"]
        text = value.cast("string").strip().upper()
        fits = ibis.or_(
            *(text.startswith(one.upper()) for one in ([named] if isinstance(named, str) else named))
        )
        return Field(ibis.literal(True), fits.fill_null(False), sure=True)
    if "format" in described:
        written_in = described.get("zone", spec.zone)
        moment = read_with_format(raw, name, described["format"], given.readings.zone, written_in)
        return Field(is_present(value), moment.cast(column.engine_type))
    if "zone" in described:
        given = replace(given, spec=replace(spec, zone=described["zone"]))
    found = _column(name, column, given)
    if "words" not in described:
        return found
    read = in_words(value, described["words"], column, found.value)
    return Field(found.present, read, sure=column.engine_type == "string")


def constant_text(text: str, column: Column) -> str | None:
    """The text of ``"'email'"``, which holds for every row; None where a column is meant."""
    quoted = len(text) > 2 and text[0] == text[-1] == "'" and column.engine_type == "string"
    return text[1:-1] if quoted else None


def _rated(value: ir.Value, column: Column, given: _Given) -> ir.Value:
    """Money in the currency wanted: times the rate of its row."""
    rate = given.spec.rate
    if rate is None or column.type != "money":
        return value
    if isinstance(rate, str):
        return value * number_value(given.raw[rate], given.readings.numbers.get(rate))
    code = given.raw[_currency_column(given.spec, given.raw.columns, given.table.name)].cast("string")
    code = code.strip().upper()
    return value * ibis.cases(*((code == one, worth) for one, worth in rate.items()), else_=None)


def _currency_column(spec: TableMapping, columns: tuple[str, ...], table: str) -> str:
    field = spec.fields.get("currency", "currency")
    name = field.get("column", "currency") if isinstance(field, dict) else str(field)
    return find_column(name, columns, table)


def _product(found: dict[str, Field], column: Column) -> Field:
    quantity, price = (found[name] for name in _DERIVED)
    exact = price.value if price.number is None else price.number  # 0.00002 apiece is no price of 0
    value = quantity.value.cast("float64") * exact.cast("float64")
    return Field(quantity.present & price.present, cast_value(value, column), value)


def _stands_for_nothing(field: Field, column: Column, spec: TableMapping) -> Field:
    """Values that the mapping calls stand-ins become empty; ids in two spellings become one."""
    value = field.value
    if column.name in spec.fold_case and column.engine_type == "string":
        value = value.lower()
    nobody = [text.strip().lower() for text in spec.anonymous]
    present = field.present
    if nobody and column.name.endswith("customer_id"):
        value = value.lower().isin(nobody).ifelse(ibis.null("string"), value)
    days = [day for text in spec.unknown_dates if (day := _day(text)) is not None]
    if days and column.type in ("time", "date"):
        unknown = value.cast("date").isin(days)
        present &= ~unknown.fill_null(False)
        value = unknown.ifelse(ibis.null(column.engine_type), value)
    return replace(field, present=present, value=value)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_USUAL_NAMES = {
    "customer_id": ("customer", "client", "user_id", "CustomerID", "cust_id", "household_id", "member_id"),
    "transaction_date": ("date", "order_date", "InvoiceDate", "timestamp", "purchase_date", "created_at"),
    "unit_spend": ("amount", "revenue", "sales", "total", "spend", "value", "price"),
}


def require_fields(table: Table, columns: tuple[str, ...], spec: TableMapping) -> None:
    """Refuse a source that lacks what the table or the mapping needs.

    Raises
    ------
    DataError : a column of the mapping is not there, or a required field is neither there nor derivable; the
        nearest name is offered.
    """
    found = set()
    for column in table.columns:
        origin = spec.fields.get(column.name, column.name if column.name in columns else None)
        if origin is None:
            continue
        found.add(column.name)
        if isinstance(origin, dict):
            if "value" not in origin:
                find_column(origin.get("column", column.name), columns, table.name)
        elif isinstance(origin, str) and origin not in columns and constant_text(origin, column) is None:
            try:
                parse_sum(origin, columns, table.name)
            except DataError as error:
                if column.engine_type != "string":
                    raise
                more = f'. The same text for every row is {column.name} = {{ value = "{origin[:40]}" }}'
                raise DataError(f"{error}{more}") from None
    if isinstance(spec.rate, str):
        find_column(spec.rate, columns, table.name)
    elif spec.rate is not None:
        _currency_column(spec, columns, table.name)
    if table.name == "transactions" and found.issuperset(_DERIVED):
        found.add("unit_spend")
    needed = [*(("customer_id",) if table.name == "transactions" else ()), *table.required]
    missing = [name for name in needed if name not in found]
    if missing:
        raise _missing(missing, table, columns)


def _missing(names: list[str], table: Table, columns: tuple[str, ...]) -> DataError:
    says = []
    for name in names:
        offer = nearest_column(name, columns)
        for word in _USUAL_NAMES.get(name, ()):
            offer = offer or nearest_column(word, columns)
        derived = " (nor unit_quantity and unit_price)" if name == "unit_spend" else ""
        says.append(f"no column '{name}'{derived}{offer or ','}")
    fix = "\n".join(f'  {name} = "<your column>"' for name in names)
    return DataError(
        f"{table.name}: {' '.join(says).rstrip(',?')}{'?' if says[-1].endswith('?') else '.'} "
        f"{the_source_has(columns)}. Say in mapping.toml which column it is:\n  [{table.name}]\n{fix}"
    )
