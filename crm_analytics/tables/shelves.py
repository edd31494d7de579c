"""What a place holds: its tables by name, and how one of them is read into an engine.

A file, a folder, a workbook, a database, a connection and a dict of frames are all shelves. `sources` tells
what is taken from one, and as which table.
"""

from __future__ import annotations

import filecmp
import glob
import itertools
import warnings
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables import spark_frames
from crm_analytics.tables.connections import connect, open_file
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.csv_files import CsvFile, read_csv
from crm_analytics.tables.databases import (
    Database,
    IbisDatabase,
    contract_names,
    find_table,
    first_line,
)
from crm_analytics.tables.embedded_engine import embedded_engine, load
from crm_analytics.tables.frames import to_arrow
from crm_analytics.tables.json_files import read_json
from crm_analytics.tables.mapping import FILE_NAME, Mapping, read_mapping
from crm_analytics.tables.missing_columns import parquet_columns
from crm_analytics.tables.nested_files import nested_files
from crm_analytics.tables.network_files import read_network_parquet
from crm_analytics.tables.packed_files import cannot_read, kind_of, table_name, unpacked
from crm_analytics.tables.part_reading import is_hive, parts_of, read_parts
from crm_analytics.tables.plain_columns import plain_columns
from crm_analytics.tables.postgres import PostgresDatabase
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.source_parts import Part, PartReader
from crm_analytics.tables.source_ref import SourceRef, read_source
from crm_analytics.tables.typed_zones import zones_of, zones_of_parquet
from crm_analytics.tables.wide_decimals import refuse_wide_decimals
from crm_analytics.tables.workbooks import Workbook

_IN_PLACE = ("duckdb", "pyspark")  # engines the analyses speak: rows stay where they are
_numbers = itertools.count()


@dataclass(frozen=True)
class Shelf:
    """Tables by name, and how one is read.

    Attributes
    ----------
    connection : the engine that tables are read into
    names : what `read` takes, by the table of the contract it would be (or its own name)
    read : (name, table of the contract) -> raw Ibis table
    where : what the place is called in messages
    close : lets go of the place; what was read stays
    parts : tells the files of a table apart; None where the place has none
    zones : of columns whose type bears one, by table; filled when it is read
    columns : of tables in a folder of Parquet, the columns of each file; filled when it is read
    """

    connection: BaseBackend
    names: dict[str, str]
    read: Callable[[str, str], ir.Table]
    where: str
    label: str
    mapping: Mapping
    csv: dict[str, list[CsvFile]] = field(default_factory=dict)
    close: Callable[[], None] = field(default=lambda: None, repr=False)
    parts: PartReader | None = None
    zones: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


def open_shelf(source: Any, mapping: Any = None, *, pushdown: bool = False, most: int | None = None) -> Shelf:
    """See what is there; nothing but names is read yet.

    Parameters
    ----------
    source : a `SourceRef`, a path or URL; an Ibis connection or Spark session; a frame of any library, or a
        dict of frames
    mapping : path or dict; default the `mapping.toml` beside the data, if there is one
    pushdown : leave the rows of a connection in its own engine, which then computes everything. DuckDB and
        Spark always do; other engines are pulled into DuckDB unless asked, as they lack functions or rights
    most : rows of each table of a database that are pulled, for a first look; None for all

    Raises
    ------
    DataError : nothing is there, or it cannot be read.
    """
    if spark_frames.is_session(source):
        source = spark_frames.connect(source)
    if isinstance(source, BaseBackend):
        return _of_connection(source, read_mapping(mapping), source.name, pushdown, most)
    if isinstance(source, (str, Path, SourceRef)):
        ref = read_source(source)
        return (
            _of_url(ref, mapping, pushdown, most) if ref.path is None else _of_path(ref.path, mapping, most)
        )
    frames = source if isinstance(source, MappingType) else {"transactions": source}
    return _of_frames(frames, read_mapping(mapping))


def _of_url(ref: SourceRef, mapping: Any, pushdown: bool, most: int | None) -> Shelf:
    known = read_mapping(mapping)
    if ref.kind == "network":
        connection = embedded_engine()
        rows = plain_columns(read_network_parquet(connection, ref))
        where, label = f"the {ref.name} file", known.label or "data"
        return Shelf(connection, {"transactions": ""}, lambda *_: rows, where, label, known)
    if ref.kind == "postgres" and not pushdown:
        return _of_database(PostgresDatabase(ref.text), known, known.label or ref.name, most)
    return _of_connection(connect(ref), known, ref.kind, pushdown, most)


