"""From whatever the user has (a file, a folder, a database, frames) to raw Ibis tables by name.

Nothing is judged here: columns arrive as they are (CSV as text), `checks` casts them by the contract.
"""

from __future__ import annotations

import glob
import itertools
import os
import warnings
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables import spark_frames
from crm_analytics.tables.collected_rows import Collected, collect_tables
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.csv_files import CsvFile, read_csv
from crm_analytics.tables.databases import (
    Database,
    DuckDbFile,
    IbisDatabase,
    contract_names,
    find_table,
    first_line,
    load,
    missing_driver,
)
from crm_analytics.tables.frames import to_arrow
from crm_analytics.tables.json_files import read_json
from crm_analytics.tables.mapping import FILE_NAME, Mapping, read_mapping
from crm_analytics.tables.network_files import read_network_parquet
from crm_analytics.tables.packed_files import cannot_read, database_kind, kind_of, table_name, unpacked
from crm_analytics.tables.plain_columns import plain_columns
from crm_analytics.tables.postgres import PostgresDatabase
from crm_analytics.tables.project import LIBRARIES_MB, MEMORY_VARIABLE
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.source_ref import SourceRef, read_source
from crm_analytics.tables.sqlite_file import SqliteFile
from crm_analytics.tables.workbooks import Workbook

_IN_PLACE = ("duckdb", "pyspark")  # engines the analyses speak: rows stay where they are
_numbers = itertools.count()


@dataclass(frozen=True)
class Source:
    """Raw tables, the connection they live in, and what the mapping says of them."""

    connection: BaseBackend
    rows: Collected
    mapping: Mapping
    label: str
    csv: dict[str, list[CsvFile]] = field(default_factory=dict)  # of each table: its own, then what it joins


def open_source(source: Any, mapping: Any = None, *, pushdown: bool = False) -> Source:
    """Find the contract's tables in `source`.

    Parameters
    ----------
    source : a `SourceRef`, a path or URL; an Ibis connection or Spark session; a frame of any library, or a
        dict of frames
    mapping : path or dict; default the `mapping.toml` beside the data, if there is one
    pushdown : leave the rows of a connection in its own engine, which then computes everything. DuckDB and
        Spark always do; other engines are pulled into DuckDB unless asked, as they lack functions or rights

    Raises
    ------
    DataError : nothing is there, or no table of the contract is found in it.
    """
    if spark_frames.is_session(source):
        source = spark_frames.connect(source)
    if isinstance(source, BaseBackend):
        return _from_connection(source, read_mapping(mapping), source.name, pushdown)
    if isinstance(source, (str, Path, SourceRef)):
        return _from_ref(read_source(source), mapping, pushdown)
    frames = source if isinstance(source, MappingType) else {"transactions": source}
    return _from_frames(frames, read_mapping(mapping))


def embedded_engine() -> BaseBackend:
    """A fresh DuckDB in memory: private to one base, gone with it."""
    connection = ibis.duckdb.connect()
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):  # nothing is ever fetched
        connection.con.execute(f"SET {setting} = false")
    connection.con.execute("SET TimeZone = 'UTC'")
    connection.con.execute("SET preserve_insertion_order = false")  # nothing here relies on the order of rows
    spill = scratch_folder(connection) / "spill"  # rows: private, and not in the working folder
    connection.con.execute(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
    if (most := os.environ.get(MEMORY_VARIABLE, "")).isdigit():  # of this process: spill before that
        connection.con.execute(f"SET memory_limit = '{max(int(most) - LIBRARIES_MB, 100) // 2}MB'")
    return connection


def _from_ref(ref: SourceRef, mapping: Any, pushdown: bool) -> Source:
    if ref.path is not None:
        return _from_path(ref.path, mapping)
    known = read_mapping(mapping)
    if ref.kind == "network":
        connection = embedded_engine()
        whole = plain_columns(read_network_parquet(connection, ref))
        rows = collect_tables(known, {"transactions": ""}, lambda *_: whole, f"the {ref.name} file")
        return Source(connection, rows, known, known.label or "data")
    if ref.kind == "postgres" and not pushdown:
        return _from_database(PostgresDatabase(ref.text), known, known.label or ref.name)
    try:
        connection = ibis.connect(ref.text)
    except (ImportError, ModuleNotFoundError):
        raise missing_driver(ref.kind) from None
    except Exception as error:
        raise DataError(f"cannot connect to {ref.kind}://…: {_of_connecting(error, ref.kind)}") from None
    return _from_connection(connection, known, ref.kind, pushdown)


def _of_connecting(error: Exception, kind: str) -> str:
    said = first_line(error)
    if "missing dependencies" in said:
        return str(missing_driver(kind))
    if said.startswith("Don't know how to connect"):
        return f"there is no engine of that name{nearest(kind, ['postgres', 'mysql', 'sqlite', 'duckdb'])}"
    return said


def _from_path(path: Path, mapping: Any) -> Source:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"there is no {path}{nearest(path.name, siblings)}")
    beside = (path if path.is_dir() else path.parent) / FILE_NAME
    if mapping is None and beside.exists():
        mapping = beside
    known = read_mapping(mapping)
    label = known.label or table_name(path).replace("_", " ").replace("-", " ")
    kind = "folder" if path.is_dir() else kind_of(path)
    if kind == "database":
        return _from_database(_open_file(path), known, label)
    connection = embedded_engine()
    if kind == "packed":
        path = unpacked(path, scratch_folder(connection))
        kind = kind_of(path)
    if kind == "excel":
        return _from_workbook(unpacked(path, scratch_folder(connection)), connection, known, label)
    return _from_files(path, connection, known, label)


