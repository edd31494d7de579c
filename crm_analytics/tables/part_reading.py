"""Reading some parts of a table into one raw table; see `source_parts`."""

from __future__ import annotations

import functools
import glob
import itertools
import operator
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingType
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.contract import PART, ROW
from crm_analytics.tables.databases import first_line
from crm_analytics.tables.embedded_engine import load
from crm_analytics.tables.plain_columns import plain_columns
from crm_analytics.tables.source_parts import MOST_ROWS, Part, UnlikeParts
from crm_analytics.tables.wide_decimals import refuse_wide_decimals

_FILE = "_file"


def is_hive(path: Path) -> bool:
    """Whether a folder is split by values that stand in the names of its folders: ``year=2026/month=1/``."""
    return any(p.is_dir() and "=" in p.name for p in path.iterdir())


def parts_of(piece: str, found: Path, root: Path) -> tuple[Part, ...]:
    """The files of a piece: itself, or those in its folder, in order."""
    if not found.is_dir():
        return (Part(piece, piece, found),)
    files = sorted(found.glob("**/*.parquet" if is_hive(found) else "*.parquet"))
    top = root if found != root else found.parent
    return tuple(Part(p.relative_to(top).as_posix(), piece, p, found) for p in files)


def read_parts(
    connection: BaseBackend, parts: Sequence[Part], table: str, read: Callable[[str, str], ir.Table]
) -> ir.Table:
    """Parts end to end; each row knows its part, and its place there."""
    if parts[0].group is not None:
        return _numbered_groups(connection, parts)
    numbers = {part.path: number for number, part in enumerate(parts)}
    tables = []
    for folder, inside in itertools.groupby(parts, key=lambda part: part.folder):
        if folder is not None:
            tables.append(_numbered_parquet(connection, folder, list(inside), numbers))
            continue
        for part in inside:
            rows = read(part.piece, table)
            place = ibis.row_number() + 1 + numbers[part.path] * MOST_ROWS
            tables.append(rows.mutate(**{ROW: place, PART: ibis.literal(numbers[part.path])}))
    kinds = [dict(one.schema().items()) for one in tables]
    if any(kind != kinds[0] for kind in kinds):
        raise UnlikeParts(f"the files of {table} have different columns")
    return tables[0] if len(tables) == 1 else ibis.union(*(one.select(*kinds[0]) for one in tables))


def _numbered_parquet(
    connection: BaseBackend, folder: Path, parts: list[Part], numbers: MappingType[Path, int]
) -> ir.Table:
    paths = [glob.escape(str(part.path)) for part in parts]
    refuse_wide_decimals(folder)
    try:
        rows = connection.read_parquet(
            paths, binary_as_string=True, hive_types_autocast=False, hive_partitioning=is_hive(folder),
            union_by_name=True, filename=_FILE, file_row_number=True,
        )  # fmt: skip
    except Exception as error:
        raise DataError(f"{folder.name} is not a readable Parquet file: {first_line(error)}") from None
    known = pa.table(
        {_FILE: [str(part.path) for part in parts], PART: [numbers[part.path] for part in parts]},
        schema=pa.schema({_FILE: pa.string(), PART: pa.int64()}),
    )
    rows = rows.join(load(connection, known), _FILE)
    place = rows["file_row_number"] + 1 + rows[PART] * MOST_ROWS
    marked = rows.mutate(**{ROW: place}).drop(_FILE, "file_row_number")
    return plain_columns(marked)


def _numbered_groups(connection: BaseBackend, parts: Sequence[Part]) -> ir.Table:
    """Some row groups of one Parquet file; those that are not asked for are not read."""
    path = parts[0].path
    refuse_wide_decimals(path)
    try:
        rows = connection.read_parquet(
            glob.escape(str(path)), binary_as_string=True, hive_types_autocast=False, file_row_number=True
        )
    except Exception as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {first_line(error)}") from None
    place, groups = rows["file_row_number"], [part.group for part in parts if part.group is not None]
    runs: list[list[int]] = []
    for group in groups:
        if runs and runs[-1][1] == group.first:
            runs[-1][1] += group.rows
        else:
            runs.append([group.first, group.first + group.rows])
    wanted = functools.reduce(operator.or_, [(place >= begin) & (place < end) for begin, end in runs])

    def by_group(values: list[int], begins: list[int]) -> ir.IntegerValue:
        if len(values) == 1:
            return ibis.literal(values[0]).cast("int64")
        half = len(values) // 2
        before, after = by_group(values[:half], begins[:half]), by_group(values[half:], begins[half:])
        return (place < begins[half]).ifelse(before, after)

    begins = [group.first for group in groups]
    shifts = [number * MOST_ROWS - first for number, first in enumerate(begins)]
    marks = {PART: by_group(list(range(len(groups))), begins), ROW: place + 1 + by_group(shifts, begins)}
    return plain_columns(rows.filter(wanted).mutate(**marks).drop("file_row_number"))
