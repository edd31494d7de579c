"""The files that make up a table, each told apart: what of a source is new since it was last read.

A part is a file of a list or pattern, of files that differ by a date, of a folder of Parquet parts or of a
Hive folder. Its rows are marked with PART, and ROW counts inside the part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir

MOST_ROWS = 1 << 40  # of one part: ROW is the part's number times this, and the place in the part


class UnlikeParts(Exception):  # noqa: N818 - no error of the user's
    """The parts of a table cannot be read one by one and give what they give together; says why."""


@dataclass(frozen=True)
class Part:
    """One file of a table.

    Attributes
    ----------
    name : from the source's folder, the same every night
    piece : what the shelf calls the file, or the folder it lies in
    folder : of Parquet parts, the folder that is read as one; None for a file of its own
    """

    name: str
    piece: str
    path: Path
    folder: Path | None = None

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and time of change."""
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns

    @property
    def sha256(self) -> str:
        """64 hex characters of what stands in it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


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