def _open_file(path: Path) -> Database:
    kind = database_kind(path)
    if not kind and path.stat().st_size:
        raise DataError(
            f"{path.name} is neither a DuckDB nor a SQLite file: export its tables as CSV or Parquet"
        )
    return SqliteFile(path) if kind == "sqlite" else DuckDbFile(path)


def _from_files(path: Path, connection: BaseBackend, known: Mapping, label: str) -> Source:
    files = _files_in(path)
    csv: dict[str, list[CsvFile]] = {}

    def read(name: str, table: str) -> ir.Table:
        found = _find_file(name, files, table)
        if found.is_dir() or kind_of(found) == "parquet":
            return plain_columns(_read_parquet(connection, found))
        found = unpacked(found, scratch_folder(connection))
        kind = kind_of(found)
        if kind == "json":
            return plain_columns(read_json(connection, found))
        if kind == "excel":
            book = Workbook(found)
            if len(book.sheets) != 1:
                raise DataError(
                    f"{table}: {found.name} has {len(book.sheets)} sheets: give the workbook as the source"
                )
            return book.read(book.sheets[0], connection)
        spec = known.of(table)
        opened = read_csv(
            connection,
            found,
            spec.encoding,
            f"torn_lines_{next(_numbers)}",
            skip=spec.skip,
            footer=spec.footer,
        )
        csv.setdefault(table, []).append(opened)
        return opened.rows

    names = _names_of(files)
    alone = not path.is_dir() or all(
        n.startswith("part-") and kind_of(p) == "parquet" for n, p in files.items()
    )
    if alone and not known.of("transactions").origin:  # one table is the purchases, whatever its name
        stem = table_name(path)
        named = stem in TABLES and not known.tables
        names = {stem if named else "transactions": path.name}
        files = {path.name: path}
    rows = collect_tables(known, names, read, path.name)
    return Source(connection, rows, known, label, csv)


def _files_in(path: Path) -> dict[str, Path]:
    """The files (and folders of Parquet parts) that may be tables, by name."""
    if not path.is_dir():
        if not kind_of(path):
            raise cannot_read(path)
        return {path.name: path}
    files = {
        p.name: p
        for p in sorted(path.iterdir())
        if (p.is_file() and kind_of(p) not in ("", "database")) or (p.is_dir() and any(p.glob("*.parquet")))
    }
    if not files:
        raise DataError(
            f"{path.name}/ holds no file that can be read: expected CSV, Parquet, JSON or .xlsx files"
        )
    return files


def _names_of(files: dict[str, Path]) -> dict[str, str]:
    """File names by table. Two files of one table are not chosen from: the older would be read in silence."""
    names: dict[str, str] = {}
    for file, path in files.items():
        stem = table_name(path)
        if stem in names and stem in TABLES:
            raise DataError(
                f"{stem}: there are two files of that name, {names[stem]} and {file}. Remove one, or say which in "
                f'{FILE_NAME}: [{stem}] from = "{file}"'
            )
        names[stem] = file
    return names


