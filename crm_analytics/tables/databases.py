"""Tables that lie in a database: DuckDB, SQLite, PostgreSQL, or whatever else Ibis connects to.

Rows are pulled into the embedded engine and worked on there, so that every analysis gives the same numbers
whatever the database, and a role that may only read suffices. Nothing is ever written to the database.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError, nearest
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.embedded_engine import guarded_engine, load, lock_down
from crm_analytics.tables.engine_errors import reason
from crm_analytics.tables.redaction import redact

_FIRST = {
    "mysql": ("It is compiled: first apt install default-libmysqlclient-dev build-essential pkg-config.",)
}
BATCH = 100_000  # rows handed over at once
# What tells of the engine and of this machine (the path of the file, settings), and what runs a text as SQL.
_ABOUT_ENGINE = re.compile(
    r"\b(?:duckdb_\w+|pragma_\w+|pg_catalog|pg_settings|current_setting|which_secret|getenv|getvariable"
    r"|json_execute_serialized_sql)\b|\bquery(?:_table)?\"?\s*\(",
    re.IGNORECASE,
)


class Database(Protocol):
    """A database whose tables can be read."""

    @property
    def where(self) -> str:
        """What it is called in messages."""

    @property
    def default(self) -> str:
        """The schema that bare names are looked up in."""

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Schema and name of each table and view that may be read; in order."""

    def pull(self, schema: str, name: str, engine: BaseBackend, most: int | None = None) -> ir.Table:
        """The rows of one table, in the embedded engine; at most `most` of them."""

    def answer(self, query: str, limit: int) -> list[Any]:
        """At most `limit` rows of a query."""

    def close(self) -> None:
        """Let go of the database."""


def find_table(name: str, database: Database, table: str) -> tuple[str, str]:
    """The schema and name of a table as the mapping names it: ``orders`` or ``marts.orders``.

    Raises
    ------
    DataError : there is none, or several of that bare name lie in different schemas.
    """
    names = database.names
    full = [f"{schema}.{name}".lstrip(".") for schema, name in names]
    for same in (str, str.casefold):  # exactly so, else whatever the case
        found = [n for n, whole in zip(names, full, strict=True) if same(whole) == same(name)]
        found = found or [n for n in names if same(n[1]) == same(name)]
        default = [n for n in found if n[0] == database.default]
        if len(found) == 1 or len(default) == 1:
            return (default or found)[0]
        if found:
            several = ", ".join(f"{schema}.{name}" for schema, name in found)
            raise DataError(f"{table}: {database.where} has several tables '{name}': {several}")
    raise DataError(
        f"{table}: {database.where} has no table '{name}'{nearest(name, [*(n for _, n in names), *full])}"
    )


def contract_names(database: Database, named: Container[str]) -> dict[str, str]:
    """The tables there are, by their bare names; one that lies in several schemas by its whole name.

    Parameters
    ----------
    named : tables of the contract whose place the mapping tells

    Raises
    ------
    DataError : a table of the contract lies in several schemas, none of them the default.
    """
    bare: dict[str, list[str]] = {}
    for schema, name in database.names:
        bare.setdefault(name.lower() if name.lower() in TABLES else name, []).append(
            f"{schema}.{name}".lstrip(".")
        )
    default = f"{database.default}.".lstrip(".")
    found: dict[str, str] = {}
    for name, places in bare.items():
        first = [p for p in places if p.lower() == f"{default}{name}".lower()]
        if name in TABLES and name not in named and len(places) > 1 and not first:
            raise DataError(
                f"{name}: {database.where} has it in several schemas ({', '.join(places)}): say which one in "
                f'mapping.toml: [{name}] from = "{places[0]}"'
            )
        found |= {name: (first or places)[0]} if len(places) == 1 or first else {p: p for p in places}
    return found


