"""From whatever the user has (a file, a folder, a database, frames) to raw Ibis tables by name.

Nothing is judged here: columns arrive as they are (CSV as text), `checks` casts them by the contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ibis.backends import BaseBackend

from crm_analytics.tables.collected_rows import Collected, collect_tables
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.mapping import Mapping
from crm_analytics.tables.shelves import open_shelf


@dataclass(frozen=True)
class Source:
    """Raw tables, the connection they live in, and what the mapping says of them."""

    connection: BaseBackend
    rows: Collected
    mapping: Mapping
    label: str
    of_files: bool = False
    csv: dict[str, list[CsvFile]] = field(default_factory=dict)  # of each table: its own, then what it joins
    zones: dict[str, dict[str, str]] = field(default_factory=dict)  # of columns, by table, where types say it
    columns: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)  # of tables in several files


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
        rows = collect_tables(shelf.mapping, shelf.names, shelf.read, shelf.where)
    finally:
        shelf.close()
    return Source(
        shelf.connection, rows, shelf.mapping, shelf.label, shelf.parts is not None, shelf.csv, shelf.zones,
        rows.columns | shelf.columns,
    )  # fmt: skip