def _of_path(path: Path, mapping: Any, most: int | None) -> Shelf:
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
        return _of_database(open_file(path), known, label, most)
    connection = embedded_engine()
    if kind == "packed":
        path = unpacked(path, scratch_folder(connection))
        kind = kind_of(path)
    if kind == "excel":
        return _of_workbook(unpacked(path, scratch_folder(connection)), connection, known, label)
    return _of_files(path, connection, known, label)


def _of_files(path: Path, connection: BaseBackend, known: Mapping, label: str) -> Shelf:
    files = _files_in(path)
    csv: dict[str, list[CsvFile]] = {}
    seen: dict[str, list[Path]] = {}
    zones: dict[str, dict[str, str]] = {}
    columns: dict[str, dict[str, tuple[str, ...]]] = {}

    def look_into(found: Path, table: str) -> None:
        zones.setdefault(table, {}).update(zones_of_parquet(found))
        if found.is_dir():
            columns.setdefault(table, {}).update(parquet_columns(found))

    def read(name: str, table: str) -> ir.Table:
        found = _find_file(name, files, table)
        _refuse_copies(found, seen.setdefault(table, []), table)
        if found.is_dir() or kind_of(found) == "parquet":
            look_into(found, table)
            return plain_columns(_read_parquet(connection, found))
        found = unpacked(found, scratch_folder(connection))
        kind = kind_of(found)
        if kind == "json":
            return plain_columns(read_json(connection, found))
        if kind == "excel":
            return _only_sheet(Workbook(found), connection, table)
        spec, torn = known.of(table), f"torn_lines_{next(_numbers)}"
        opened = read_csv(connection, found, spec.encoding, torn, skip=spec.skip, footer=spec.footer)
        csv.setdefault(table, []).append(opened)
        return opened.rows

    names = _names_of(files, known)
    spark = path.is_dir() and all(n.startswith("part-") and kind_of(p) == "parquet" for n, p in files.items())
    alone = path.is_dir() and len(files) == 1 and not known.tables and not names.keys() & TABLES.keys()
    if alone:
        names = {"transactions": next(iter(files))}  # the one file of a folder, as a file that is given
    elif (spark or not path.is_dir()) and not known.of("transactions").origin:
        stem = table_name(path).lower()  # one table is the purchases, whatever its name
        named = stem in TABLES and not known.tables
        names = {stem if named else "transactions": path.name}
        files = {path.name: path}

    def parts_in(name: str, table: str) -> tuple[Part, ...]:
        found = _find_file(name, files, table)
        if found.is_dir() or kind_of(found) == "parquet":
            look_into(found, table)
        return parts_of(name, found, path)

    parts = PartReader(
        parts_in,
        lambda several, table: read_parts(connection, several, table, read),
    )
    return Shelf(
        connection, names, read, path.name, label, known, csv, parts=parts, zones=zones, columns=columns
    )


def _only_sheet(book: Workbook, connection: BaseBackend, table: str) -> ir.Table:
    if len(book.sheets) != 1:
        sheets = ", ".join(book.sheets) or "none"
        raise DataError(
            f"{table}: {book.where} has {len(book.sheets)} filled sheets ({sheets}) and a folder's workbook "
            "must have one: give the workbook itself as the source, or save the sheet as .csv"
        )
    return book.read(book.sheets[0], connection)


def _files_in(path: Path) -> dict[str, Path]:
    """The files (and folders of Parquet parts) that may be tables, by name."""
    if not path.is_dir():
        if not kind_of(path):
            raise cannot_read(path)
        return {path.name: path}
    files = {
        p.name: p
        for p in sorted(path.iterdir())
        if (p.is_file() and kind_of(p) not in ("", "database")) or (p.is_dir() and any(p.rglob("*.parquet")))
    }
    files |= nested_files(path)
    if not files:
        raise DataError(f"{path.name}/ holds no file that can be read: expected CSV, Parquet, JSON or .xlsx")
    return files


def _refuse_copies(found: Path, seen: list[Path], table: str) -> None:
    """A file that holds what another one of its table holds: its rows would count twice."""
    if found.is_dir():
        return
    size = found.stat().st_size
    for other in seen:
        if other != found and other.stat().st_size == size and filecmp.cmp(other, found, shallow=False):
            with found.open("rb") as stream:
                stream.readline()
                if not stream.read(2).strip():
                    continue  # a header alone: two months without sales
            raise DataError(
                f"{table}: {other.name} and {found.name} hold the same, and their rows would count twice. "
                "Remove one, or name the files in mapping.toml"
            )
    seen.append(found)


def _is_part(path: Path) -> bool:
    return path.name.startswith("part-") and kind_of(path) == "parquet"


