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
from crm_analytics.tables.contract import ROW, TABLES
from crm_analytics.tables.csv_files import CsvFile, read_csv
from crm_analytics.tables.frames import to_arrow
from crm_analytics.tables.headers import nearest_column
from crm_analytics.tables.mapping import FILE_NAME, Mapping, kept_rows, read_mapping
from crm_analytics.tables.project import LIBRARIES_MB, MEMORY_VARIABLE, project_folder
from crm_analytics.tables.scratch import scratch_folder

_READABLE = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_PARQUET = (".parquet", ".pq")
_DATABASES = (".duckdb", ".ddb", ".db")
_numbers = itertools.count()


@dataclass(frozen=True)
class Source:
    """Raw tables, the connection they live in, and what the mapping says of them."""

    connection: BaseBackend
    tables: dict[str, ir.Table]
    mapping: Mapping
    label: str
    numbered: dict[str, ir.Table]  # the same with ROW, the place in the file; only where rows have one
    csv: dict[str, list[CsvFile]] = field(default_factory=dict)  # of each table: itself, then what it joins


def open_source(source: Any, mapping: Any = None) -> Source:
    """Find the contract's tables in `source`.

    Parameters
    ----------
    source : path of a CSV or Parquet file, of a folder of them, or of a DuckDB file (opened read-only);
        an Ibis connection or URL; a frame, or a dict of pandas, polars or pyarrow frames
    mapping : path or dict; default the `mapping.toml` beside the data, if there is one

    Raises
    ------
    DataError : nothing is there, or no table of the contract is found in it.
    """
    if isinstance(source, BaseBackend):
        return _from_connection(source, read_mapping(mapping), source.name)
    if isinstance(source, str) and source.startswith("duckdb://"):
        path = source.removeprefix("duckdb://").split("?")[0]  # ibis.connect would open it for writing
        return _from_path(Path(path if Path(path).exists() else path.lstrip("/")), mapping)
    if isinstance(source, str) and "://" in source:
        try:
            connection = ibis.connect(source)
        except Exception as error:
            raise DataError(f"cannot connect to {source.split('://')[0]}://…: {_first_line(error)}") from None
        return _from_connection(connection, read_mapping(mapping), source.split("://")[0])
    if isinstance(source, (str, Path)):
        return _from_path(Path(source), mapping)
    frames = source if isinstance(source, MappingType) else {"transactions": source}
    return _from_frames(frames, read_mapping(mapping))


def embedded_engine() -> BaseBackend:
    """A fresh DuckDB in memory: private to one base, gone with it."""
    connection = ibis.duckdb.connect()
    connection.con.execute("SET TimeZone = 'UTC'")
    connection.con.execute("SET preserve_insertion_order = false")  # nothing here relies on the order of rows
    spill = scratch_folder(connection) / "spill"  # rows: private, and not in the working folder
    connection.con.execute(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
    if (most := os.environ.get(MEMORY_VARIABLE, "")).isdigit():  # of this process: spill before that
        connection.con.execute(f"SET memory_limit = '{max(int(most) - LIBRARIES_MB, 100) // 2}MB'")
    return connection


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _from_path(path: Path, mapping: Any) -> Source:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"there is no {path}{nearest(path.name, siblings)}")
    beside = (path if path.is_dir() else path.parent) / FILE_NAME
    if mapping is None and beside.exists():
        mapping = beside
    known = read_mapping(mapping)
    label = known.label or path.stem.replace("_", " ").replace("-", " ")
    connection = embedded_engine()
    if path.suffix.lower() in _DATABASES:
        return _from_duckdb_file(connection, path, known, label)
    files = _files_in(path)
    csv: dict[str, list[CsvFile]] = {}

    def read(name: str, table: str) -> ir.Table:
        found = _find_file(name, files, table)
        if found.is_dir() or found.suffix.lower() in _PARQUET:
            return _read_parquet(connection, found)
        opened = read_csv(connection, found, known.of(table).encoding, f"torn_lines_{next(_numbers)}")
        csv.setdefault(table, []).append(opened)
        return opened.rows

    names = {p.stem: name for name, p in files.items()}
    alone = not path.is_dir() or all(n.startswith("part-") and n.endswith(_PARQUET) for n in files)
    if alone and not known.of("transactions").origin:  # one table is the purchases, whatever its name
        named = path.stem in TABLES and not known.tables
        names = {path.stem if named else "transactions": path.name}
        files = {path.name: path}
    tables, numbered = _collect_tables(known, names, read, path.name)
    return Source(connection, tables, known, label, numbered, csv)


