"""The parts that make up a table, each told apart: what of a source is new since it was last read.

A part is a file of a list or pattern, of files that differ by a date, of a folder of Parquet parts or of a
Hive folder; or a row group of the one Parquet file that a table is. Its rows are marked with PART, and ROW
counts inside the part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.tables.regular_files import open_regular

MOST_ROWS = 1 << 40  # of one part: ROW is the part's number times this, and the place in the part


class UnlikeParts(Exception):  # noqa: N818 - no error of the user's
    """The parts of a table cannot be read one by one and give what they give together; says why."""


@dataclass(frozen=True)
class RowGroup:
    """A row group of a Parquet file: its rows from `first` on, the bytes that hold them, their schema."""

    first: int
    rows: int
    begin: int
    size: int
    schema: str


@dataclass(frozen=True)
class Part:
    """One file of a table, or one row group of it.

    Attributes
    ----------
    name : from the source's folder, the same every night
    piece : what the shelf calls the file, or the folder it lies in
    folder : of Parquet parts, the folder that is read as one; None for a file of its own
    group : the row group; None for the whole file
    """

    name: str
    piece: str
    path: Path
    folder: Path | None = None
    group: RowGroup | None = None

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and time of change."""
        found = self.path.stat()
        return found.st_size if self.group is None else self.group.size, found.st_mtime_ns

    @property
    def sha256(self) -> str:
        """64 hex characters of what stands in it."""
        with open_regular(self.path) as file:
            if self.group is None:
                return hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(self.group.begin)
            content = file.read(self.group.size)
        return hashlib.sha256(self.group.schema.encode() + content).hexdigest()


def row_groups(part: Part, most: int) -> tuple[Part, ...]:
    """A Parquet file as its row groups, where it has several; else the file as it is.

    A file that grows has new groups at its end. One that was written anew has other bytes from the first
    changed row on.

    Parameters
    ----------
    most : a file of more groups stays whole
    """
    if part.path.suffix not in (".parquet", ".pq"):
        return (part,)
    try:
        with pq.ParquetFile(part.path) as file:
            meta, schema = file.metadata, str(file.schema).partition("\n")[2]  # its first line has an address
    except (OSError, pa.ArrowException):
        return (part,)  # reading it will say what is wrong
    if not 1 < meta.num_row_groups <= most:
        return (part,)
    found, first = [], 0
    for number in range(meta.num_row_groups):
        group = meta.row_group(number)
        columns = [group.column(n) for n in range(group.num_columns)]
        begin = min(min(c.dictionary_page_offset or c.data_page_offset, c.data_page_offset) for c in columns)
        size = sum(c.total_compressed_size for c in columns)
        about = RowGroup(first, group.num_rows, begin, size, schema)
        found.append(replace(part, name=f"{part.name}#{number}", group=about))
        first += group.num_rows
    return tuple(found)


@dataclass(frozen=True)
class PartReader:
    """How a shelf tells the parts of its tables apart, and reads some of them.

    Attributes
    ----------
    list : gives the parts of a piece, in order
    read : reads parts into one raw table with ROW and PART
    """

    list: Callable[[str, str], tuple[Part, ...]]
    read: Callable[[Sequence[Part], str], ir.Table]
