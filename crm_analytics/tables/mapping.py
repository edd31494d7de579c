"""`mapping.toml`: which file is which table, and which column (or sum) is which field.

Example::

    label = "Online shop"
    currency = "GBP"

    [transactions]
    from = "order_details.csv"
    join = [{ from = "orders.csv", on = "OrderID" }]
    customer_id = "CustomerID"
    transaction_date = "OrderDate"                     # or { column = "Date", format = "%d/%m/%Y" }
    unit_spend = "UnitPrice * Quantity * (1 - Discount)"

A log of clicks holds the purchases, too: `where` keeps the rows of one table, a number stands for itself,
and a flag may be told by a value::

    [transactions]
    from = "clicks.parquet"
    where = { event = "purchase" }                     # or several: ["purchase", "renewal"]
    unit_spend = 1                                     # no money is known: every purchase counts one
    [events]
    from = "clicks.parquet"
    is_conversion = { column = "event", equals = "purchase" }
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import sqlglot
from sqlglot import expressions as sql

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.headers import nearest_column, the_source_has

FILE_NAME = "mapping.toml"
_TABLE_WORDS = ("from", "join", "where", "decimal", "encoding")
_LONGEST = 500  # characters; a field that needs more is a job for a view in the database
_OPERATORS: dict[type, str] = {
    sql.Add: "__add__",
    sql.Sub: "__sub__",
    sql.Mul: "__mul__",
    sql.Div: "__truediv__",
}
_TOP_WORDS = ("label", "currency", "show_customers")


@dataclass(frozen=True)
class TableMapping:
    """How one table of the contract is read: where it lies, what it is joined with, its rows and fields."""

    origin: str | None = None
    joins: tuple[tuple[str, str], ...] = ()
    fields: MappingType[str, str | float | dict[str, str]] = field(default_factory=dict)
    decimal: str = "."
    encoding: str | None = None
    where: MappingType[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """A whole `mapping.toml`."""

    tables: MappingType[str, TableMapping] = field(default_factory=dict)
    label: str = ""
    currency: str = ""
    show_customers: bool = False

    def of(self, table: str) -> TableMapping:
        """The mapping of one table; an empty one where nothing is said."""
        return self.tables.get(table, TableMapping())


def read_mapping(source: str | Path | MappingType[str, Any] | None) -> Mapping:
    """Read a mapping from a TOML file or a dict.

    Raises
    ------
    ParameterError : the file is missing or not TOML, or names a table or field the contract does not
        know (the nearest name is offered).
    """
    if source is None:
        return Mapping()
    if isinstance(source, (str, Path)):
        path = Path(source)
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise ParameterError(
                f"mapping: there is no file {path.name} in {path.parent.name or '.'}/"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ParameterError(f"mapping: {path.name} is not valid TOML ({error})") from None
    else:
        content = dict(source)
    tables = {}
    for name, value in content.items():
        if name in _TOP_WORDS:
            continue
        if name not in TABLES:
            raise ParameterError(
                f"mapping: unknown table or setting '{name}'{nearest(name, [*TABLES, *_TOP_WORDS])}"
            )
        tables[name] = _table_mapping(name, value)
    return Mapping(
        tables=tables,
        label=str(content.get("label", "")),
        currency=str(content.get("currency", "")),
        show_customers=content.get("show_customers", False) is True,
    )


def _table_mapping(table: str, value: Any) -> TableMapping:
    if not isinstance(value, MappingType):
        raise ParameterError(f'mapping: [{table}] must be a section with `field = "column"` lines')
    known = TABLES[table].names
    fields = {}
    for name, column in value.items():
        if name in _TABLE_WORDS:
            continue
        if name not in known:
            raise ParameterError(f"mapping: [{table}] has no field '{name}'{nearest(name, known)}")
        if not _says_a_field(column, TABLES[table][name].type):
            more = {"number": ", a number", "money": ", a number"}
            more["flag"] = ', { column = "...", equals = "yes" }'
            raise ParameterError(
                f'mapping: [{table}] {name} must be "column", "a * b"'
                f"{more.get(TABLES[table][name].type, '')} or "
                '{ column = "...", format = "%d/%m/%Y" }'
            )
        fields[name] = dict(column) if isinstance(column, MappingType) else column
    try:
        joins = tuple((j["from"], j["on"]) for j in value.get("join", ()))
    except (TypeError, KeyError):
        raise ParameterError(
            f'mapping: [{table}] join must look like [{{ from = "orders.csv", on = "OrderID" }}]'
        ) from None
    decimal = value.get("decimal", ".")
    if decimal not in (".", ","):
        raise ParameterError(f"mapping: [{table}] decimal must be '.' or ',', got {decimal!r}")
    return TableMapping(
        value.get("from"),
        joins,
        fields,
        decimal,
        value.get("encoding"),
        _where(table, value.get("where", {})),
    )


def _says_a_field(said: Any, kind: str) -> bool:
    if isinstance(said, MappingType):
        return not set(said) - {"column", "equals" if kind == "flag" else "format"}
    return isinstance(said, str) or (kind in ("number", "money") and type(said) in (int, float))


def _where(table: str, said: Any) -> dict[str, tuple[str, ...]]:
    refusal = ParameterError(
        f'mapping: [{table}] where must look like {{ event = "purchase" }} or {{ event = ["a", "b"] }}'
    )
    if not isinstance(said, MappingType):
        raise refusal
    found = {c: tuple(v) if isinstance(v, (list, tuple)) else (v,) for c, v in said.items()}
    if not all(values and all(isinstance(v, str) for v in values) for values in found.values()):
        raise refusal
    return found


def kept_rows(raw: ir.Table, where: MappingType[str, tuple[str, ...]], table: str) -> ir.Table:
    """The rows whose columns, as text, have one of the values wanted."""
    for column, values in where.items():
        name = find_column(column, raw.columns, table)
        raw = raw.filter(raw[name].cast("string").isin(values))
    return raw


def find_column(name: str, columns: tuple[str, ...], table: str) -> str:
    """The column of that exact name, or a DataError that offers the nearest one."""
    if name in columns:
        return name
    raise DataError(
        f"{table}: there is no column '{name}'{nearest_column(name, columns) or '.'} "
        f"{the_source_has(columns)}"
    )


def evaluate(expression: str, raw: ir.Table, table: str, number: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """A field's `mapping.toml` text as an Ibis expression over the raw table.

    A column's name stands for the column; otherwise arithmetic with ``+ - * /``, parentheses and
    numbers is read. Nothing else is: the text is never handed to the engine as SQL.

    Parameters
    ----------
    number : function that turns a raw column into numbers (CSV columns arrive as text)

    Raises
    ------
    DataError : a column is not there, or the text is no such sum.
    """
    if expression in raw.columns:
        return raw[expression]
    refusal = DataError(
        f"{table}: '{expression[:80]}' is neither a column{nearest_column(expression, raw.columns)} nor "
        "a sum of columns and numbers with + - * / and parentheses"
    )
    try:
        statements = sqlglot.parse(expression, dialect="duckdb") if len(expression) <= _LONGEST else []
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise refusal from None
    if len(statements) != 1:
        raise refusal

    def walk(node: Any) -> Any:
        if isinstance(node, sql.Column) and not node.table:
            return number(raw[find_column(node.name, raw.columns, table)])
        if isinstance(node, sql.Literal) and not node.is_string:
            return ibis.literal(float(node.this))
        if isinstance(node, sql.Paren):
            return walk(node.this)
        if isinstance(node, sql.Neg):
            return -walk(node.this)
        if type(node) in _OPERATORS:
            return getattr(walk(node.this), _OPERATORS[type(node)])(walk(node.expression))
        raise refusal

    value = walk(statements[0])
    if not isinstance(value, ir.Column):  # a number alone says nothing about a row
        raise refusal
    return value
