"""DuckDB inside the process: where every base lives unless Spark holds it. It never fetches an extension."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from crm_analytics.tables.project import LIBRARIES_MB, MEMORY_VARIABLE
from crm_analytics.tables.scratch import scratch_folder

_numbers = itertools.count()

Settings = dict[str, str | bool | int | float | list[str]]
FETCHES_NOTHING: Settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
# Of a file that is read as it is: no other file, no network, no extension, no other setting.
FENCED: Settings = {
    **FETCHES_NOTHING,
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "lock_configuration": "true",
}


def embedded_engine() -> BaseBackend:
    """A fresh DuckDB in memory: private to one base, gone with it."""
    connection = ibis.duckdb.connect()
    for setting in FETCHES_NOTHING:
        connection.con.execute(f"SET {setting} = false")
    connection.con.execute("SET TimeZone = 'UTC'")
    connection.con.execute("SET preserve_insertion_order = false")  # nothing here relies on the order of rows
    _keep_to(connection.con, scratch_folder(connection) / "spill")
    return connection


def _keep_to(con: duckdb.DuckDBPyConnection, spill: Path) -> None:
    """Rows that do not fit go to a private folder, not to the working folder; a limit on memory holds."""
    con.execute(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
    if (most := os.environ.get(MEMORY_VARIABLE, "")).isdigit():  # of this process: spill before that
        con.execute(f"SET memory_limit = '{max(int(most) - LIBRARIES_MB, 100) // 2}MB'")


def guarded_engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that never fetches or loads an extension by itself."""
    con = duckdb.connect(config=FETCHES_NOTHING)
    _keep_to(con, scratch_folder(con) / "spill")
    return con


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """No file, no network, no extension and no setting from here on; what is attached stays readable."""
    con.execute("SET secret_directory = ''")  # the home of whoever runs this; a view could tell it
    con.execute("SET allow_community_extensions = false")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def load(engine: BaseBackend, rows: pa.RecordBatchReader | pa.Table | duckdb.DuckDBPyRelation) -> ir.Table:
    """Rows as a temporary table of the embedded engine; a relation must be the engine's own."""
    name = f"pulled_{next(_numbers)}"
    con: duckdb.DuckDBPyConnection = engine.con
    if isinstance(rows, duckdb.DuckDBPyRelation):
        con.execute(f'CREATE TEMP TABLE "{name}" AS {rows.sql_query()}')
        return engine.table(name)
    con.register(f"{name}_rows", rows)
    try:
        con.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM "{name}_rows"')
    finally:
        con.unregister(f"{name}_rows")
    return engine.table(name)
