"""Arithmetic over a source's columns, as `mapping.toml` says it: ``"Quantity * UnitPrice - Discount"``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import sqlglot
from sqlglot import expressions as sql

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.headers import the_source_has

_LONGEST = 500  # characters; a field that needs more is a job for a view in the database
_OPERATORS: dict[type, str] = {
    sql.Add: "__add__",
    sql.Sub: "__sub__",
    sql.Mul: "__mul__",
    sql.Div: "__truediv__",
}


@dataclass(frozen=True)
class Sum:
    """A parsed sum.

    Attributes
    ----------
    columns : the source's columns it uses, in order
    optional : columns that are added or taken off: blank, they count as nothing
    """

    tree: Any
    columns: tuple[str, ...]
    optional: tuple[str, ...]

    def value(self, raw: ir.Table, number: Callable[[ir.Value], ir.Value], blank: ir.Value) -> ir.Value:
        """The sum as an expression over the source's table.

        Parameters
        ----------
        number : turns a column into numbers (CSV columns arrive as text)
        blank : not used for columns that multiply or divide: without them nothing is known
        """

        def walk(node: Any) -> Any:
            if isinstance(node, sql.Column):
                name = node.name
                found = number(raw[name])
                return is_blank(raw[name]).ifelse(blank, found) if name in self.optional else found
            if isinstance(node, sql.Literal):
                return ibis.literal(float(node.this))
            if isinstance(node, sql.Paren):
                return walk(node.this)
            if isinstance(node, sql.Neg):
                return -walk(node.this)
            return getattr(walk(node.this), _OPERATORS[type(node)])(walk(node.expression))

        return walk(self.tree)


def is_blank(value: ir.Value) -> ir.BooleanValue:
    """Nothing stands there: NULL, NaN or blank text."""
    if value.type().is_string():
        return value.isnull() | (value.strip() == "")
    if value.type().is_floating():
        return value.isnull() | value.isnan()
    return value.isnull()


def parse_sum(expression: str, columns: tuple[str, ...], table: str) -> Sum:
    """Read ``+ - * /``, parentheses, numbers and column names; nothing else, and never as SQL for the engine.

    A name with blanks or signs stands in double quotes, in TOML's single ones:
    ``'"Lineitem quantity" * "Lineitem price"'``.

    Raises
    ------
    DataError : a column is not there, or the text is no such sum.
    """
    refusal = DataError(
        f"{table}: '{expression[:80]}' is neither a column{nearest(expression, columns)} nor a sum of "
        "columns and numbers with + - * / and parentheses (names with blanks in double quotes)"
    )
    try:
        statements = sqlglot.parse(expression, dialect="duckdb") if len(expression) <= _LONGEST else []
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise refusal from None
    if len(statements) != 1:
        raise refusal
    used: list[str] = []
    optional: list[str] = []

    def walk(node: Any, added: bool) -> None:
        if isinstance(node, sql.Column) and not node.table:
            name = _column(node.name, columns, table)
            used.append(name)
            if added:
                optional.append(name)
        elif isinstance(node, sql.Literal) and not node.is_string:
            float(node.this)
        elif isinstance(node, (sql.Paren, sql.Neg)):
            walk(node.this, added)
        elif type(node) in _OPERATORS:
            more = isinstance(node, (sql.Add, sql.Sub))
            walk(node.this, added and more)  # the first operand says whether there is anything at all
            walk(node.expression, more)
        else:
            raise refusal

    walk(statements[0], False)
    if not used:  # a number alone says nothing about a row
        raise refusal
    twice = {name for name in used if used.count(name) > optional.count(name)}
    return Sum(statements[0], tuple(dict.fromkeys(used)), tuple(n for n in optional if n not in twice))


def find_column(name: str, columns: tuple[str, ...], table: str) -> str:
    """The column of that exact name, or a DataError that offers the nearest one."""
    if name in columns:
        return name
    raise DataError(
        f"{table}: there is no column '{name}'{nearest(name, columns) or '.'} {the_source_has(columns)}"
    )


_column = find_column
