"""From whatever the user has (a file, a folder, a database, frames) to raw Ibis tables by name.

Nothing is judged here: columns arrive as they are (CSV as text), `checks` casts them by the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.casts import cast_value
from crm_analytics.tables.contract import ROW, TABLES, Column
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.mapping import FILE_NAME, Mapping, TableMapping, kept_rows
from crm_analytics.tables.shelves import open_shelf

_KEY = Column("key", "text")


@dataclass(frozen=True)
class Source:
    """Raw tables, the connection they live in, and what the mapping says of them."""

    connection: BaseBackend
    tables: dict[str, ir.Table]
    mapping: Mapping
    label: str
    numbered: dict[str, ir.Table]  # the same with ROW, the place in the file; only where rows have one
    csv: dict[str, list[CsvFile]] = field(default_factory=dict)  # of each table: itself, then what it joins


def open_source(source: Any, mapping: Any = None, *, pushdown: bool = False) -> Source:
    """Find the contract's tables in `source`.

    Parameters
    ----------
    source, pushdown : as `shelves.open_shelf` takes them
    mapping : path or dict; default the `mapping.toml` beside the data, if there is one

    Raises
    ------
    DataError : nothing is there, or no table of the contract is found in it.
    """
    shelf = open_shelf(source, mapping, pushdown=pushdown)
    try:
        tables, numbered = _collect_tables(shelf.mapping, shelf.names, shelf.read, shelf.where)
    finally:
        shelf.close()
    return Source(shelf.connection, tables, shelf.mapping, shelf.label, numbered, shelf.csv)


def _collect_tables(
    known: Mapping, names: dict[str, str], read: Callable[[str, str], ir.Table], where: str
) -> tuple[dict[str, ir.Table], dict[str, ir.Table]]:
    tables, numbered = {}, {}
    for table in TABLES:
        spec = known.of(table)
        origin = spec.origin or names.get(table)
        if origin is None:
            continue
        raw = read(origin, table)
        in_order = raw.get_backend().name == "duckdb"
        rows = raw.mutate(**{ROW: ibis.row_number() + 1}) if in_order else raw
        for other, key in spec.joins:
            joined = read(other, table)
            _check_join(raw, joined, key, table, other)
            joined, raw, rows = _keys_alike(joined, raw, rows, key=key)
            raw, rows = _join(raw, joined, key), _join(rows, joined, key)
        raw, rows = (kept_rows(t, spec.where, table) for t in (raw, rows))
        tables[table] = raw
        if in_order:
            numbered[table] = rows
    if "transactions" not in tables:
        raise DataError(
            f"no table 'transactions' in {where}: it has {', '.join(sorted(names)) or 'nothing'}"
            f"{nearest('transactions', names) or '.'} Say which one it is in {FILE_NAME}: "
            '[transactions] from = "..."'
        )
    return tables, numbered


def _check_join(left: ir.Table, right: ir.Table, key: str, table: str, name: str) -> None:
    for side in (left, right):
        if key not in side.columns:
            raise DataError(
                f"{table}: cannot join {name} on '{key}': no such column{nearest(key, side.columns)}"
            )
    named = right.filter(right[key].notnull())
    counts = named.group_by(key).aggregate(n=named.count())
    repeated = counts.filter(counts.n > 1).count().to_pyarrow().as_py()
    if repeated:
        raise DataError(
            f"{table}: {name} has {repeated:,} values of '{key}' more than once; joining would multiply rows"
        )


def _keys_alike(*tables: ir.Table, key: str) -> list[ir.Table]:
    """The tables with a key of one type: as text, like every id, where they differ (a CSV and a Parquet)."""
    if len({t[key].type().copy(nullable=True) for t in tables}) == 1:
        return list(tables)
    return [t.mutate(**{key: cast_value(t[key], _KEY, TableMapping())}) for t in tables]


def _join(left: ir.Table, right: ir.Table, key: str) -> ir.Table:
    extra = [c for c in right.columns if c == key or c not in left.columns]
    joined = left.left_join(right.select(extra), key)
    return joined.drop(f"{key}_right") if f"{key}_right" in joined.columns else joined
