"""From whatever the user has (a file, a folder, a database, frames) to raw Ibis tables by name.

Nothing is judged here: columns arrive as they are (CSV as text), `checks` casts them by the contract.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.mapping import FILE_NAME, Mapping, TableMapping, read_mapping

_READABLE = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_DATABASES = (".duckdb", ".ddb", ".db")
_LONGEST_LINE = 64_000_000  # bytes; a description of many megabytes is odd but no reason to stop


@dataclass(frozen=True)
class Source:
    """Raw tables, the connection they live in, and what the mapping says of them."""

    connection: BaseBackend
    tables: dict[str, ir.Table]
    mapping: Mapping
    label: str
    torn_lines: dict[str, str]  # table -> name of the engine's own table of unreadable CSV lines


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
    if path.is_dir():
        files = {p.name: p for p in sorted(path.iterdir()) if p.suffix.lower() in _READABLE}
        if not files:
            raise DataError(f"{path.name}/ holds no CSV or Parquet file")
    elif path.suffix.lower() in _READABLE:
        files = {path.name: path}
    else:
        raise DataError(
            f"cannot read {path.name}: expected a .csv, .parquet or .duckdb file, or a folder of them"
        )
    torn: dict[str, str] = {}

    def read(name: str, table: str) -> ir.Table:
        found = _find_file(name, files, table)
        if found.suffix.lower() in (".parquet", ".pq"):
            return _read_parquet(connection, found)
        rejects = f"torn_lines_{len(torn)}"
        raw = _read_csv(connection, found, known.of(table), rejects)
        torn[table] = rejects
        return raw

    names = {p.stem: name for name, p in files.items()}
    if not path.is_dir() and not known.tables and path.stem not in TABLES:
        names = {"transactions": path.name}  # a single file is the purchases, whatever it is called
    elif not path.is_dir() and "transactions" in known.tables and not known.of("transactions").origin:
        names = {"transactions": path.name}
    tables = _collect_tables(known, names, read, path.name)
    return Source(connection, tables, known, label, torn)


def _collect_tables(known: Mapping, names: dict[str, str], read: Any, where: str) -> dict[str, ir.Table]:
    tables = {}
    for table in TABLES:
        spec = known.of(table)
        origin = spec.origin or names.get(table)
        if origin is None:
            continue
        raw = read(origin, table)
        for other, key in spec.joins:
            raw = _join(raw, read(other, table), key, table, other)
        tables[table] = raw
    if "transactions" not in tables:
        raise DataError(
            f"no table 'transactions' in {where}: it has {', '.join(sorted(names)) or 'nothing'}"
            f"{nearest('transactions', names) or '.'} Say which one it is in {FILE_NAME}: "
            '[transactions] from = "..."'
        )
    return tables


def _join(left: ir.Table, right: ir.Table, key: str, table: str, name: str) -> ir.Table:
    for side in (left, right):
        if key not in side.columns:
            raise DataError(
                f"{table}: cannot join {name} on '{key}': no such column{nearest(key, side.columns)}"
            )
    repeated = right.group_by(key).aggregate(n=right.count()).filter(lambda t: t.n > 1).count()
    repeated = repeated.to_pyarrow().as_py()
    if repeated:
        raise DataError(
            f"{table}: {name} has {repeated:,} values of '{key}' more than once; joining would multiply rows"
        )
    extra = [c for c in right.columns if c == key or c not in left.columns]
    joined = left.left_join(right.select(extra), key)
    return joined.drop(f"{key}_right") if f"{key}_right" in joined.columns else joined


def _find_file(name: str, files: dict[str, Path], table: str) -> Path:
    for candidate, path in files.items():
        if name in (candidate, path.stem):
            return path
    raise DataError(f"{table}: there is no file '{name}'{nearest(name, files)}")


def _read_parquet(connection: BaseBackend, path: Path) -> ir.Table:
    try:
        return connection.read_parquet(str(path))
    except Exception as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {_first_line(error)}") from None


def _encoding(path: Path) -> str:
    """UTF-8 where the bytes are; Latin-1 otherwise (it reads anything). UTF-16 is told by its mark."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        chunk = stream.read(1 << 20)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = stream.read(1 << 20)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def _read_csv(connection: BaseBackend, path: Path, spec: TableMapping, rejects: str) -> ir.Table:
    encoding = spec.encoding or _encoding(path)
    python_encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    with path.open(encoding=python_encoding, newline="") as stream:
        first = stream.readline(1_000_000)
        delimiter = max(",;\t|", key=first.count)
        stream.seek(0)
        try:
            header = next(csv.reader(stream, delimiter=delimiter), [])
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path.name}: the first line cannot be read ({error})") from None
    header = [name.strip() for name in header]
    if not any(header):
        raise DataError(f"{path.name} is empty: expected a header line and rows")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path.name}: the header names {', '.join(map(repr, twice))} more than once")
    longest = max(2_000_000, min(path.stat().st_size, _LONGEST_LINE))
    try:
        return connection.read_csv(
            str(path),
            columns={name or f"column_{i}": "VARCHAR" for i, name in enumerate(header)},
            auto_detect=False,
            header=True,
            delim=delimiter,
            quote='"',
            escape='"',
            nullstr="",
            null_padding=False,
            encoding=encoding,
            max_line_size=longest,
            buffer_size=16 * longest,
            store_rejects=True,
            rejects_table=rejects,
            rejects_scan=f"{rejects}_scan",
            rejects_limit=0,
        )
    except Exception as error:
        raise DataError(f"{path.name} cannot be read as CSV: {_first_line(error)}") from None


