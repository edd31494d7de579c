"""The numbers behind the words of a table, as JSON can hold them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.pages import words

PARTS = {"interval": ("lower", "upper"), "estimate": ("", "lower", "upper")}  # of a cell with several numbers
DIGITS = (
    10  # significant: the last bits of a sum differ from machine to machine, and a published file must not
)


def column(values: pd.Series, texts: list[str], fmt: str = "auto") -> dict[str, Any]:
    """One column of a frame: ``{"type": ..., "values": [...]}``, None where a value is not known.

    Of the formats ``interval`` and ``estimate`` a value is a list of its two or three numbers.

    Parameters
    ----------
    values : the column
    texts : the same as the page words them; taken where the values are not all numbers, days or truths

    Examples
    --------
    >>> column(pd.Series([2, float("nan"), 0.1 + 0.2]), ["2", "–", "0.3"])
    {'type': 'number', 'values': [2.0, None, 0.3]}
    >>> column(pd.Series(pd.to_datetime(["2026-01-20"])), ["20 January 2026"])
    {'type': 'day', 'values': ['2026-01-20']}
    >>> column(pd.Series(["Loyal", None]), ["Loyal", "–"])
    {'type': 'text', 'values': ['Loyal', None]}
    >>> column(pd.Series([(1.0, 3.0)]), ["1–3"], "interval:count")
    {'type': 'interval', 'values': [[1.0, 3.0]]}
    """
    kind = fmt.partition(":")[0]
    if kind in PARTS:
        return {"type": kind, "values": [[_number(part) for part in value] for value in values]}
    known = [None if words.is_unknown(v) else v for v in map(_plain, values.tolist())]
    found = {_type(v) for v in known if v is not None}
    if found == {"integer", "number"} or (not found and values.dtype.kind in "fiu"):
        found = {"number"}
    kind = found.pop() if len(found) == 1 else "text"
    if kind == "text":
        return {"type": kind, "values": [None if v is None else s for v, s in zip(known, texts, strict=True)]}
    return {"type": kind, "values": [None if v is None else _AS_JSON[kind](v) for v in known]}


def _number(value: Any) -> float | None:
    return None if words.is_unknown(value) else float(f"{float(value):.{DIGITS}g}")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _type(value: Any) -> str:
    for name, kinds in _TYPES:
        if isinstance(value, kinds):
            return name
    return "text"


_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("boolean", (bool,)),  # before integer, as every truth is one
    ("integer", (int,)),
    ("number", (float, Decimal)),
    ("day", (dt.date,)),
)
_AS_JSON: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "integer": int,
    "number": _number,
    "day": lambda value: value.isoformat()[:10],
}
