"""What may be repeated of an engine's error: it may quote customers' values."""

from __future__ import annotations

import duckdb

_OF_NAMES = (duckdb.BinderException, duckdb.CatalogException, duckdb.IOException)


def reason(error: Exception) -> str:
    """The engine's words where they speak of names and files; else the kind of error."""
    if isinstance(error, _OF_NAMES):
        return next(iter(str(error).splitlines()), type(error).__name__)[:200]
    return f"{type(error).__name__}. --debug shows its words, which may hold customers' values"
