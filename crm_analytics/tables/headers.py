"""Column names in messages: a file without a header line has customers where its names should be."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A mail address, a number, a day or time: nobody calls a column so, but every row holds one.
_VALUE = re.compile(r"\s*(.*@.*|[-+]?[\d.,\s]*\d[\d.,\s]*|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*)\s*", re.DOTALL)
_SHOWN = 12


def looks_like_data(names: Sequence[str]) -> bool:
    """Whether these "column names" are a row of values.

    >>> looks_like_data(["Ann Vogel", "2026-01-31", "12.50"]), looks_like_data(["who", "when", "price 2"])
    (True, False)
    """
    return any(_VALUE.fullmatch(name) for name in names)


def the_source_has(names: Sequence[str]) -> str:
    """A sentence for a message: the columns there are, unless they look like somebody's data.

    >>> the_source_has(["who", "when"])
    'The source has: who, when'
    >>> the_source_has(["Ann Vogel", "ann@example.com", "12.50"])
    'Its first line looks like data: is the line with the column names missing? It has 3 columns'
    """
    if looks_like_data(names):
        return (
            "Its first line looks like data: is the line with the column names missing? "
            f"It has {len(names)} columns"
        )
    return "The source has: " + ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