def _from_workbook(path: Path, connection: BaseBackend, known: Mapping, label: str) -> Source:
    book = Workbook(path)
    names = {sheet: sheet for sheet in book.sheets}
    if len(names) == 1 and not known.of("transactions").origin and book.sheets[0] not in TABLES:
        names = {"transactions": book.sheets[0]}

    def read(name: str, table: str) -> ir.Table:
        if name not in book.sheets:
            raise DataError(f"{table}: {path.name} has no sheet '{name}'{nearest(name, book.sheets)}")
        return book.read(name, connection)

    rows = collect_tables(known, names, read, path.name)
    return Source(connection, rows, known, label)


def _from_database(database: Database, known: Mapping, label: str) -> Source:
    """The tables that are needed, pulled into an engine of our own; the database is let go after that."""
    connection = embedded_engine()
    pulled: dict[tuple[str, str], ir.Table] = {}

    def read(name: str, table: str) -> ir.Table:
        found = find_table(name, database, table)
        if found not in pulled:
            pulled[found] = plain_columns(database.pull(*found, connection))
        return pulled[found]

    try:
        rows = collect_tables(known, contract_names(database, known.tables), read, database.where)
    finally:
        database.close()
    return Source(connection, rows, known, label)


def _find_file(name: str, files: dict[str, Path], table: str) -> Path:
    for candidate, path in files.items():
        if name in (candidate, path.stem):
            return path
    raise DataError(f"{table}: there is no file '{name}'{nearest(name, files)}")


def _read_parquet(connection: BaseBackend, path: Path) -> ir.Table:
    """A Parquet file, or a folder of the parts that Spark and others write."""
    pattern = glob.escape(str(path))
    try:
        return connection.read_parquet(f"{pattern}/*.parquet" if path.is_dir() else pattern)
    except Exception as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {_first_line(error)}") from None


def _table_names(connection: BaseBackend, **where: Any) -> list[str]:
    with warnings.catch_warnings():  # Ibis 12 calls a method that DuckDB 1.5 renamed
        warnings.simplefilter("ignore", DeprecationWarning)
        return connection.list_tables(**where)


def _from_connection(connection: BaseBackend, known: Mapping, label: str, pushdown: bool = False) -> Source:
    if connection.name not in _IN_PLACE and not pushdown:
        return _from_database(IbisDatabase(connection), known, known.label or label)
    names = _table_names(connection)

    def read(name: str, table: str) -> ir.Table:
        schema, _, bare = name.rpartition(".")
        if name in names:
            return plain_columns(connection.table(name))
        if schema and bare in _table_names(connection, database=schema):
            return plain_columns(connection.table(bare, database=schema))
        raise DataError(f"{table}: the connection has no table '{name}'{nearest(name, names)}")

    where = f"the {connection.name} connection"
    rows = collect_tables(known, {n: n for n in names}, read, where)
    return Source(connection, rows, known, known.label or label)


def _from_frames(frames: MappingType[str, Any], known: Mapping) -> Source:
    frames = {str(name): frame for name, frame in frames.items()}
    connection = _common_engine(frames) or embedded_engine()

    def read(name: str, table: str) -> ir.Table:
        if name not in frames:
            raise DataError(f"{table}: there is no frame '{name}'{nearest(name, frames)}")
        frame = frames[name]
        if spark_frames.is_frame(frame):
            return plain_columns(spark_frames.as_table(frame, connection))
        if isinstance(frame, ir.Table):
            if frame.get_backend() is connection:
                return plain_columns(frame)
            frame = frame.to_pyarrow_batches()
        return plain_columns(load(connection, to_arrow(frame, name)))

    rows = collect_tables(known, {n: n for n in frames}, read, "the frames")
    return Source(connection, rows, known, known.label or "data")


def _common_engine(frames: MappingType[str, Any]) -> BaseBackend | None:
    """The engine that all frames live in already, where analyses may stay there; None to bring them over."""
    if all(spark_frames.is_frame(f) for f in frames.values()) and frames:
        return spark_frames.connect(next(iter(frames.values())).sparkSession)
    if all(isinstance(f, ir.Table) for f in frames.values()) and frames:
        engines = [f.get_backend() for f in frames.values()]
        if all(e is engines[0] for e in engines) and engines[0].name in _IN_PLACE:
            return engines[0]
    return None
