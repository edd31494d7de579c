"""JSON as systems export it: a list of objects, one object a line, or one object that holds the list.

Values come as text, as from a CSV file, and the contract reads them: "00123" stays. A nested object becomes
columns such as ``customer.id``; a list stays as JSON text.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.embedded_engine import load

_LARGEST_OBJECT = 256_000_000  # bytes; one object that holds all orders of a shop


def read_json(connection: BaseBackend, path: Path) -> ir.Table:
    """Read a JSON or JSON Lines file as text columns.

    Raises
    ------
    DataError : it is not JSON, or holds no objects.
    """
    con: duckdb.DuckDBPyConnection = connection.con
    lines = path.suffix.lower() in (".jsonl", ".ndjson")
    options: dict[str, Any] = {
        "sample_size": -1,
        "maximum_object_size": _LARGEST_OBJECT,
        "format": "newline_delimited" if lines else "auto",
    }
    try:
        options_text = ", ".join(f"{k} = {v!r}" for k, v in options.items())
        found = con.sql(f"SELECT * FROM read_json({_key(str(path))}, {options_text})")
        columns = {c: _as_text(str(t)) for c, t in zip(found.columns, found.types, strict=True)}
        if set(columns) == {"json"}:  # lists of numbers, or nothing at all
            raise DataError(f'{path.name}: expected a list of objects such as {{"customer_id": ...}}')
        if _by_columns(found):
            raise DataError(
                f"{path.name} is written by columns or by number, as pandas' to_json() does: write one "
                'object per row, as with to_json(orient="records")'
            )
        holder = _holder(found)
        if holder is not None:
            kind = _as_text(str(found.types[found.columns.index(holder)])[:-2]) + "[]"
            columns = {holder: kind}
        typed = ", ".join(f"{_key(c)}: {_key(kind)}" for c, kind in columns.items())
        rows = f"SELECT * FROM read_json({_key(str(path))}, {options_text}, columns = {{{typed}}})"
        if holder is not None:
            rows = f"SELECT unnest(entry) FROM (SELECT unnest({_name(holder)}) AS entry FROM ({rows}))"
        return load(connection, con.sql(rows))
    except duckdb.Error as error:
        kind = "JSON Lines (one object a line)" if lines else "JSON"
        where = _first_fault(path) if lines else ""
        raise DataError(
            f"{path.name} cannot be read as {kind}: it breaks off or has a fault{where}"
        ) from error


def _first_fault(path: Path) -> str:
    """The first line that is no JSON, for a message."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                json.loads(line or b"null") if line.strip() else None
            except ValueError:
                return f", first in line {number:,}"
    return ""


def _by_columns(found: duckdb.DuckDBPyRelation) -> bool:
    """Whether a file is one object of columns, ``{"customer_id": {"0": ...}}``, or of names and ``data``."""
    kinds = [str(kind) for kind in found.types]
    if {"columns", "data"} <= set(found.columns) or all(name.isdigit() for name in found.columns):
        return True
    keyed = [k.startswith("MAP(") or re.match(r'STRUCT\("?[0-9]', k) is not None for k in kinds]
    return len(kinds) > 1 and all(keyed)


def _holder(found: duckdb.DuckDBPyRelation) -> str | None:
    """The one list of objects in a file that is one object, such as ``{"orders": [...], "next": null}``."""
    lists = [c for c, t in zip(found.columns, found.types, strict=True) if str(t).endswith(")[]")]
    if len(lists) != 1 or found.limit(2).aggregate("count(*)").fetchall() != [(1,)]:
        return None
    others = [t for c, t in zip(found.columns, found.types, strict=True) if c != lists[0]]
    return lists[0] if len(others) <= 4 else None  # an order with one line has more to say for itself


def _as_text(kind: str) -> str:
    r"""The type with text for every value: objects keep their shape, lists become JSON.

    >>> _as_text('STRUCT(id BIGINT, tags VARCHAR[], at STRUCT("a b" DATE))')
    'STRUCT(id VARCHAR, tags JSON, at STRUCT("a b" VARCHAR))'
    """
    if kind.endswith("]") or kind.startswith("MAP("):
        return "JSON"
    if not kind.startswith("STRUCT("):
        return "VARCHAR"
    parts = []
    for part in _split(kind[len("STRUCT(") : -1]):
        name, inner = _name_and_type(part)
        parts.append(f"{name} {_as_text(inner)}")
    return f"STRUCT({', '.join(parts)})"


def _split(inside: str) -> list[str]:
    """Parts between commas that stand in no parentheses and no quotes."""
    parts, depth, quoted, begin = [], 0, False, 0
    for at, letter in enumerate(inside):
        quoted ^= letter == '"'
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if letter == "," and depth == 0 and not quoted:
            parts.append(inside[begin:at].strip())
            begin = at + 1
    return [*parts, inside[begin:].strip()]


def _name_and_type(part: str) -> tuple[str, str]:
    if not part.startswith('"'):
        name, _, kind = part.partition(" ")
        return name, kind
    at = 1
    while part[at] != '"' or part[at + 1 : at + 2] == '"':
        at += 2 if part[at] == '"' else 1
    return part[: at + 1], part[at + 1 :].strip()


def _key(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