def _names_of(files: dict[str, Path], known: Mapping) -> dict[str, str]:
    """File names by table. Of two files of one table none is chosen: it might be last year's, in silence."""
    names: dict[str, str] = {}
    for file, path in files.items():
        stem = file if "/" in file else table_name(path)
        stem = stem.lower() if stem.lower() in TABLES else stem
        if stem in names and stem in TABLES and not known.of(stem).origin:
            raise DataError(
                f"{stem}: there are two files of that name, {names[stem]} and {file}. Remove one, or say "
                f'which in {FILE_NAME}: [{stem}] from = "{file}"'
            )
        names[stem] = file
    return names


def _find_file(name: str, files: dict[str, Path], table: str) -> Path:
    exact = files.get(name)
    found = [exact] if exact is not None else [p for p in files.values() if table_name(p) == name]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(p.name for p in found)
        raise DataError(f"{table}: '{name}' may be {several}: give the ending, too")
    raise DataError(f"{table}: there is no file '{name}'{nearest(name, files)}")


def _read_parquet(connection: BaseBackend, path: Path) -> ir.Table:
    """A Parquet file, or a folder of the parts that Spark and others write."""
    pattern = glob.escape(str(path))
    refuse_wide_decimals(path)
    if path.is_dir():
        pattern += "/**/*.parquet" if is_hive(path) else "/*.parquet"
    try:
        # Texts of Impala, Hive and older Spark are not marked as such; values in folders' names stay text.
        # By name: else all files are read by the types of the first, and what only others have is lost.
        return connection.read_parquet(
            pattern, binary_as_string=True, hive_types_autocast=False, union_by_name=True
        )
    except Exception as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {first_line(error)}") from None


def _of_workbook(path: Path, connection: BaseBackend, known: Mapping, label: str) -> Shelf:
    book = Workbook(path)
    names = {sheet: sheet for sheet in book.sheets}
    if len(names) == 1 and not known.of("transactions").origin and book.sheets[0] not in TABLES:
        names = {"transactions": book.sheets[0]}

    def read(name: str, table: str) -> ir.Table:
        if name not in book.sheets:
            raise DataError(f"{table}: {path.name} has no sheet '{name}'{nearest(name, book.sheets)}")
        return book.read(name, connection)

    return Shelf(connection, names, read, path.name, label, known)


def _of_database(database: Database, known: Mapping, label: str, most: int | None) -> Shelf:
    """Tables are pulled into an engine of our own, each once."""
    connection = embedded_engine()
    pulled: dict[tuple[str, str], ir.Table] = {}

    def read(name: str, table: str) -> ir.Table:
        found = find_table(name, database, table)
        if found not in pulled:
            pulled[found] = plain_columns(database.pull(*found, connection, most))
        return pulled[found]

    placed = {name for name, mapped in known.tables.items() if mapped.origin}
    names = contract_names(database, placed)
    return Shelf(connection, names, read, database.where, label, known, close=database.close)


def _of_connection(
    connection: BaseBackend, known: Mapping, label: str, pushdown: bool, most: int | None
) -> Shelf:
    if connection.name not in _IN_PLACE and not pushdown:
        return _of_database(IbisDatabase(connection), known, known.label or label, most)
    names = _table_names(connection)

    def read(name: str, table: str) -> ir.Table:
        schema, _, bare = name.rpartition(".")
        if name in names:
            return plain_columns(connection.table(name))
        if schema and bare in _table_names(connection, database=schema):
            return plain_columns(connection.table(bare, database=schema))
        raise DataError(f"{table}: the connection has no table '{name}'{nearest(name, names)}")

    where = f"the {connection.name} connection"
    return Shelf(connection, {n: n for n in names}, read, where, known.label or label, known)


def _table_names(connection: BaseBackend, **where: Any) -> list[str]:
    with warnings.catch_warnings():  # Ibis 12 calls a method that DuckDB 1.5 renamed
        warnings.simplefilter("ignore", DeprecationWarning)
        return connection.list_tables(**where)


def _of_frames(frames: MappingType[str, Any], known: Mapping) -> Shelf:
    frames = {str(name): frame for name, frame in frames.items()}
    zones: dict[str, dict[str, str]] = {}
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
        rows = to_arrow(frame, name)
        zones.setdefault(table, {}).update(zones_of(rows.schema))
        return plain_columns(load(connection, rows))

    label = known.label or "data"
    return Shelf(connection, {n: n for n in frames}, read, "the frames", label, known, zones=zones)


def _common_engine(frames: MappingType[str, Any]) -> BaseBackend | None:
    """The engine that all frames live in already, where analyses may stay there; None to bring them over."""
    if frames and all(spark_frames.is_frame(f) for f in frames.values()):
        return spark_frames.connect(next(iter(frames.values())).sparkSession)
    if frames and all(isinstance(f, ir.Table) for f in frames.values()):
        engines = [f.get_backend() for f in frames.values()]
        if all(e is engines[0] for e in engines) and engines[0].name in _IN_PLACE:
            return engines[0]
    return None
