"""Purchase histories as numbers: checked at the door, equal ones merged to cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.arguments import is_base
from crm_analytics.errors import DataError, NotEnoughData, ParameterError, nearest

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
HISTORY = ("frequency", "recency", "T")
SPEND = ("frequency", "monetary_value")
WEIGHTS = ("customers", "weights")  # how many customers a row is: ours, and lifetimes' name
_BIGGEST_FREQUENCY = 10_000_000


@dataclass(frozen=True, eq=False)
class History:
    """What models of repeat purchases know of customers: three float arrays of one length, a customer each.

    x : repeat purchases
    recency : time from the first purchase to the last
    T : time from the first purchase to the day
    """

    x: Array
    recency: Array
    T: Array

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """The columns frequency, recency and T of a frame, unchecked; `checked` checks.

        Examples
        --------
        >>> who = History.of(pd.DataFrame({"frequency": [2, 0], "recency": [3, 0], "T": [9, 9]}))
        >>> len(who), who.rows([0]).x.tolist()
        (2, [2.0])
        """
        return cls(*(frame[column].to_numpy(float) for column in HISTORY))

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, which: Any) -> Self:
        """Some of them: what NumPy takes as an index."""
        return type(self)(self.x[which], self.recency[which], self.T[which])

    def later(self, h: float) -> Self:
        """The same customers `h` later, silent since."""
        return type(self)(self.x, self.recency, self.T + h)


def in_pandas(frame: Any) -> Any:
    """A polars or Arrow frame, or an Ibis table, as pandas; anything else as it is."""
    many = hasattr(frame, "columns") or hasattr(frame, "column_names")
    return frame.to_pandas() if many and hasattr(frame, "to_pandas") else frame


def checked(frame: Any, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    """The columns as float64, with `customers` (1 a row where the frame has none).

    Parameters
    ----------
    frame : one row per customer, or a cell of equal customers with their number in `customers` (or, as in
        lifetimes, `weights`)
    columns : `HISTORY` or `SPEND`
    what : who asks, for the message

    Raises
    ------
    DataError : a column is missing, a value is missing, negative, infinite or impossible.

    Examples
    --------
    >>> checked(pd.DataFrame({"frequency": [1], "recency": [9.0], "T": [4.0]}), HISTORY, "BG/NBD")
    Traceback (most recent call last):
    ...
    crm_analytics.errors.DataError: BG/NBD: 1 of 1 rows have recency > T (first at row 0): nobody buys \
after the day. Recency is the time from first to last purchase, T from first purchase to the day
    """
    frame = in_pandas(frame)
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError(
            f"{what} takes one frame with {', '.join(columns)}, got {type(frame).__name__}: write "
            f"pd.DataFrame({{{', '.join(f'{c!r}: ...' for c in columns)}}})"
        )
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        hint = nearest(missing[0], [str(c) for c in frame.columns])
        raise DataError(
            f"{what}: the frame has no column '{missing[0]}'{hint}. It needs {', '.join(columns)} "
            "(recency = time from first to last purchase)"
        )
    weight = weight_column(frame, what)
    data = {}
    for name, column in [*((c, c) for c in columns), *([("customers", weight)] if weight else [])]:
        try:
            data[name] = np.asarray(frame[column], dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{what}: column '{column}' holds something that is no number") from None
        _refuse(what, column, ~np.isfinite(data[name]), "missing or infinite", "leave these customers out")
        _refuse(what, column, data[name] < 0, "negative", "check how the summary was made")
    x = data["frequency"]
    _refuse(what, "frequency", x != np.floor(x), "no whole numbers", "frequency counts repeat purchases")
    _refuse(what, "frequency", x > _BIGGEST_FREQUENCY, "above ten million", "check how they were counted")
    if "T" in data:
        _check_times(what, x, data["recency"], data["T"])
    data.setdefault("customers", np.ones(len(x)))
    return pd.DataFrame(data, index=frame.index)


def one_frame(call: str, columns: tuple[str, ...], more: tuple[Any, ...], *others: str) -> None:
    """Refuse the arrays one by one that lifetimes takes: columns of one frame cannot be mixed up.

    Raises
    ------
    ParameterError : there are more arguments than a frame, with what to write.

    Examples
    --------
    >>> one_frame("probability_alive", HISTORY, (30.4, 38.9))
    Traceback (most recent call last):
    crm_analytics.errors.ParameterError: probability_alive takes one frame, not arrays one by one: write \
