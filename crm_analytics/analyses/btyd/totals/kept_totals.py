"""Totals that many pages of a night want: the first computes one, the others read it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.summary import Summary
from crm_analytics.analyses.btyd.totals.uncertainty import TotalForecast


def once_a_night(source: Any, asked: tuple[Any, ...], make: Callable[[], TotalForecast]) -> TotalForecast:
    """A total of the customers of a summary, kept with its base (`CustomerBase.remember`).

    Parameters
    ----------
    source : a summary; of anything else the total is made each time
    asked : all it depends on but the customers: models, discounts, intervals, numbers, words
    make : computes it
    """
    if not isinstance(source, Summary):
        return make()
    key = ("total", _digest((*asked, source.cells, source.cell_days)))
    return source.base.remember(
        key,
        make,
        lambda total: {"total": pd.DataFrame([asdict(total)])},
        lambda kept: TotalForecast(**kept["total"].to_dict("records")[0]),
    )


def _digest(thing: Any) -> str:
    """Equal for equal contents in every process, to the last bit."""
    found = hashlib.sha256()
    for part in _bytes_of(thing):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()


def _bytes_of(thing: Any) -> list[bytes]:
    if isinstance(thing, pd.DataFrame):
        return [*_bytes_of(list(thing)), *_bytes_of([thing[name].to_numpy() for name in thing])]
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        return [thing.dtype.str.encode(), np.ascontiguousarray(thing).tobytes()]
    if isinstance(thing, Mapping):
        return _bytes_of(list(thing.items()))
    if is_dataclass(thing):
        inside = [getattr(thing, field.name) for field in fields(thing)]
        return [type(thing).__qualname__.encode(), *_bytes_of(inside)]
    if isinstance(thing, list | tuple):
        return [str(len(thing)).encode(), *(part for one in thing for part in _bytes_of(one))]
    if thing is None or isinstance(thing, str | int | float | np.generic):
        return [repr(thing).encode()]
    raise TypeError(f"nothing tells whether two of {type(thing).__name__} are equal")
