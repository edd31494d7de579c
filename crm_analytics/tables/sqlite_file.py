"""A SQLite file, read with Python's own library: nothing is downloaded, nothing is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.databases import first_line, limit_clause
from crm_analytics.tables.embedded_engine import load

_ROWS = 20_000  # handed over at once
_STEPS = 100_000  # of SQLite's machine, after which Python may act on a signal: a limit of time, Ctrl-C
_EXACT = 2**53  # beyond it a float64 has no longer every whole number


class SqliteFile:
    """A SQLite database, opened read-only.

    SQLite's columns hold values of any type. A column of integers comes as integers, one of numbers as
    float64; any other comes as text, as it would from a CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.where, self.default = path.name, "main"
        # A file in a folder that may not be written to opens only as unchanging; not beside a journal, whose
        # rows would then be missed.
        alone = not path.with_name(f"{path.name}-wal").exists()
        for mode in ("mode=ro", "mode=ro&immutable=1")[: 1 + alone]:
            try:
                self._con = sqlite3.connect(
                    f"file:{quote(str(path))}?{mode}", uri=True, check_same_thread=False
                )
                self._con.set_progress_handler(_go_on, _STEPS)
                self._con.execute("PRAGMA query_only = 1")
                self._con.execute("PRAGMA trusted_schema = 0")
                self._con.text_factory = lambda raw: raw.decode("utf-8", "replace")
                self.names = tuple(
                    ("main", name)
                    for (name,) in self._con.execute(
                        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                        "AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name"
                    )
                )
                return
            except sqlite3.Error as error:
                reason = first_line(error)
        raise DataError(f"{path.name} is not a readable SQLite file: {reason}") from None

    def pull(self, schema: str, name: str, engine: BaseBackend, most: int | None = None) -> ir.Table:
        """The rows of one table or view, in the embedded engine; at most `most` of them."""
        try:
            columns = [row[1] for row in self._con.execute(f"PRAGMA table_info({_name(name)})")]
            types = self._types(name, columns)
            schema_ = pa.schema([(column, kind) for column, kind in zip(columns, types, strict=True)])
            asked = ", ".join(
                _name(c) if kind != pa.string() else _as_text(_name(c))
                for c, kind in zip(columns, types, strict=True)
            )
            rows = self._con.execute(f"SELECT {asked} FROM {_name(name)}{limit_clause(most)}")
            return load(engine, pa.RecordBatchReader.from_batches(schema_, _batches(rows, schema_)))
        except sqlite3.Error as error:
            raise DataError(f"{self.where}: {name} cannot be read: {first_line(error)}") from None

    def _types(self, name: str, columns: list[str]) -> list[pa.DataType]:
        counts = ", ".join(
            f"total(typeof({c}) = 'integer'), total(typeof({c}) = 'real'), "
            f"total(typeof({c}) NOT IN ('integer', 'real', 'null')), "
            f"total(typeof({c}) = 'integer' AND {c} NOT BETWEEN -{_EXACT} AND {_EXACT})"
            for c in map(_name, columns)
        )
        found = self._con.execute(f"SELECT {counts} FROM {_name(name)}").fetchone()
        types = []
        for at in range(0, len(found), 4):
            whole, real, other, large = found[at : at + 4]
            if other or not (whole or real) or (real and large):
                types.append(pa.string())
            else:
                types.append(pa.float64() if real else pa.int64())
        return types

    def answer(self, query: str, limit: int) -> list[Any]:
        """At most `limit` rows of a query."""
        return self._con.execute(query).fetchmany(limit)

    def interrupt(self) -> None:
        """End what is being asked in another thread."""
        self._con.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()


def _go_on() -> int:
    return 0


def _batches(rows: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while batch := rows.fetchmany(_ROWS):
        arrays = [pa.array(v, t) for v, t in zip(zip(*batch, strict=True), schema.types, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _as_text(column: str) -> str:
    return f"CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE CAST({column} AS TEXT) END"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
