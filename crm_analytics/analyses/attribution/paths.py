"""Paths of touches as flat arrays: what every attribution model is computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_analytics.analyses.arguments import is_base
from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

NO_TOUCH = "(no touch)"  # takes the credit of paths without a touch, so that none is lost


@dataclass(frozen=True)
class Paths(ObjectCard):
    """Distinct paths with their counts; touches of all paths stand one after the other.

    Attributes
    ----------
    channels : names, sorted
    steps : channel number of every touch, path after path in order of time
    starts : where each path begins in `steps`, and where the last one ends
    conversions, nulls : how often each path ended with and without a conversion
    value : money of each path's conversions; None where none was given
    days : of every touch, days before the path's end; None where they are not known
    """

    channels: tuple[str, ...]
    steps: np.ndarray
    starts: np.ndarray
    conversions: np.ndarray
    nulls: np.ndarray
    value: np.ndarray | None = None
    days: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Touches of each path."""
        return np.diff(self.starts)

    @property
    def path_of_step(self) -> np.ndarray:
        """The path's number of every touch."""
        return np.repeat(np.arange(len(self.conversions)), self.lengths)

    @property
    def place(self) -> np.ndarray:
        """Of every touch, its place in its path from 0 on."""
        return np.arange(len(self.steps)) - np.repeat(self.starts[:-1], self.lengths)

    def weighted(self, conversions: np.ndarray, nulls: np.ndarray) -> Paths:
        """The same paths with other counts; value goes with the conversions."""
        value = self.value
        if value is not None:
            mean = np.divide(value, self.conversions, out=np.zeros_like(value), where=self.conversions > 0)
            value = mean * conversions
        return replace(self, conversions=conversions, nulls=nulls, value=value)

    def within(self, days: float) -> Paths:
        """Only the touches of the last so many days before the end (the look-back window).

        A path that keeps no touch keeps its counts: they go to the channel ``(no touch)``.

        Raises
        ------
        ParameterError : the days of the touches are not known, or `days` is not positive
        """
        if self.days is None:
            raise ParameterError(
                "a look-back window needs the column days: of each touch, days before the end"
            )
        if not days > 0:
            raise ParameterError(f"lookback = {days}: it must be a number of days above 0")
        kept = self.days <= days
        counts = np.bincount(self.path_of_step[kept], minlength=len(self.conversions))
        bare = counts == 0
        names = (*self.channels, *((NO_TOUCH,) if bare.any() and NO_TOUCH not in self.channels else ()))
        steps, touched = self.steps[kept], self.days[kept]
        if bare.any():
            where = np.concatenate([[0], np.cumsum(counts)])[:-1][bare]
            steps = np.insert(steps, where, names.index(NO_TOUCH))
            touched = np.insert(touched, where, 0.0)
        starts = np.concatenate([[0], np.cumsum(np.maximum(counts, 1))])
        return replace(self, channels=names, steps=steps, starts=starts, days=touched)


def read_paths(frame: pd.DataFrame | Paths) -> Paths:
    """Paths from a frame, one row per path or one a customer.

    Parameters
    ----------
    frame : columns ``path`` (a text ``"a > b"`` or a list of channels) and ``conversions``; if given,
        ``nulls`` (ends without conversion, else 0), ``value`` (money of the conversions) and ``days``
        (a list: of each touch, days before the end)

    Raises
    ------
    DataError : a column is missing, a path is empty, a count is negative; with the row's place

    >>> read_paths(pd.DataFrame({"path": ["a > b", "b"], "conversions": [3, 1]})).channels
    ('a', 'b')
    """
    if isinstance(frame, Paths):
        return frame
    if is_base(frame):
        raise ParameterError("paths are counted first: write attribute(channel_paths(base).paths)")
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError(
            f"paths are a pandas frame with path and conversions, got {type(frame).__name__}: write "
            "pd.DataFrame({'path': ['a > b'], 'conversions': [3]})"
        )
    for name in ("path", "conversions"):
        if name not in frame.columns:
            known = [str(column) for column in frame.columns]
            near = nearest(name, known)
            there = f"{' There' if near else '; there'} is {', '.join(known)}"
            raise DataError(f"paths have no column '{name}'{near}{there}")
    if frame.empty:
        raise DataError("there is not one path")
    lists = _lists(frame["path"])
    lengths = np.asarray(pc.list_value_length(lists).fill_null(0), dtype=np.int64)
    _refuse(lengths == 0, "the path is empty")
    flat = lists.flatten()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    missing = np.asarray(pc.or_kleene(pc.is_null(flat), pc.equal(flat, "")).fill_null(True))
    if missing.any():
        row = int(np.searchsorted(starts, np.flatnonzero(missing)[0], side="right")) - 1
        raise DataError(f"row {row} of the paths has a touch without a channel")
    encoded = flat.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    value = _amounts(frame, "value") if "value" in frame.columns else None
    return Paths(
        tuple(names[i] for i in order),
        rank[np.asarray(encoded.indices)],
        starts,
        _counts(frame, "conversions"),
        _counts(frame, "nulls") if "nulls" in frame.columns else np.zeros(len(frame)),
        value,
        _days(frame["days"], lengths) if "days" in frame.columns else None,
    )


def _lists(column: pd.Series) -> Any:
    try:
        made = pa.array(column.tolist())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError("the column path must hold texts such as 'a > b', or lists of channels") from error
    if pa.types.is_list(made.type) and pa.types.is_string(made.type.value_type):
        return made
    if not pa.types.is_string(made.type):
        raise DataError("the column path must hold texts such as 'a > b', or lists of channels")
    made = pc.fill_null(made, "")
    split = pc.split_pattern(pc.if_else(pc.equal(pc.utf8_trim_whitespace(made), ""), None, made), ">")
    trimmed = pc.utf8_trim_whitespace(split.flatten())
    lengths = np.asarray(pc.list_value_length(split).fill_null(0), dtype=np.int64)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), trimmed)


def _counts(frame: pd.DataFrame, name: str) -> np.ndarray:
    found = _amounts(frame, name)
    _refuse(found < 0, f"{name} is negative")
    return found


def _amounts(frame: pd.DataFrame, name: str) -> np.ndarray:
    try:
        found = frame[name].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"the column {name} of the paths must hold numbers") from error
    _refuse(~np.isfinite(found), f"{name} is missing")
    return found


def _days(column: pd.Series, lengths: np.ndarray) -> np.ndarray:
    found = np.array([len(one) for one in column])
    _refuse(found != lengths, "days must have as many entries as the path has touches")
    flat = np.fromiter((float(day) for one in column for day in one), float, int(lengths.sum()))
    if not (np.isfinite(flat) & (flat >= 0)).all():
        raise DataError("days are numbers from 0 on: how long before the path's end each touch was")
    return flat


def _refuse(wrong: np.ndarray, what: str) -> None:
    if wrong.any():
        raise DataError(f"row {int(np.flatnonzero(wrong)[0])} of the paths: {what}")
