"""The identity state of a source: one DuckDB file under the published tree, replaced whole.

::

    reports/.crm/identities-<12 hex of the source's name>.duckdb

It holds ids, keyed digests and weights, and no name, mail or phone. How to rebuild it: `crm identities
resolve` makes it anew from the source; what people decided is in the table `decisions`, so keep a copy of
the file. How to forget a person: `crm forget` writes the file anew without their records; every write makes
a new file, so what was taken out is not left in a free page of the old one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.errors import DataError, ParameterError
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import open_regular, sha256_of, sync

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.analyses.identity import Memory
    from crm_analytics.tables.customer_base import CustomerBase

SCHEMA = 1
REBUILD = "crm identities resolve --data SOURCE"
FORGET = "crm forget ID --data SOURCE --yes"
TABLES = ("records", "spans", "pairs", "apart", "decisions")


def path_of(out: Path, source: str) -> Path:
    """Where the state of a source stands; `source` as people name it (`source_ref.public_name`)."""
    return out / FOLDER / f"identities-{hashlib.sha256(source.encode()).hexdigest()[:12]}.duckdb"


def stores(out: Path) -> list[Path]:
    """Every identity state below a folder of reports."""
    return sorted((out / FOLDER).glob("identities-*.duckdb"))


def read(path: Path, key: bytes | None) -> Memory | None:
    """The state; None where there is none.

    Raises
    ------
    DataError : the file is no identity state, is damaged, or is of a later version.
    ParameterError : it was made with another key.
    """
    if not os.path.lexists(path):
        return None
    import duckdb

    from crm_analytics.analyses.identity import LinkageModel, Memory
    from crm_analytics.tables.embedded_engine import FENCED

    try:
        open_regular(path).close()
        with duckdb.connect(str(path), read_only=True, config=FENCED) as connection:
            about = json.loads(connection.execute("SELECT about FROM meta").fetchall()[0][0])
            if about["schema"] > SCHEMA:
                raise DataError(f"{path.name} is of a later version of crm-analytics. Bring that back")
            _check_key(path, about["key"], key)
            found = {name: connection.execute(f"SELECT * FROM {name}").df() for name in TABLES}
        texts = {name: _as_texts(table, getattr(Memory(), name)) for name, table in found.items()}
        model = LinkageModel.from_json(about["model"]) if about["model"] else None
        return Memory(
            **texts,
            capped=frozenset(about["capped"]),
            model=model,
            night=int(about["night"]),
            day=str(about["day"]),
        )
    except (duckdb.Error, OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise DataError(
            f"{path} cannot be read as an identity state. Bring it back from your copy, or move it away and "
            f"make it anew: {REBUILD}"
        ) from None


def _as_texts(table: pd.DataFrame, empty: pd.DataFrame) -> pd.DataFrame:
    if not set(empty.columns) <= set(table.columns):
        raise ValueError("not the columns of an identity state")
    return table.astype({c: "str" for c in table.columns if table[c].dtype.kind != "f"})


def _check_key(path: Path, made_with: str, key: bytes | None) -> None:
    if key is None or made_with != fingerprint(key):
        raise ParameterError(
            f"{path.name} was made with another key than this project has. Bring the key back from your copy "
            "(crm key --import FILE), or move the identity state away"
        )


def write(path: Path, memory: Memory, key: bytes, source: str) -> None:
    """Put a state in the place of the one before, whole or not at all.

    Raises
    ------
    PublishError : it cannot be written; the one before is still there.
    """
    about = {
        "schema": SCHEMA, "key": fingerprint(key), "source": source, "rebuild": REBUILD, "forget": FORGET,
        "night": memory.night, "day": memory.day, "capped": sorted(memory.capped),
        "model": memory.model.as_json() if memory.model else "",
    }  # fmt: skip
    draft = path.with_name(f".part-{path.name}-{secrets.token_hex(4)}")
    with publish.in_words(path):
        publish.make_folder(path.parent)
        for left in path.parent.glob(f".part-{path.name}-*"):  # of a call that was killed
            left.unlink()
        try:
            before = os.umask(0o077)
            try:
                _fill(draft, memory, json.dumps(about, sort_keys=True))
            finally:
                os.umask(before)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
            sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def _fill(draft: Path, memory: Memory, about: str) -> None:
    import duckdb

    from crm_analytics.tables.embedded_engine import FENCED

    with duckdb.connect(str(draft), config=FENCED) as connection:
        connection.execute("CREATE TABLE meta AS SELECT ? AS about", [about])
        for name in TABLES:
            table = getattr(memory, name)
            connection.register("given", table.astype(dict.fromkeys(table.select_dtypes("str"), "object")))
            columns = ", ".join(
                f"CAST({c} AS {'DOUBLE' if table[c].dtype.kind == 'f' else 'VARCHAR'}) AS {c}"
                for c in table.columns
            )
            connection.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM given")
            connection.unregister("given")


def applied(base: CustomerBase, out: Path, source: str, key: bytes | None) -> CustomerBase:
    """The base with the people that its identity state knows; the base itself where there is no state.

    Raises
    ------
    DataError, ParameterError : see `read`.
    """
    memory = read(path_of(out, source), key)
    return base if memory is None else base.with_identities(memory.as_map())


def stamp(out: Path, source: str) -> str:
    """Tells whether the state changed; empty where there is none."""
    path = path_of(out, source)
    return sha256_of(path) if path.is_file() else ""


def ids_of(out: Path, customer: str, key: bytes | None) -> list[tuple[str, str, str]]:
    """Every id by which a customer is or was known here: id, since, until (days; empty: always).

    The first is the customer's own. Ids that others had while records were merged come with their days.

    Raises
    ------
    DataError, ParameterError : see `read`.
    """
    found = {(customer, "", "")}
    for path in stores(out):
        memory = read(path, key)
        records = memory.records_of(customer) if memory is not None else []
        if memory is None or not records:
            continue
        found |= {(one, "", "") for one in records}
        spans = memory.spans[memory.spans["record_id"].isin(records)]
        rows = spans[~spans["person_id"].isin(records)][["person_id", "since", "until"]]
        found |= set(rows.itertuples(index=False, name=None))
    return [(customer, "", ""), *sorted(found - {(customer, "", "")})]


def forget(out: Path, ids: list[str], key: bytes) -> None:
    """Take records out of every identity state here.

    Raises
    ------
    DataError, ParameterError : see `read`.
    PublishError : a state cannot be written.
    """
    from crm_analytics.analyses.identity import forgotten

    for path in stores(out):
        memory = read(path, key)
        if memory is None or not memory.records["record_id"].isin(ids).any():
            continue
        write(path, forgotten(memory, ids), key, _source_of(path))


def _source_of(path: Path) -> str:
    import duckdb

    from crm_analytics.tables.embedded_engine import FENCED

    with duckdb.connect(str(path), read_only=True, config=FENCED) as connection:
        about = json.loads(connection.execute("SELECT about FROM meta").fetchall()[0][0])
    return str(about["source"])
