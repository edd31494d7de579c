"""Text files in folders named by a value, as Hive and Spark write them: ``year=2026/month=1/a.csv``."""

from __future__ import annotations

from pathlib import Path

from crm_analytics.tables.packed_files import kind_of


def nested_files(folder: Path) -> dict[str, Path]:
    """Files below folders called ``key=value``, by their path from `folder`; Parquet is read by the folder.

    A mapping names them by a pattern, ``from = "year=*/*.csv"``. Unnamed, those of a folder that is called as
    a table (``events/year=2026/a.csv``) are that table; alone in a folder they are the purchases.
    """
    found = {}
    for inner in sorted(folder.iterdir()):
        if not inner.is_dir():
            continue
        split = [inner] if "=" in inner.name else [p for p in sorted(inner.iterdir()) if _is_split(p)]
        for path in (path for top in split for path in sorted(top.rglob("*"))):
            if path.is_file() and kind_of(path) not in ("", "database", "parquet"):
                found[path.relative_to(folder).as_posix()] = path
    return found


def _is_split(path: Path) -> bool:
    return path.is_dir() and "=" in path.name
