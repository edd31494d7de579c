"""Sets of rows in files: Parquet, DuckDB, SQLite. Whole or not at all, and readable by nobody else."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from crm_analytics.errors import LockedError, PublishError
from crm_analytics.tables.databases import first_line
from crm_analytics.tables.embedded_engine import FETCHES_NOTHING, guarded_engine
from crm_analytics.tables.warehouse_rows import CUSTOMER, SET, Rows, check_columns, quote, quote_table

MODE = 0o640  # rows name customers: not for the world
_ROWS = 20_000  # handed over to SQLite at once
_WAIT = 30  # seconds for another writer


# --- Parquet ------------------------------------------------------------------------------------------------


def to_parquet(path: Path, rows: Rows, read: duckdb.DuckDBPyConnection) -> int:
    """Replace one set in a Parquet file; the new file takes the place of the old in one step."""
    with _alone(path), _in_words(path):
        before = ""
        if path.exists():
            check_columns(path.name, _columns_of(path, read), list(rows.types(read)))
            whose = _others(rows.gone)
            before = f"SELECT * FROM {_parquet(path)} WHERE NOT ({rows.same_set}){whose} UNION ALL BY NAME "
        order = ", ".join(rows.quoted(rows.key))
        said = f"{before}SELECT * FROM {rows.view} ORDER BY {order}"
        values = [*rows.of, *rows.gone] if before else []
        _replace(path, read, said, values)
        return _count(read, rows)


def _replace(path: Path, con: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any]) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)  # of a process that was killed: we hold the lock
    try:
        target = str(draft).replace("'", "''")
        con.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet)", values)
        draft.chmod(MODE)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _parquet(path: Path) -> str:
    escaped = "".join(f"[{c}]" if c in "*?[" else c for c in str(path)).replace("'", "''")
    return f"read_parquet('{escaped}')"


def _columns_of(path: Path, con: duckdb.DuckDBPyConnection) -> list[str]:
    try:
        return [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {_parquet(path)}").fetchall()]
    except duckdb.Error:
        raise PublishError(
            f"{path.name} is there and is no readable Parquet file. Name another one"
        ) from None


def _others(gone: Sequence[Any]) -> str:
    """SQL: rows of customers who stay."""
    marks = ", ".join("?" for _ in gone)
    return f" AND ({CUSTOMER} IS NULL OR {CUSTOMER} NOT IN ({marks}))" if gone else ""


def _erase_parquet(path: Path, table: str, ids: list[str]) -> int:
    with _alone(path), _in_words(path), guarded_engine() as con:
        if CUSTOMER not in _columns_of(path, con):
            return 0
        marks = ", ".join("?" for _ in ids)
        there = f"FROM {_parquet(path)} WHERE {CUSTOMER} IN ({marks})"
        n = int(con.execute(f"SELECT count(*) {there}", ids).fetchall()[0][0])
        if n:
            _replace(path, con, f"SELECT * FROM {_parquet(path)} WHERE true{_others(ids)}", ids)
        return n


# --- DuckDB -------------------------------------------------------------------------------------------------


def to_duckdb(path: Path, table: str, rows: Rows) -> int:
    """Replace one set in a table of a DuckDB file, in one transaction."""
    new = not path.exists()
    try:
        with _in_words(path), _duckdb(path) as con:
            con.execute("BEGIN")
            wanted, there = rows.types(con), _duckdb_columns(con, table)
            if there is None:
                if "." in table:
                    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.split('.', maxsplit=1)[0])}")
                con.execute(f"CREATE TABLE {quote_table(table)} AS SELECT * FROM {rows.view} LIMIT 0")
            else:
                check_columns(f"{path.name}::{table}", there, list(wanted))
            con.execute(f"DELETE FROM {quote_table(table)} WHERE {rows.same_set}", list(rows.of))
            _delete_customers(con, table, rows.gone, "customer_id" in wanted)
            columns = ", ".join(rows.quoted(wanted))
            con.execute(f"INSERT INTO {quote_table(table)} ({columns}) SELECT {columns} FROM {rows.view}")
            n = _count(con, rows)
            con.execute("COMMIT")
        path.chmod(MODE & path.stat().st_mode if not new else MODE)
        return n
    except PublishError:
        if new:  # nothing was committed: what is left is an empty file of ours
            for left in (path, path.with_name(f"{path.name}.wal")):
                left.unlink(missing_ok=True)
        raise


@contextmanager
def _duckdb(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(
        str(path), config=FETCHES_NOTHING
    ) as con:  # an open transaction is rolled back at the end
        con.execute("SET TimeZone = 'UTC'")
        yield con


def _duckdb_columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str] | None:
    schema, _, name = table.rpartition(".")
    found = con.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? "
        "AND table_catalog = current_database() ORDER BY ordinal_position",
        [schema or "main", name],
    ).fetchall()
    return [row[0] for row in found] or None


def _delete_customers(con: Any, table: str, ids: Sequence[str], has_ids: bool) -> None:
    if ids and has_ids:
        marks = ", ".join("?" for _ in ids)
        con.execute(f"DELETE FROM {quote_table(table)} WHERE {CUSTOMER} IN ({marks})", list(ids))


def _erase_duckdb(path: Path, table: str, ids: list[str]) -> int:
    with _in_words(path), _duckdb(path) as con:
        there = _duckdb_columns(con, table)
        if there is None or CUSTOMER not in there:
            return 0
        marks = ", ".join("?" for _ in ids)
        where = f"{quote_table(table)} WHERE {CUSTOMER} IN ({marks})"
        n = int(con.execute(f"SELECT count(*) FROM {where}", ids).fetchall()[0][0])
        con.execute(f"DELETE FROM {where}", ids)
        con.execute("CHECKPOINT")
    if n or _left_in(path, ids):
        _write_anew(path)
    return n


def _left_in(path: Path, ids: Sequence[str]) -> bool:
    """Whether the bytes of a file still name somebody: a database keeps what it deleted in its free pages."""
    wanted, tail = [one.encode("utf-8") for one in ids if one], b""
    longest = max((len(one) for one in wanted), default=0)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole = tail + block
            if any(one in whole for one in wanted):
                return True
            tail = whole[-longest:]
    return False


def _write_anew(path: Path) -> None:
    """All that is in a DuckDB file into a new one, which takes its place: without what was deleted."""
    draft = path.with_name(f".{path.name}.part")
    with _in_words(path), guarded_engine() as con:
        draft.unlink(missing_ok=True)
        old, new = (str(one).replace("'", "''") for one in (path, draft))
        try:
            con.execute(f"ATTACH '{old}' AS old (READ_ONLY)")  # held until the end: nobody writes meanwhile
            con.execute(f"ATTACH '{new}' AS new")
            draft.chmod(0o600)
            con.execute("COPY FROM DATABASE old TO new")
            con.execute("DETACH new")
            draft.chmod(path.stat().st_mode & 0o777)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


# --- SQLite -------------------------------------------------------------------------------------------------

_SQLITE_TYPES = {"DOUBLE": "REAL", "FLOAT": "REAL", "VARCHAR": "TEXT", "DATE": "TEXT"}


def to_sqlite(path: Path, table: str, rows: Rows, read: duckdb.DuckDBPyConnection) -> int:
    """Replace one set in a table of a SQLite file, in one transaction; days are ISO texts there."""
    new = not path.exists()
    name = table.rpartition(".")[2]
    types = rows.types(read)
    try:
        with _in_words(path), closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as con:
            con.execute("PRAGMA secure_delete = ON")  # a row that goes leaves nothing in a free page
            con.execute("BEGIN IMMEDIATE")
            there = [row[1] for row in con.execute(f"PRAGMA table_info({quote(name)})")]
            if there:
                check_columns(f"{path.name}::{name}", there, list(types))
            else:
                columns = ", ".join(f"{quote(c)} {_sqlite_type(kind)}" for c, kind in types.items())
                con.execute(f"CREATE TABLE {quote(name)} ({columns})")
                con.execute(
                    f"CREATE INDEX {quote(name + '_set')} ON {quote(name)} ({', '.join(rows.quoted(SET))})"
                )
            of = [rows.of[0].isoformat(), *rows.of[1:]]
            con.execute(f"DELETE FROM {quote(name)} WHERE {rows.same_set}", of)
            _delete_customers(con, name, rows.gone, CUSTOMER in types)
            marks = ", ".join("?" for _ in types)
            into = f"INSERT INTO {quote(name)} ({', '.join(rows.quoted(types))}) VALUES ({marks})"
            read.execute(f"SELECT {', '.join(_for_sqlite(c, k) for c, k in types.items())} FROM {rows.view}")
            while batch := read.fetchmany(_ROWS):
                con.executemany(into, batch)
            con.execute("COMMIT")
        path.chmod(MODE & path.stat().st_mode if not new else MODE)
        return _count(read, rows)
    except PublishError:
        if new:
            path.unlink(missing_ok=True)
        raise


def _sqlite_type(kind: str) -> str:
    return _SQLITE_TYPES.get(
        kind, "REAL" if kind.startswith("DECIMAL") else "TEXT" if "TIME" in kind else "INTEGER"
    )


def _for_sqlite(column: str, kind: str) -> str:
    cast = {"REAL": "DOUBLE", "TEXT": "VARCHAR", "INTEGER": "BIGINT"}[_sqlite_type(kind)]
    return f"CAST({quote(column)} AS {cast})"


def _erase_sqlite(path: Path, table: str, ids: list[str]) -> int:
    name = table.rpartition(".")[2]
    with _in_words(path), closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as con:
        con.execute("PRAGMA secure_delete = ON")
        if CUSTOMER not in [row[1] for row in con.execute(f"PRAGMA table_info({quote(name)})")]:
            return 0
        marks = ", ".join("?" for _ in ids)
        n = con.execute(f"DELETE FROM {quote(name)} WHERE {CUSTOMER} IN ({marks})", ids).rowcount
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if _left_in(path, ids):  # from before, when rows went without being overwritten
            con.execute("VACUUM")
        return n


ERASERS: Mapping[str, Callable[[Path, str, list[str]], int]] = {
    "parquet": _erase_parquet, "duckdb": _erase_duckdb, "sqlite": _erase_sqlite,
}  # fmt: skip


# --- all ----------------------------------------------------------------------------------------------------


def _count(con: duckdb.DuckDBPyConnection, rows: Rows) -> int:
    return int(con.execute(f"SELECT count(*) FROM {rows.view}").fetchall()[0][0])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT)
    try:
        with lock:
            yield
    except Timeout:
        raise LockedError(f"another run is writing {path.name}") from None
    finally:
        with suppress(OSError):
            if not lock.is_locked:
                Path(lock.lock_file).unlink(missing_ok=True)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(f"{path.name} cannot be written ({error.strerror}). Nothing was changed") from None
    except (duckdb.Error, sqlite3.Error) as error:
        text = str(error).lower()
        if "lock" in text or "different configuration" in text:
            raise LockedError(
                f"{path.name} is open for writing elsewhere. Close it there, and write again"
            ) from None
        why = "it may not be written to" if "readonly" in text or "permission" in text else first_line(error)
        if isinstance(
            error, (duckdb.ConstraintException, duckdb.ConversionException, sqlite3.IntegrityError)
        ):
            why = "its columns or rules take other values"  # its own words would show a customer's
        raise PublishError(f"{path.name} cannot be written: {why}. Nothing was changed") from None
