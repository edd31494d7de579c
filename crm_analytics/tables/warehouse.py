"""Rows that leave: a table in a warehouse or a file, one set of rows for each day, source and filter.

A set is replaced as a whole in one transaction, so that writing it again changes nothing, a write that stops
half-way leaves what was there, and the sets of other days stay as history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from crm_analytics.errors import CrmError, ParameterError, PublishError, nearest
from crm_analytics.tables import warehouse_files, warehouse_postgres
from crm_analytics.tables.engine_errors import reason
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.source_ref import SourceRef, read_source
from crm_analytics.tables.warehouse_rows import SET, STAMPS, Rows, Stamp

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend

_TABLE = re.compile(r"[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?")
_KINDS = {
    ".parquet": "parquet", ".duckdb": "duckdb", ".ddb": "duckdb", ".sqlite": "sqlite", ".sqlite3": "sqlite",
}  # fmt: skip
_SQLITE = b"SQLite format 3\0"
DEFAULT = "crm_scores"


@dataclass(frozen=True)
class Target:
    """Where rows go.

    Attributes
    ----------
    kind : "parquet", "duckdb", "sqlite", "postgres"
    path : of a file; None for a connection
    url : of a connection; never shown
    table : with its schema, such as ``marts.scores``; empty for Parquet
    """

    kind: str
    path: Path | None
    url: str
    table: str

    def __repr__(self) -> str:
        return f"Target({self.name!r})"

    @property
    def name(self) -> str:
        """What may be told of it."""
        place = self.path.name if self.path is not None else self.kind
        return f"{place}::{self.table}" if self.table else place


def target_of(
    text: str, *, table: str = DEFAULT, folder: Path | None = None, source: SourceRef | None = None
) -> Target:
    """Understand where rows shall go.

    Parameters
    ----------
    text : ``scores.parquet``, ``shop.duckdb::scores``, ``shop.sqlite::scores``,
        ``postgres://user:password@host/database::marts.scores``, ``$DATABASE_URL::scores``; ``::scores`` is a
        table in the database that the source is
    table : where the text names none
    folder : where relative paths begin; default the working folder
    source : of the base, for ``::scores``

    Raises
    ------
    ParameterError : it is none of these.

    Examples
    --------
    >>> target_of("postgres://ann:pw@db/shop::marts.scores")
    Target('postgres::marts.scores')
    """
    place, separator, named = text.rpartition("::")
    if not separator or not _TABLE.fullmatch(named):
        place, named = text, table
    if not place:
        if source is None or (source.kind == "file" and source.path is not None and source.path.is_dir()):
            raise ParameterError(
                f"'{text}' names a table alone, and the source is no database to write it to"
            )
        place = source.text
    ref = read_source(place, folder=folder)
    if ref.kind == "postgres":
        return Target("postgres", None, ref.text, named)
    if ref.path is None or ref.path.is_dir():
        raise ParameterError(
            f"rows cannot be written to {ref.name}. Give a .parquet, .duckdb or .sqlite file, or postgres://..."
        )
    kind = ref.kind if ref.kind in ("duckdb", "sqlite") else _kind_of(ref.path)
    if not ref.path.parent.is_dir():
        raise ParameterError(f"there is no folder {ref.path.parent} to write {ref.path.name} to")
    return Target(kind, ref.path.resolve(), "", "" if kind == "parquet" else named)


def _kind_of(path: Path) -> str:
    if path.suffix.lower() in _KINDS:
        return _KINDS[path.suffix.lower()]
    if path.suffix.lower() == ".db" and path.is_file():
        with path.open("rb") as file:
            return "sqlite" if file.read(len(_SQLITE)) == _SQLITE else "duckdb"
    raise ParameterError(
        f"{path.name}: the ending must tell what it is: {', '.join(_KINDS)}{nearest(path.suffix, _KINDS)}"
    )


def stamped(expression: ir.Table, stamp: Stamp) -> ir.Table:
    """An expression with what each row says of where it comes from."""
    taken = [name for name in STAMPS if name in expression.columns]
    if taken:
        raise ParameterError(
            f"the columns {', '.join(taken)} are written beside yours: give yours other names"
        )
    return expression.select(
        as_of=ibis.literal(stamp.as_of),
        source=ibis.literal(stamp.source),
        filtered_by=ibis.literal(stamp.filtered_by),
        **{name: expression[name] for name in expression.columns},
        model_version=ibis.literal(stamp.model_version),
        data_hash=ibis.literal(stamp.data_hash),
    )


def write_table(
    connection: BaseBackend,
    target: Target,
    expression: ir.Table,
    stamp: Stamp,
    *,
    key: Sequence[str],
    gone: Sequence[str] = (),
) -> int:
    """Replace the set of rows of the stamp's day, source and filter; all others stay.

    Parameters
    ----------
    connection : of the expression
    key : columns that tell the rows of a set apart
    gone : customers who must be in no set any more: their rows of all days go, too

    Returns
    -------
    How many rows the set has.

    Raises
    ------
    PublishError : the place cannot be written, or has other columns; nothing is changed then.
    """
    folder = scratch_folder(target)
    made = folder / "rows.parquet"
    _to_parquet(connection, stamped(expression, stamp), made)
    rows = Rows(made, (*SET, *key), (stamp.as_of, stamp.source, stamp.filtered_by), tuple(gone))
    try:
        with rows.reading() as read:
            twice = read.execute(
                f"SELECT count(*) - count(DISTINCT ({', '.join(rows.quoted(key))})) FROM {rows.view}"
            ).fetchone()
            if key and twice and twice[0]:
                raise PublishError(
                    f"{target.name}: {twice[0]:,} rows have the key of another ({', '.join(key)})"
                )
            return _WRITERS[target.kind](target, rows, read)
    finally:
        made.unlink(missing_ok=True)


def erase_rows(target: Target, ids: Sequence[str]) -> int:
    """Take customers out of all sets of a file; how many rows went.

    Raises
    ------
    PublishError : the file cannot be written.
    """
    assert target.path is not None
    if not target.path.is_file():
        return 0
    return warehouse_files.ERASERS[target.kind](target.path, target.table, list(ids))


def _to_parquet(connection: BaseBackend, rows: ir.Table, path: Path) -> None:
    try:
        if connection.name == "duckdb":
            connection.to_parquet(rows, path)
            return
        import pyarrow.parquet as pq

        pq.write_table(rows.to_pyarrow(), path)
    except CrmError:
        raise
    except Exception as error:
        raise PublishError(f"the rows to be written cannot be computed: {reason(error)}") from error


Writer = Callable[[Target, Rows, Any], int]
_WRITERS: Mapping[str, Writer] = {
    "parquet": lambda target, rows, read: warehouse_files.to_parquet(_file(target), rows, read),
    "duckdb": lambda target, rows, read: warehouse_files.to_duckdb(_file(target), target.table, rows),
    "sqlite": lambda target, rows, read: warehouse_files.to_sqlite(_file(target), target.table, rows, read),
    "postgres": lambda target, rows, read: warehouse_postgres.to_postgres(
        target.url, target.table, rows, read
    ),
}


def _file(target: Target) -> Path:
    assert target.path is not None
    return target.path
