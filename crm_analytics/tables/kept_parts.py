"""What is kept of one part of the purchases: a file, or a row group of the one file they lie in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from ibis.backends import BaseBackend

from crm_analytics.tables import rejects
from crm_analytics.tables.part_readings import Shapes
from crm_analytics.tables.source_parts import MOST_ROWS

LINES = "transactions"
Rows = tuple[tuple[int | None, str, str], ...]


class Rebuild(Exception):  # noqa: N818 - no error of the user's
    """Everything has to be read again; says why."""


@dataclass(frozen=True)
class KeptPart:
    """What is known of one file whose rows are kept.

    Attributes
    ----------
    raw : rows in the file, those that `where` leaves out counted along
    tally : see `acceptance.tallies`; money as text, to stay exact
    spend : count, sum and largest of the amounts
    shapes : of each text column that is read as numbers or moments, how many values have which shape
    days : of its purchases, ``2026-11-30``, in order
    digest : rows, and the sum of their digests
    tests : lines of test orders, and their money
    files : in the store, below its folder
    rejected : place in the file, column, rule of the rows set aside
    """

    name: str
    stamp: tuple[int, int]
    sha256: str
    raw: int = 0
    tally: Mapping[str, str] = field(default_factory=dict)
    spend: tuple[int, str, str] = (0, "0", "0")
    shapes: Shapes = field(default_factory=dict)
    days: tuple[str, ...] = ()
    digest: tuple[int, str] = (0, "0")
    tests: tuple[int, str] = (0, "0")
    files: tuple[str, ...] = ()
    rejected: tuple[tuple[int | None, str, str], ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> KeptPart:
        """From the JSON of a state."""
        lists = {
            name: tuple(content[name]) for name in ("stamp", "spend", "days", "digest", "tests", "files")
        }
        rows = tuple((None if n is None else int(n), str(c), str(r)) for n, c, r in content["rejected"])
        return cls(**{**content, **lists, "rejected": rows})


def rejected_of(parts: Sequence[KeptPart], order: Mapping[str, int]) -> pd.DataFrame:
    """The rejected rows of all parts, by their place in all of them end to end."""
    frames, before = [], 0
    for part in sorted(parts, key=lambda p: order[p.name]):
        if part.rejected:
            frames.append(frame_of([part], before))
        before += part.raw
    if not frames:
        return frame_of([])
    whole = pd.concat(frames, ignore_index=True)
    return whole.sort_values(["row_number", "column"], kind="stable", ignore_index=True)


def frame_of(parts: Sequence[KeptPart], before: int = 0) -> pd.DataFrame:
    """The rejected rows of some parts, as `rejects.explain` tells them."""
    rows = [row for part in parts for row in part.rejected]
    number = pd.Series([None if n is None else n + before for n, _, _ in rows], dtype="Int64")
    column, rule = (pd.Series([row[i] for row in rows], dtype="str") for i in (1, 2))
    return rejects.frame_of(LINES, number, column, rule)


def as_rows(rejected: pd.DataFrame) -> Rows:
    """`KeptPart.rejected` of the rows that a part lost."""
    places = [int(n) % MOST_ROWS for n in rejected["row_number"]]
    return tuple(zip(places, map(str, rejected["column"]), map(str, rejected["rule"]), strict=True))


def write_by(connection: BaseBackend, rows: ir.Table, folder: Path, column: str) -> None:
    """Rows as Parquet, a folder for each value of a column."""
    before = os.umask(0o077)
    try:
        connection.to_parquet(rows, folder, partition_by=column, write_partition_columns=False)
    finally:
        os.umask(before)


def write_one(connection: BaseBackend, rows: ir.Table, path: Path) -> None:
    """Rows as one Parquet file."""
    before = os.umask(0o077)
    try:
        connection.to_parquet(rows, path)
    finally:
        os.umask(before)


def names_in(folder: Path, root: Path) -> tuple[str, ...]:
    """The Parquet files of a folder, as seen from another."""
    return tuple(sorted(path.relative_to(root).as_posix() for path in folder.glob("*.parquet")))
