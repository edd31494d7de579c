"""A database by its reference: a DuckDB or SQLite file, PostgreSQL, or what else Ibis connects to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.databases import Database, DuckDbFile, IbisDatabase, first_line, missing_driver
from crm_analytics.tables.packed_files import database_kind
from crm_analytics.tables.postgres import PostgresDatabase
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.sqlite_file import SqliteFile

_ENGINES = ("postgres", "mysql", "sqlite", "duckdb")


def open_database(ref: SourceRef) -> Database:
    """The database a reference leads to, to be read.

    Raises
    ------
    DataError : it is not there, cannot be read, or needs a driver that is not installed; says which.
    """
    if ref.path is not None:
        return open_file(ref.path)
    return PostgresDatabase(ref.text) if ref.kind == "postgres" else IbisDatabase(connect(ref))


def open_file(path: Path) -> Database:
    """A DuckDB or SQLite file, told apart by its first bytes; both are called .db.

    Raises
    ------
    DataError : it is neither.
    """
    kind = database_kind(path)
    if not kind and path.stat().st_size:
        raise DataError(
            f"{path.name} is not a readable DuckDB or SQLite file: export its tables as CSV or Parquet"
        )
    return SqliteFile(path) if kind == "sqlite" else DuckDbFile(path)


def connect(ref: SourceRef) -> BaseBackend:
    """An engine by its URL.

    Raises
    ------
    DataError : there is no such engine, its driver is not installed, or it cannot be reached.
    """
    try:
        return ibis.connect(ref.text)
    except ImportError:
        raise missing_driver(ref.kind) from None
    except Exception as error:
        raise _refusal(error, ref.kind) from None


def answer(ref: SourceRef, query: str, limit: int) -> list[Any]:
    """At most `limit` rows of a query to a source's database."""
    database = open_database(ref)
    try:
        return database.answer(query, limit)
    finally:
        database.close()


def _refusal(error: Exception, kind: str) -> DataError:
    reason = first_line(error)
    if "missing dependencies" in reason:
        return missing_driver(kind)
    if reason.startswith("Don't know how to connect"):
        near = nearest(kind, _ENGINES) or f". Known are {', '.join(_ENGINES)} and what Ibis connects to"
        return DataError(f"{kind}://… is no database that can be read{near}")
    return DataError(f"cannot connect to {kind}://…: {reason}")
