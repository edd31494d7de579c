"""PostgreSQL: the tables and views a role may read, copied into the embedded engine.

Rows come by ``COPY (SELECT ...) TO STDOUT`` inside one read-only transaction, so all tables are of one moment
and a role without any right to write suffices, also on a replica.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.databases import limit_clause, missing_driver
from crm_analytics.tables.embedded_engine import load
from crm_analytics.tables.scratch import scratch_folder

_TIMEOUT = 15  # seconds until a server that does not answer is given up
# Types whose text DuckDB reads to the same value; everything else comes as text, which the contract reads.
_TYPES = {
    "bool": "BOOLEAN", "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "float4": "FLOAT",
    "float8": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ",
}  # fmt: skip
_READABLE = """
    SELECT n.nspname, c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY array_position(current_schemas(false), n.nspname) NULLS LAST, n.nspname, c.relname"""
_COLUMNS = """
    SELECT a.attname, CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END, a.atttypmod
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    ORDER BY a.attnum"""


class PostgresDatabase:
    """A PostgreSQL database (also Redshift-like and Timescale servers that speak its protocol and `COPY`).

    Parameters
    ----------
    url : ``postgres://user:password@host:5432/database``; ``/database/schema`` and ``?schema=`` name the
        schema to look into first. What is left out comes from libpq's own variables (PGHOST, PGPASSWORD,
        PGSERVICE, a password file)
    """

    where = "the postgres connection"

    def __init__(self, url: str) -> None:
        self._con = connect(url)
        with _in_words("its tables cannot be listed"):
            self.default = str((self._con.execute("SELECT current_schema()").fetchone() or [""])[0] or "")
            self.names = tuple((str(s), str(n)) for s, n in self._con.execute(_READABLE).fetchall())

    def pull(self, schema: str, name: str, engine: BaseBackend, most: int | None = None) -> ir.Table:
        """The rows of one table or view, in the embedded engine; at most `most` of them."""
        from psycopg import sql

        with _in_words(f"{schema}.{name} cannot be read"):
            columns = self._con.execute(_COLUMNS, (schema, name)).fetchall()
            if not columns:
                raise DataError(f"{schema}.{name} has no column that this role may read")
            query = sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv, HEADER false)").format(
                sql.SQL(", ").join(sql.Identifier(column) for column, _, _ in columns),
                sql.Identifier(schema, name),
                sql.SQL(limit_clause(most)),
            )
            folder = scratch_folder(self._con)
            copy = folder / "rows.csv"
            with self._con.cursor().copy(query) as rows, copy.open("wb") as file:
                for block in rows:
                    file.write(block)
        types = {column: _engine_type(kind, modifier) for column, kind, modifier in columns}
        try:
            return _read_copy(engine, str(copy), types)
        finally:
            copy.unlink(missing_ok=True)

    def answer(self, query: str, limit: int) -> list[Any]:
        """At most `limit` rows of a query."""
        return self._con.execute(query.encode()).fetchmany(limit)

    def close(self) -> None:
        """End the transaction and the connection."""
        self._con.close()


def connect(url: str, *, read_only: bool = True) -> Any:
    """A connection in a transaction of its own; a reading one sees one moment of all tables.

    Raises
    ------
    DataError : no driver, or the server does not let us in; in words without the URL.
    """
    try:
        import psycopg
    except ImportError:
        raise missing_driver("postgres") from None
    address, schema = _for_libpq(url)
    with _in_words("it cannot be reached"):
        con = psycopg.connect(address, autocommit=False, connect_timeout=_TIMEOUT, client_encoding="utf8")
        if read_only:
            con.read_only = True
            con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        con.execute("SET LOCAL TIME ZONE 'UTC'")
        con.execute("SET LOCAL datestyle = 'ISO, YMD'")
        con.execute("SET LOCAL extra_float_digits = 1")
        if schema:
            con.execute(
                "SELECT set_config('search_path', %s, true)", ('"' + schema.replace('"', '""') + '"',)
            )
        return con


def _for_libpq(url: str) -> tuple[str, str]:
    """The URL as libpq reads it, and the schema that Ibis' spelling of it names.

    >>> _for_libpq("postgresql+psycopg://ann:pw@db/shop/analytics?sslmode=require")
    ('postgresql://ann:pw@db/shop?sslmode=require', 'analytics')
    """
    parts = urlsplit(url)
    database, _, schema = parts.path.lstrip("/").partition("/")
    options = parse_qsl(parts.query, keep_blank_values=True)
    schema = unquote(schema.strip("/")) or next((v for k, v in options if k == "schema"), "")
    rest = urlencode([(k, v) for k, v in options if k != "schema"])
    return urlunsplit(("postgresql", parts.netloc, f"/{database}", rest, "")), schema


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """What the server says as a sentence of ours: its own words may name people, hosts and values."""
    import psycopg

    try:
        yield
    except DataError:
        raise
    except psycopg.OperationalError as error:
        raise DataError(f"the postgres connection: {what}: {_reason(error)}") from None
    except psycopg.errors.InsufficientPrivilege:
        raise DataError(
            f"the postgres connection: {what}: this role may not read it. GRANT SELECT on it"
        ) from None
    except psycopg.Error as error:
        name = type(error).__name__
        raise DataError(
            f"the postgres connection: {what} ({name}). Try it in psql with the same role"
        ) from None


_REASONS = {
    "password authentication failed": "the user or the password is wrong",
    "no password supplied": "it asks for a password, and the URL has none",
    "does not exist": "there is no such database or role",
    "refused": "nothing answers at that host and port",
    "could not translate host name": "there is no host of that name",
    "failed to resolve host": "there is no host of that name",
    "timeout": f"it does not answer within {_TIMEOUT} seconds",
    "no pg_hba.conf entry": "the server does not let this role in from here",
    "ssl": "the server and this machine do not agree on encryption (sslmode)",
    "too many": "the server has no connection left",
    "cancel": "the server ended the query",
    "invalid": "the URL is not one that PostgreSQL understands",
}


def _reason(error: Exception) -> str:
    text = str(error).lower()
    return next((reason for words, reason in _REASONS.items() if words in text), type(error).__name__)


def _engine_type(kind: str, modifier: int) -> str:
    """DuckDB's type for a column; a numeric without precision comes as text and loses no digit.

    >>> _engine_type("int8", -1), _engine_type("numeric", 655366), _engine_type("numeric", -1)
    ('BIGINT', 'DECIMAL(10, 2)', 'VARCHAR')
    """
    if kind == "numeric" and modifier >= 4:
        precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
        return f"DECIMAL({precision}, {scale})" if precision <= 38 and scale <= precision else "VARCHAR"
    return _TYPES.get(kind, "VARCHAR")


def _read_copy(engine: BaseBackend, path: str, types: dict[str, str]) -> ir.Table:
    """The copied rows, typed; where a value has no place in its type (year 20000, infinity) all as text."""
    import duckdb

    con: duckdb.DuckDBPyConnection = engine.con
    layout = {f"c{i}": kind for i, kind in enumerate(types.values())}

    def rows(columns: dict[str, str]) -> ir.Table:
        found = con.read_csv(
            path, header=False, columns=columns, auto_detect=False, sep=",", quotechar='"', escapechar='"',
            allow_quoted_nulls=False, max_line_size=64_000_000, buffer_size=128_000_000,
        )  # fmt: skip
        return load(engine, found)

    try:
        pulled = rows(layout)
    except duckdb.Error:
        pulled = rows(dict.fromkeys(layout, "VARCHAR"))
    return pulled.rename(dict(zip(types, layout, strict=True)))
