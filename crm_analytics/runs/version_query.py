"""What a database answers when it is asked whether its data have changed: one reading query, in time."""

from __future__ import annotations

import json
import threading
from typing import Any

from crm_analytics.errors import CrmError, DataError, LimitError, ParameterError
from crm_analytics.tables.source_ref import SourceRef

MOST_ROWS = 1000
SECONDS = 30.0


def check(query: str) -> str:
    """A query that reads and does nothing else.

    Raises
    ------
    ParameterError : it is not one SELECT.

    >>> check("SELECT max(updated_at), count(*) FROM orders")
    'SELECT max(updated_at), count(*) FROM orders'
    """
    import sqlglot
    from sqlglot import expressions as sql

    refusal = ParameterError(
        "the version_query must be one SELECT that reads, such as "
        "SELECT max(updated_at), count(*) FROM orders"
    )
    try:
        statements = [one for one in sqlglot.parse(query, dialect="duckdb") if one is not None]
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise refusal from None
    if len(statements) != 1 or not isinstance(statements[0], (sql.Select, sql.SetOperation)):
        raise refusal
    writing = (sql.DML, sql.DDL, sql.Command, sql.Into, sql.Copy, sql.Attach, sql.Pragma, sql.Set, sql.Lock)
    reads = (sql.Select, sql.SetOperation, sql.Subquery)  # DDL and DML to sqlglot, too, in some versions
    if any(isinstance(n, writing) and not isinstance(n, reads) for n in statements[0].walk()):
        raise refusal
    return query


def answer(source: SourceRef, query: str, seconds: float = SECONDS) -> str:
    """What the source answers: any few values that change when the data do, as JSON.

    Parameters
    ----------
    seconds : wall time it may take

    Raises
    ------
    ParameterError : the query is not one SELECT.
    DataError : it has no answer.
    LimitError : it has none in time.
    """
    check(query)
    answers: list[Any] = []
    connections: list[Any] = []

    def ask() -> None:
        try:
            duckdb_file = source.path is not None and source.kind in ("duckdb", "file")
            ask_it = _rows_of_file if duckdb_file else _rows_of
            rows = ask_it(source, query, connections)
            answers.append(json.dumps(rows, default=str))
        except Exception as error:  # it is told in the thread that waits
            answers.append(error)

    # A driver that waits for the network cannot be interrupted: its thread is left behind and ends with us.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        for connection in connections:
            if hasattr(connection, "interrupt"):
                connection.interrupt()
        raise LimitError(f"the version_query had no answer within {seconds:g} seconds. Make it a quick one")
    (found,) = answers
    if isinstance(found, CrmError):
        raise found
    if isinstance(found, Exception):
        raise DataError(
            f"the version_query has no answer ({type(found).__name__}). Try it in the database: it must give "
            "a few rows that change when the data do, such as SELECT max(updated_at), count(*) FROM orders"
        ) from (found if source.path else None)  # a driver's words may repeat a piece of the URL's password
    return str(found)


def _rows_of_file(source: SourceRef, query: str, connections: list[Any]) -> list[Any]:
    import duckdb

    from crm_analytics.tables.embedded_engine import FENCED

    with duckdb.connect(str(source.path), read_only=True, config=FENCED) as connection:
        connections.append(connection)
        return connection.sql(query).fetchmany(MOST_ROWS)


def _rows_of(source: SourceRef, query: str, connections: list[Any]) -> list[Any]:
    from crm_analytics.tables.connections import open_database

    database = open_database(source)
    connections.append(database)
    try:
        return database.answer(query, MOST_ROWS)
    finally:
        database.close()