def _from_duckdb_file(connection: BaseBackend, path: Path, known: Mapping, label: str) -> Source:
    try:
        connection.attach(str(path), name="source", read_only=True)
        names = connection.list_tables(database=("source", "main"))
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

    tables = _collect_tables(known, {n: n for n in names}, read, path.name)
    return Source(connection, tables, known, label, {})


def _from_connection(connection: BaseBackend, known: Mapping, label: str) -> Source:
    names = connection.list_tables()

    def read(name: str, table: str) -> ir.Table:
        if name not in names:
            raise DataError(f"{table}: the connection has no table '{name}'{nearest(name, names)}")
        return connection.table(name)

    tables = _collect_tables(known, {n: n for n in names}, read, f"the {connection.name} connection")
    return Source(connection, tables, known, known.label or label, {})


def _from_frames(frames: MappingType[str, Any], known: Mapping) -> Source:
    connection = embedded_engine()
    arrow = {str(name): _to_arrow(frame, str(name)) for name, frame in frames.items()}
    for name, table in arrow.items():
        connection.create_table(f"frame_{name}", obj=table, temp=True)

    def read(name: str, table: str) -> ir.Table:
        if name not in arrow:
            raise DataError(f"{table}: there is no frame '{name}'{nearest(name, arrow)}")
        return connection.table(f"frame_{name}")

    tables = _collect_tables(known, {n: n for n in arrow}, read, "the frames")
    return Source(connection, tables, known, known.label or "data", {})


def _to_arrow(frame: Any, name: str) -> pa.Table:
    """Any frame as Arrow, NaN as NULL; a column of mixed Python objects becomes text."""
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "to_arrow"):  # polars
        return frame.to_arrow()
    if not hasattr(frame, "columns"):
        raise DataError(f"{name}: expected a pandas, polars or pyarrow frame, got {type(frame).__name__}")
    import pandas as pd

    columns = {}
    for column in frame.columns:
        values = frame[column]
        try:
            columns[str(column)] = pa.Array.from_pandas(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            text = values.map(lambda v: None if pd.isna(v) else str(v))
            columns[str(column)] = pa.array(list(text), pa.string())
    return pa.table(columns)


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder upward that holds `notebooks/`, else the folder itself."""
    here = (start or Path.cwd()).resolve()
    return next((p for p in (here, *here.parents) if (p / "notebooks").is_dir()), here)


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
    made = ("cdnow", "cdnow-master", "lemonade")
    if str(path) in made:
        raise DataError(f"there is no data/{path} yet: make it with `crm demo {path}`")
    names = [p.name for p in demo.parent.iterdir()] if demo.parent.is_dir() else []
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(f"there is no file or folder '{source}'{nearest(path.name, [*siblings, *names, *made])}")
