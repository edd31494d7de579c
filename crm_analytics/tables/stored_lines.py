"""Purchase lines and customer-days that lie on disk already, so that nobody reads or sums them again."""

from __future__ import annotations

import glob
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.tables.contract import PART, ROW
from crm_analytics.tables.customer_days import COUNTED
from crm_analytics.tables.line_facts import LineFacts


@dataclass(frozen=True)
class StoredLines:
    """Purchase lines as files.

    Attributes
    ----------
    lines : accepted purchase lines, read from `files`
    days : customer-days of them, read from `day_files`
    customer_files : of `customer_history`: all customers, and perhaps those whose rows changed since
    facts : what was counted of the lines to find odd ones
    total : rows, and the sum of their digests, as `snapshot.hash_of` adds them
    span : first and last day of the lines, ``2026-11-30``; None where nobody counted them
    """

    lines: ir.Table
    days: ir.Table
    total: tuple[int, int]
    files: tuple[Path, ...]
    day_files: tuple[Path, ...]
    customer_files: tuple[Path, ...] = ()
    facts: LineFacts | None = None
    span: tuple[str, str] | None = None


def read_files(connection: BaseBackend, files: tuple[Path, ...], *marks: str) -> ir.Table:
    """Parquet files of equal columns as one table, with no marks but those named."""
    table = connection.read_parquet([glob.escape(str(path)) for path in files], hive_partitioning=False)
    return table.drop(*({ROW, PART, COUNTED} - {*marks} & {*table.columns}))


def read_customers(connection: BaseBackend, files: tuple[Path, ...]) -> ir.Table:
    """`customer_history` from its files: rows of the second stand in for those of the first."""
    whole, *changed = (read_files(connection, (path,), COUNTED) for path in files)
    for one in changed:
        whole = whole.anti_join(one, "customer_id").union(one.select(*whole.columns))
    return whole


def lay(files: tuple[Path, ...], folder: Path) -> None:
    """The same files in another folder: linked, or copied where it lies on another disk."""
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        target = folder / f"{number}.parquet"
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)


def laid(folder: Path) -> tuple[Path, ...]:
    """The files that `lay` put there, in order; or the parts that Spark wrote."""
    place = {path: int(path.stem) if path.stem.isdigit() else 0 for path in folder.glob("*.parquet")}
    return tuple(sorted(place, key=lambda path: (place[path], path.name)))
