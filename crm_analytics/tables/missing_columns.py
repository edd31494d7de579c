"""Columns that only some files of a table have: the rows of the others are read without them."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.mapping import TableMapping

ColumnsByFile = MappingType[str, Sequence[str]]
_DECIDES = {"is_return", "unit_quantity", "unit_price", "unit_spend"}  # what a sum is made of


def parquet_columns(folder: Path) -> dict[str, tuple[str, ...]]:
    """The columns of each Parquet file of a folder, by its path; nothing of files that cannot be read."""
    found = {}
    for path in sorted(folder.rglob("*.parquet")):
        try:
            found[path.relative_to(folder.parent).as_posix()] = tuple(pq.read_schema(path).names)
        except (OSError, pa.ArrowException):
            continue  # the engine says what is wrong with the file
    return found


def missing_columns(table: str, spec: TableMapping, files: ColumnsByFile) -> list[Finding]:
    """A finding for each column that is read and that some of the files do not have.

    Parameters
    ----------
    files : the columns of each file by its name, spelt as in the table

    >>> [one.says for one in missing_columns("transactions", TableMapping(), {
    ...     "may.csv": ["unit_spend", "is_return"], "june.csv": ["unit_spend"]})]
    ["'is_return' is in 1 of 2 files of transactions. Rows of june.csv are read as if it were empty."]
    """
    every = list(dict.fromkeys(column for columns in files.values() for column in columns))
    notes = []
    for column in every:
        without = [Path(name).name for name, columns in files.items() if column not in columns]
        fields = _fields_from(column, table, spec)
        if not without or not fields:
            continue
        more = f" and {len(without) - 2} more" if len(without) > 2 else ""
        says = (
            f"'{column}' is in {len(files) - len(without)} of {len(files)} files of {table}. Rows of "
            f"{' and '.join(without[:2])}{more} are read as if it were empty."
        )
        severity = "serious" if fields & _DECIDES else "warning"
        notes.append(Finding("missing_column", severity, table, column, says))
    return notes


def _fields_from(column: str, table: str, spec: TableMapping) -> set[str]:
    """The fields of the contract that a column of the source gives, or is a part of."""
    found = {field for field, origin in spec.fields.items() if _names(origin, column)}
    if column in TABLES[table].names and column not in spec.fields:
        found.add(column)
    return found


def _names(origin: object, column: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", str(origin)) is not None
