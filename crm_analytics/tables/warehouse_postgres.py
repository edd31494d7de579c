"""Sets of rows in PostgreSQL: deleted and copied in one transaction, by a role that may do no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.postgres import connect
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.warehouse_rows import CUSTOMER, SET, Rows, check_columns

_TYPES = {
    "VARCHAR": "text", "BIGINT": "bigint", "INTEGER": "integer", "SMALLINT": "smallint", "TINYINT": "int2",
    "DOUBLE": "double precision", "FLOAT": "real", "DATE": "date", "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamptz",
}  # fmt: skip
_COLUMNS = """
    SELECT a.attname, c.relkind FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.oid = to_regclass(%s) ORDER BY a.attnum"""


def to_postgres(url: str, table: str, rows: Rows, read: duckdb.DuckDBPyConnection) -> int:
    """Replace one set in a table; it is made where there is none.

    Raises
    ------
    PublishError : the server, the role or the table does not take it; nothing is changed then.
    """
    from psycopg import sql

    types = rows.types(read)
    with _in_words(table), connect(url, read_only=False) as con:
        place = sql.Identifier(*table.split("."))
        quoted = place.as_string(con)
        con.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (quoted,))
        there = con.execute(_COLUMNS, (quoted,)).fetchall()
        if there:
            _check(table, there, list(types))
        else:
            con.execute(_create(place, types, rows.key))
        same = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in SET)
        con.execute(sql.SQL("DELETE FROM {} WHERE {}").format(place, same), rows.of)
        if rows.gone and CUSTOMER in types:
            out = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(place, sql.Identifier(CUSTOMER))
            con.execute(out, (list(rows.gone),))
        n = _copy(con, place, types, rows, read)
        con.commit()
        return n


def _create(place: Any, types: dict[str, str], key: tuple[str, ...]) -> Any:
    from psycopg import sql

    columns = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(_type(kind))) for c, kind in types.items()]
    unique = sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, key)))
    return sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join([*columns, unique]))


def _type(kind: str) -> str:
    """PostgreSQL's type for one of DuckDB's.

    >>> _type("DECIMAL(18,4)"), _type("DOUBLE"), _type("VARCHAR[]")
    ('numeric(18,4)', 'double precision', 'text')
    """
    return kind.replace("DECIMAL", "numeric") if kind.startswith("DECIMAL") else _TYPES.get(kind, "text")


def _check(table: str, there: list[Any], wanted: list[str]) -> None:
    if there[0][1] not in ("r", "p", b"r", b"p"):
        raise PublishError(f"{table} is a view or something else that takes no rows. Name another table")
    check_columns(table, [row[0] for row in there], wanted)


def _copy(con: Any, place: Any, types: dict[str, str], rows: Rows, read: duckdb.DuckDBPyConnection) -> int:
    """The rows as CSV, by the server's own copying."""
    from psycopg import sql

    file = scratch_folder(con) / "rows.csv"
    texts = ", ".join(rows.quoted(c for c, kind in types.items() if kind == "VARCHAR"))
    force = f", FORCE_QUOTE ({texts})" if texts else ""
    columns = ", ".join(rows.quoted(types))
    target = str(file).replace("'", "''")
    read.execute(f"COPY (SELECT {columns} FROM {rows.view}) TO '{target}' (FORMAT csv, HEADER false{force})")
    names = sql.SQL(", ").join(map(sql.Identifier, types))
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(place, names)
    try:
        with con.cursor() as cursor:
            with cursor.copy(into) as copy, file.open("rb") as made:
                while block := made.read(1 << 20):
                    copy.write(block)
            return int(cursor.rowcount)
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _in_words(table: str) -> Iterator[None]:
    """What the server says as a sentence of ours: its own words may name people and values."""
    try:
        import psycopg
    except ImportError:
        from crm_analytics.tables.databases import missing_driver

        raise PublishError(str(missing_driver("postgres")).replace("reading", "writing", 1)) from None
    kept = "Nothing was changed"
    try:
        yield
    except DataError as error:  # of connecting
        raise PublishError(f"{error}. {kept}") from None
    except psycopg.errors.ReadOnlySqlTransaction:
        raise PublishError(
            f"{table} cannot be written: the role or the server is read-only. Give one that may write. {kept}"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise PublishError(
            f"{table} cannot be written: this role may not. GRANT SELECT, INSERT, DELETE ON it (and CREATE "
            f"ON its schema, where the table is not there yet). {kept}"
        ) from None
    except psycopg.errors.InvalidSchemaName:
        raise PublishError(f"{table} cannot be written: create its schema first. {kept}") from None
    except (psycopg.errors.DataError, psycopg.errors.IntegrityError, psycopg.errors.DatatypeMismatch):
        raise PublishError(
            f"{table} cannot be written: its columns or rules take other values. {kept}"
        ) from None
    except psycopg.OperationalError:
        raise PublishError(f"{table} cannot be written: the connection broke. {kept}") from None
    except psycopg.Error as error:
        raise PublishError(f"{table} cannot be written ({type(error).__name__}). {kept}") from None
