"""The rows of a source that a night leaves for the next one: a store of `tables.row_store` under the tree.

::

    reports/.crm/rows-<12 hex of the source's name>/

It is there only for a source that says ``keep_rows = true`` in `crm.toml`. Rows of somebody whom `crm forget`
took out are never kept: while the source still has them, every night reads everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crm_analytics.runs.publishing import publish, suppressions
from crm_analytics.runs.publishing.manifest import digest, package_digest, versions
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import open_regular
from crm_analytics.tables.row_store import RowStore


def store_of(out: Path, source: str, key: bytes | None) -> RowStore:
    """The store of a source; `source` as people name it (`source_ref.public_name`)."""

    def barred(ids: Iterable[str]) -> list[str]:
        return suppressions.suppressed(out, ids, key) if key is not None else []

    return RowStore(
        out / FOLDER / f"rows-{hashlib.sha256(source.encode()).hexdigest()[:12]}",
        key="" if key is None else fingerprint(key),
        code=digest([package_digest(), versions()]),
        barred=barred,
    )


def stores(out: Path) -> list[RowStore]:
    """Every store below a folder of reports."""
    return [RowStore(path) for path in sorted((out / FOLDER).glob("rows-*")) if path.is_dir()]


def holding(out: Path, ids: Iterable[str]) -> list[RowStore]:
    """The stores with rows of one of these customers; one that cannot be read may hold anybody."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found, wanted = [], sorted(ids)
    for store in stores(out):
        for path in sorted(store.folder.rglob("*.parquet")):
            try:
                with open_regular(path) as file:
                    column = pq.read_table(file, columns=["customer_id"])["customer_id"]
                holds = bool(pc.any(pc.is_in(column, pc.cast(wanted, "string"))).as_py())
            except (OSError, ValueError, KeyError):
                holds = True
            if holds:
                found.append(store)
                break
    return found


def forget(out: Path) -> None:
    """Delete every store: the next night reads everything.

    Raises
    ------
    PublishError : one cannot be deleted.
    """
    for store in stores(out):
        with publish.in_words(store.folder), store.locked():
            store.clear()


def drop(out: Path, source: str) -> None:
    """Delete what is kept of a source that says no more that its rows are to be kept.

    Raises
    ------
    PublishError : it cannot be deleted.
    """
    store = store_of(out, source, None)
    if store.folder.is_dir():
        with publish.in_words(store.folder), store.locked():
            store.clear()
