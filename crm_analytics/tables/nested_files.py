"""Text files in folders named by a value, as Hive and Spark write them: ``year=2026/month=1/a.csv``."""

from __future__ import annotations

from pathlib import Path

from crm_analytics.tables.packed_files import kind_of


def nested_files(folder: Path) -> dict[str, Path]:
    """Files below folders called ``key=value``, by their path from `folder`; Parquet is read by the folder.

    A mapping names them by a pattern, ``from = "year=*/*.csv"``; alone in a folder they are the purchases.
    """
    found = {}
    for inner in sorted(folder.iterdir()):
        if not (inner.is_dir() and "=" in inner.name):
            continue
        for path in sorted(inner.rglob("*")):
            if path.is_file() and kind_of(path) not in ("", "database", "parquet"):
                found[path.relative_to(folder).as_posix()] = path
    return found
