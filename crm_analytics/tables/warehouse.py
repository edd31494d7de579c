"""Rows that leave: a table in a warehouse or a file, one set of rows for each day, source and filter.

A set is replaced as a whole in one transaction, so that writing it again changes nothing, a write that stops
half-way leaves what was there, and the sets of other days stay as history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from crm_analytics.errors import CrmError, ParameterError, PublishError
from crm_analytics.tables import warehouse_files, warehouse_postgres
from crm_analytics.tables.engine_errors import reason
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.warehouse_rows import SET, STAMPS, Rows, Stamp
from crm_analytics.tables.warehouse_target import Target

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend


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