class DuckDbFile:
    """A DuckDB file of somebody else: read-only, and unable to reach anything but itself.

    A view in it may call ``read_csv('/etc/passwd')`` or load an extension: the file is opened in an engine of
    its own that has no access to files or network beyond it, and whose settings cannot be changed.
    """

    def __init__(self, path: Path) -> None:
        self.where, self.default = path.name, "main"
        self._con = guarded_engine()
        try:
            self._con.execute(f"ATTACH {_quoted(str(path))} AS source (READ_ONLY)")
            self._con.execute("USE source")
            lock_down(self._con)
            self.names = tuple(
                self._con.execute(
                    "SELECT schema_name, name FROM ("
                    "SELECT schema_name, table_name AS name, database_name, internal FROM duckdb_tables() "
                    "UNION ALL SELECT schema_name, view_name, database_name, internal FROM duckdb_views()) "
                    "WHERE database_name = 'source' AND NOT internal "
                    "ORDER BY schema_name != 'main', schema_name, name"
                ).fetchall()
            )
            self._telling = self._about_the_engine()
        except duckdb.Error as error:
            self._con.close()
            if "lock" in str(error).lower() or "different configuration" in str(error).lower():
                raise DataError(
                    f"{path.name} is open for writing in another process. Close it there (con.close()), "
                    "or copy the file and open the copy"
                ) from None
            raise DataError(f"{path.name} is not a readable DuckDB file: {first_line(error)}") from None

    def pull(self, schema: str, name: str, engine: BaseBackend, most: int | None = None) -> ir.Table:
        """The rows of one table or view, in the embedded engine; at most `most` of them."""
        if (schema, name) in self._telling:
            raise DataError(
                f"{self.where}: {name} asks the engine about this machine, which is not allowed. "
                "Make it a table: CREATE TABLE ... AS SELECT * FROM it"
            )
        try:
            found = self._con.execute(
                f"SELECT * FROM source.{_name(schema)}.{_name(name)}{limit_clause(most)}"
            )
            return load(engine, found.to_arrow_reader(BATCH))
        except duckdb.PermissionException:
            raise DataError(
                f"{self.where}: {name} reads files or addresses outside the database, which is not allowed. "
                "Make it a table: CREATE TABLE ... AS SELECT * FROM it"
            ) from None
        except duckdb.Error as error:
            raise DataError(f"{self.where}: {name} cannot be read: {reason(error)}") from None

    def _about_the_engine(self) -> frozenset[tuple[str, str]]:
        """Views and computed columns whose text, or a macro's that they may call, asks about the engine."""
        views = self._con.execute(
            "SELECT schema_name, view_name, sql FROM duckdb_views() "
            "WHERE database_name = 'source' AND NOT internal UNION ALL "
            "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = 'source' "
            "AND contains(upper(sql), 'GENERATED')"
        ).fetchall()
        macros = self._con.execute(
            "SELECT DISTINCT function_name, macro_definition FROM duckdb_functions() "
            "WHERE database_name = 'source' AND NOT internal AND macro_definition IS NOT NULL"
        ).fetchall()
        odd = any(_ABOUT_ENGINE.search(text) for _, text in macros)
        texts = {(schema, name): text or "" for schema, name, text in views}
        told = {place for place, text in texts.items() if odd or _ABOUT_ENGINE.search(text)}
        if not told:
            return frozenset()
        names = {name.lower() for _, name in told}  # a view of such a view tells the same
        for _ in texts:
            more = {place for place, text in texts.items() if any(n in text.lower() for n in names)} - told
            told |= more
            names |= {name.lower() for _, name in more}
        return frozenset(told)

    def answer(self, query: str, limit: int) -> list[Any]:
        """At most `limit` rows of a query."""
        return self._con.execute(query).fetchmany(limit)

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()


class IbisDatabase:
    """Any other engine that Ibis connects to: rows come over as Arrow."""

    def __init__(self, connection: BaseBackend) -> None:
        self._connection = connection
        self.where, self.default = f"the {connection.name} connection", ""
        self.names = tuple(("", name) for name in sorted(connection.list_tables()))

    def pull(self, schema: str, name: str, engine: BaseBackend, most: int | None = None) -> ir.Table:
        """The rows of one table, in the embedded engine; at most `most` of them."""
        table = self._connection.table(name, database=schema) if schema else self._connection.table(name)
        table = table if most is None else table.limit(most)
        return load(engine, self._connection.to_pyarrow_batches(table, chunk_size=BATCH))

    def answer(self, query: str, limit: int) -> list[Any]:
        """At most `limit` rows of a query."""
        return self._connection.sql(query).limit(limit).to_pyarrow().to_pylist()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.disconnect()


def limit_clause(most: int | None) -> str:
    """SQL for at most so many rows; none where all are wanted."""
    return "" if most is None else f" LIMIT {most:d}"


def first_line(error: BaseException) -> str:
    """The first line of a library's words, without secrets."""
    text = str(error).strip()
    return redact(text.splitlines()[0])[:200] if text else type(error).__name__


def missing_driver(kind: str, lines: Iterable[str] = ()) -> DataError:
    """How to install what reads this kind of source."""
    extra = {"postgres": "crm-analytics[postgres]"}.get(kind, f"ibis-framework[{kind}]==12.0.*")
    more = "".join(f" {line}" for line in (*_FIRST.get(kind, ()), *lines))
    return DataError(f'reading {kind} needs a driver that is not installed: pip install "{extra}".{more}')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
