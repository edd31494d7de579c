"""Rows on their way to a warehouse: a private Parquet file, what tells its set, and how to read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from crm_analytics.errors import PublishError
from crm_analytics.tables.embedded_engine import guarded_engine

SET = ("as_of", "source", "filtered_by")  # one set of rows for each
STAMPS = (*SET, "model_version", "data_hash")
CUSTOMER = "customer_id"


@dataclass(frozen=True)
class Stamp:
    """What each row says of where it comes from."""

    as_of: date
    source: str
    filtered_by: str
    model_version: str
    data_hash: str


@dataclass(frozen=True)
class Rows:
    """The rows of one set.

    Attributes
    ----------
    path : a Parquet file
    key : columns that tell rows of a table apart, those of the set first
    of : day, source and filter of the set
    gone : customers whose rows of all sets go
    """

    path: Path
    key: tuple[str, ...]
    of: tuple[date, str, str]
    gone: tuple[str, ...] = ()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An engine that can read them."""
        with guarded_engine() as con:
            con.execute("SET TimeZone = 'UTC'")
            yield con

    @property
    def view(self) -> str:
        """What to select from."""
        return f"read_parquet('{str(self.path).replace(chr(39), chr(39) * 2)}')"

    def types(self, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Column -> DuckDB's type."""
        described = con.execute(f"DESCRIBE SELECT * FROM {self.view}").fetchall()
        return {row[0]: row[1] for row in described}

    @staticmethod
    def quoted(names: Iterable[str]) -> list[str]:
        """Names as SQL has them."""
        return [quote(name) for name in names]

    @property
    def same_set(self) -> str:
        """SQL: a row of the same set, with three question marks."""
        return " AND ".join(f"{quote(name)} = ?" for name in SET)


def quote(name: str) -> str:
    """A name as SQL has it, with its schema or without.

    >>> quote('sco"res')
    '"sco""res"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_table(table: str) -> str:
    """``marts.scores`` as SQL has it."""
    return ".".join(quote(part) for part in table.split("."))


def check_columns(name: str, have: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a table of other columns.

    Raises
    ------
    PublishError : it lacks columns or has more.
    """
    missing = [c for c in wanted if c not in have]
    more = [c for c in have if c not in wanted]
    if not missing and not more:
        return
    lacks = [f"it lacks {', '.join(missing[:6])}"] * bool(missing)
    has = [f"it has {', '.join(more[:6])}"] * bool(more)
    raise PublishError(
        f"{name} has other columns than these rows: {' and '.join([*lacks, *has])}. "
        "Nothing was written. Name another table, or drop or rename that one"
    )