probability_alive(pd.DataFrame({'frequency': ..., 'recency': ..., 'T': ...}))
    """
    if more:
        frame = f"pd.DataFrame({{{', '.join(f'{c!r}: ...' for c in columns)}}})"
        raise ParameterError(
            f"{call} takes one frame, not arrays one by one: write {call}({', '.join([frame, *others])})"
        )


def weight_column(frame: pd.DataFrame, what: str) -> str | None:
    """The column that says of how many customers a row is: ours, or lifetimes'; None if each is one.

    Raises
    ------
    DataError : there are both.

    Examples
    --------
    >>> weight_column(pd.DataFrame({"frequency": [1], "weights": [12]}), "BG/NBD")
    'weights'
    """
    found = [name for name in WEIGHTS if name in frame.columns]
    if len(found) > 1:
        raise DataError(
            f"{what}: the frame has both 'customers' and 'weights', and either says how many customers a row "
            "is: drop or rename one"
        )
    return found[0] if found else None


def _check_times(what: str, x: Array, recency: Array, T: Array) -> None:
    late = recency > T * (1 + 1e-12)
    if late.any():
        raise DataError(
            f"{what}: {_where(late)} have recency > T (first at row {int(late.argmax())}): nobody buys after "
            "the day. Recency is the time from first to last purchase, T from first purchase to the day"
        )
    _refuse(
        what,
        "recency",
        (x == 0) & (recency > 0),
        "above zero though frequency is 0",
        "frequency counts repeat purchases only: orders minus one",
    )
    _refuse(
        what,
        "recency",
        (x > 0) & (recency == 0),
        "0 though frequency is above 0",
        "a repeat purchase comes after the first: merge the purchases of a day, and count recency from the "
        "first to the last",
    )


def _refuse(what: str, column: str, bad: NDArray[np.bool_], how: str, next_step: str) -> None:
    if bad.any():
        first = int(bad.argmax())
        raise DataError(f"{what}: '{column}' is {how} in {_where(bad)} (first at row {first}); {next_step}")


def _where(bad: NDArray[np.bool_]) -> str:
    return f"{int(bad.sum()):,} of {len(bad):,} rows"


def cells_of(source: Summary | pd.DataFrame, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    """Equal rows merged, sorted, with their number in `customers`.

    Examples
    --------
    >>> rows = pd.DataFrame({"frequency": [1, 0, 1], "recency": [2.0, 0, 2.0], "T": [4.0, 4.0, 4.0]})
    >>> cells_of(rows, HISTORY, "BG/NBD")["customers"].tolist()
    [1.0, 2.0]
    """
    if not isinstance(source, pd.DataFrame) and not hasattr(source, "cells"):
        if is_base(source):
            raise ParameterError(
                f"{what} is fitted on a summary, not on a base: write .fit(btyd.summarize(base, unit='W'))"
            )
        checked(source, columns, what)  # says what to write
    if not isinstance(source, pd.DataFrame):
        # A summary was grouped in the engine and its numbers follow from whole days: nothing to check.
        found = source.cells if columns == HISTORY else source.spend_cells
        return found.astype(np.float64)
    frame = checked(source, columns, what).reset_index(drop=True)
    if _is_merged(frame, columns):
        return frame
    if weight_column(source, what):
        merged = frame.groupby(list(columns), sort=True)["customers"].sum()
        return merged.reset_index()
    return _counted(frame, columns)


def _is_merged(frame: pd.DataFrame, columns: tuple[str, ...]) -> bool:
    """Whether rows are sorted and no two are equal, as cells are: then nothing is to be done."""
    tied = np.ones(max(len(frame) - 1, 0), bool)
    for name in columns:
        step = np.diff(frame[name].to_numpy())
        if (step[tied] < 0).any():
            return False
        tied &= step == 0
    return not tied.any()


def _counted(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Equal rows counted by one sort of whole numbers: half the time of `groupby` on values."""
    code, levels = np.zeros(len(frame), np.int64), []
    for name in columns:
        position, values = pd.factorize(frame[name].to_numpy())
        order = np.argsort(values)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        levels.append(values[order])
        code = code * len(values) + rank[position]
    if np.prod([float(len(v)) for v in levels]) > 2.0**62:
        merged = frame.groupby(list(columns), sort=True)["customers"].sum()
        return merged.reset_index()
    rest, counts = np.unique(code, return_counts=True)
    found = {"customers": counts.astype(np.float64)}
    for name, values in zip(reversed(columns), reversed(levels), strict=True):
        found[name] = values[rest % len(values)]
        rest = rest // len(values)
    return pd.DataFrame(found)[[*columns, "customers"]]


def unit_of(source: Summary | pd.DataFrame, unit: str | None) -> str | None:
    """The unit of a summary, or the one given for a frame."""
    if isinstance(source, pd.DataFrame):
        return unit
    if unit not in (None, source.unit):
        raise ParameterError(f"the summary is in units of '{source.unit}', but unit='{unit}' was given")
    return source.unit


def require_customers(what: str, weight: Array, repeat: NDArray[np.bool_], minimum: int, buyers: int) -> None:
    """Refuse bases too small to speak.

    Raises
    ------
    NotEnoughData : fewer customers or repeat buyers than needed, or nobody who came back.
    """
    customers, came_back = int(weight.sum()), int(weight[repeat].sum())
    if customers < max(minimum, 1):
        raise NotEnoughData(what, customers, max(minimum, 1), "customers")
    if came_back < max(buyers, 1):
        raise NotEnoughData(what, came_back, max(buyers, 1), "repeat buyers")
