"""Lists of customers that a page names: read from the notebook's desk, held against the page, published."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from crm_analytics.errors import PublishError
from crm_analytics.runs.publishing.publish import LISTS
from crm_analytics.tables.regular_files import read_bytes

FORMS = (".csv", ".parquet")


def read(desk: Path) -> dict[str, bytes]:
    """The lists that a notebook left on its desk, by path inside the run: ``lists/at_risk.csv``."""
    found = sorted((desk / LISTS).glob("*"))
    return {
        f"{LISTS}/{path.name}": read_bytes(path) for path in found if path.suffix in FORMS and path.is_file()
    }


def checked(lists: Mapping[str, bytes], named: Mapping[str, int]) -> dict[str, bytes]:
    """The lists that the page names.

    Parameters
    ----------
    lists : of `read`
    named : name -> how many customers the page says are on it

    Raises
    ------
    PublishError : a list that the page names was not written, or holds another number of customers.
    """
    import pyarrow.parquet as pq

    found: dict[str, bytes] = {}
    for name, count in named.items():
        if not count:
            continue
        paths = [f"{LISTS}/{name}{form}" for form in FORMS]
        if not all(path in lists for path in paths):
            raise PublishError(
                f"the page names the list '{name}', which was not written. Give the notebook a parameter "
                '`run: str = ""` and hand it to prepare()'
            )
        rows = pq.read_metadata(io.BytesIO(lists[paths[1]])).num_rows
        if rows != count:
            raise PublishError(f"the list '{name}' holds {rows:,} customers, and the page says {count:,}")
        found |= {path: lists[path] for path in paths}
    return found