def _files_in(path: Path) -> dict[str, Path]:
    """The files (and folders of Parquet parts) that may be tables, by name."""
    if not path.is_dir():
        if path.suffix.lower() not in _READABLE:
            raise DataError(
                f"cannot read {path.name}: expected a .csv, .parquet or .duckdb file, or a folder of them"
            )
        return {path.name: path}
    files = {
        p.name: p
        for p in sorted(path.iterdir())
        if (p.suffix.lower() in _READABLE and p.is_file()) or (p.is_dir() and any(p.glob("*.parquet")))
    }
    if not files:
        raise DataError(f"{path.name}/ holds no CSV or Parquet file")
    return files


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
                f"{table}: cannot join {name} on '{key}': no such column{nearest_column(key, side.columns)}"
            )
    named = right.filter(right[key].notnull())
    counts = named.group_by(key).aggregate(n=named.count())
    repeated = counts.filter(counts.n > 1).count().to_pyarrow().as_py()
    if repeated:
        raise DataError(
            f"{table}: {name} has {repeated:,} values of '{key}' more than once; joining would multiply rows"
        )


def _join(left: ir.Table, right: ir.Table, key: str) -> ir.Table:
    extra = [c for c in right.columns if c == key or c not in left.columns]
    joined = left.left_join(right.select(extra), key)
    return joined.drop(f"{key}_right") if f"{key}_right" in joined.columns else joined


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


def _from_duckdb_file(connection: BaseBackend, path: Path, known: Mapping, label: str) -> Source:
    try:
        connection.attach(str(path), name="source", read_only=True)
        names = _table_names(connection, database=("source", "main"))
    except Exception as error:
        if "lock" in str(error).lower() or "different configuration" in str(error).lower():
            raise DataError(
                f"{path.name} is open for writing in another process. Close it there (con.close()), "
                "or copy the file and open the copy"
            ) from None
        raise DataError(f"{path.name} is not a readable DuckDB file: {_first_line(error)}") from None

    def read(name: str, table: str) -> ir.Table:
        if name not in names:
            raise DataError(f"{table}: {path.name} has no table '{name}'{nearest(name, names)}")
        return connection.table(name, database=("source", "main"))

    tables, numbered = _collect_tables(known, {n: n for n in names}, read, path.name)
    return Source(connection, tables, known, label, numbered)


def _table_names(connection: BaseBackend, **where: Any) -> list[str]:
    with warnings.catch_warnings():  # Ibis 12 calls a method that DuckDB 1.5 renamed
        warnings.simplefilter("ignore", DeprecationWarning)
        return connection.list_tables(**where)


def _from_connection(connection: BaseBackend, known: Mapping, label: str) -> Source:
    names = _table_names(connection)

    def read(name: str, table: str) -> ir.Table:
        if name not in names:
            raise DataError(f"{table}: the connection has no table '{name}'{nearest(name, names)}")
        return connection.table(name)

    where = f"the {connection.name} connection"
    tables, numbered = _collect_tables(known, {n: n for n in names}, read, where)
    return Source(connection, tables, known, known.label or label, numbered)


def _from_frames(frames: MappingType[str, Any], known: Mapping) -> Source:
    connection = embedded_engine()
    arrow = {str(name): to_arrow(frame, str(name)) for name, frame in frames.items()}
    for name, table in arrow.items():
        connection.create_table(f"frame_{name}", obj=table, temp=True)

    def read(name: str, table: str) -> ir.Table:
        if name not in arrow:
            raise DataError(f"{table}: there is no frame '{name}'{nearest(name, arrow)}")
        return connection.table(f"frame_{name}")

    tables, numbered = _collect_tables(known, {n: n for n in arrow}, read, "the frames")
    return Source(connection, tables, known, known.label or "data", numbered)


def find_data(source: str | Path) -> Path:
    """A path as given, or the folder of that name in the project's `data/`.

    Raises
    ------
    DataError : neither is there; says which demo data can be made.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path.resolve()
    demo = project_folder() / "data" / path
    if len(path.parts) == 1 and demo.exists():
        return demo
    made = ("company", "cdnow", "cdnow-master", "lemonade")
    if str(path) in made:
        raise DataError(f"there is no data/{path} yet: make it with `crm demo {path}`")
    names = [p.name for p in demo.parent.iterdir()] if demo.parent.is_dir() else []
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(f"there is no file or folder '{source}'{nearest(path.name, [*siblings, *names, *made])}")
