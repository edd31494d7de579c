"""Where rows may leave to: a file or a table in a database, as a text says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.regular_files import check_regular
from crm_analytics.tables.source_ref import SourceRef, read_source

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
    try:
        check_regular(ref.path)
    except DataError as error:
        raise ParameterError(f"rows cannot be written there: {error}") from None
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
