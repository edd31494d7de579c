"""Histories in discrete time: x purchases in n opportunities, the last one at t_x; checked and merged."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.fitting.histories import weight_column
from crm_analytics.errors import DataError, ParameterError, nearest

Array = NDArray[np.float64]
OPPORTUNITY_HISTORY = ("frequency", "recency", "opportunities")
MOST_OPPORTUNITIES = 20_000
_OTHER_NAMES = ("n_periods", "periods", "T")  # lifetimes; its donations; pymc-marketing


def checked_opportunities(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """frequency, recency, opportunities and `customers` (1 a row where the frame has none), as int64.

    Parameters
    ----------
    frame : one row per customer, or a cell of equal customers with their number in `customers`; frequency =
        opportunities at which the customer bought, recency = number of the last of these (0 for none),
        opportunities = how many there were; lifetimes' `n_periods` and pymc-marketing's `T` are read, too
    what : who asks, for the message

    Raises
    ------
    DataError : a column is missing; a value is missing, negative, not whole or impossible.

    Examples
    --------
    >>> checked_opportunities(pd.DataFrame({"frequency": [3], "recency": [2], "T": [6]}), "BG/BB")
    Traceback (most recent call last):
    ...
    crm_analytics.errors.DataError: BG/BB: 'frequency' is above recency in 1 of 1 rows (first at row 0); \
recency is the number of the opportunity last bought at, so it is at least the frequency
    """
    data: dict[str, NDArray[np.int64]] = {}
    for name in OPPORTUNITY_HISTORY:
        data[name] = _whole(frame, _column(frame, name, what), what)
    x, recency, n = data.values()
    _refuse(what, "recency", recency > n, "above opportunities", "nobody buys at one that is yet to come")
    _refuse(what, "opportunities", n > MOST_OPPORTUNITIES, f"above {MOST_OPPORTUNITIES:,}", "merge periods")
    _refuse(
        what,
        "frequency",
        x > recency,
        "above recency",
        "recency is the number of the opportunity last bought at, so it is at least the frequency",
    )
    _refuse(what, "recency", (x == 0) & (recency > 0), "above zero though frequency is 0", "it is 0 for none")
    weights = _weights(frame, what)
    return pd.DataFrame(data, index=frame.index).assign(customers=weights)


def opportunity_cells(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Equal histories merged, sorted, with their number in `customers` (float64).

    Examples
    --------
    >>> rows = pd.DataFrame({"frequency": [1, 0, 1], "recency": [2, 0, 2], "n_periods": [4, 4, 4]})
    >>> opportunity_cells(rows, "BG/BB")["customers"].tolist()
    [1.0, 2.0]
    """
    checked = checked_opportunities(frame, what)
    keys = list(OPPORTUNITY_HISTORY)
    return checked.groupby(keys, sort=True)["customers"].sum().reset_index()


def _column(frame: pd.DataFrame, name: str, what: str) -> str:
    if name in frame.columns:
        return name
    if name == "opportunities":
        for other in _OTHER_NAMES:
            if other in frame.columns:
                return other
    hint = nearest(name, [str(c) for c in frame.columns])
    raise DataError(
        f"{what}: the frame has no column '{name}'{hint}. It needs {', '.join(OPPORTUNITY_HISTORY)} "
        "(how often bought, at which opportunity last, of how many)"
    )


def _numbers(frame: pd.DataFrame, name: str, what: str) -> Array:
    try:
        values = np.asarray(frame[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what}: column '{name}' holds something that is no number") from None
    _refuse(what, name, ~np.isfinite(values), "missing or infinite", "leave these customers out")
    _refuse(what, name, values < 0, "negative", "check how the summary was made")
    return values


def _whole(frame: pd.DataFrame, name: str, what: str) -> NDArray[np.int64]:
    values = _numbers(frame, name, what)
    _refuse(what, name, values != np.floor(values), "no whole numbers", "BG/BB counts opportunities")
    return values.astype(np.int64)


def _weights(frame: pd.DataFrame, what: str) -> Array:
    name = weight_column(frame, what)
    return _numbers(frame, name, what) if name else np.ones(len(frame))


def _refuse(what: str, column: str, bad: NDArray[np.bool_], how: str, next_step: str) -> None:
    if bad.any():
        rows = f"{int(bad.sum()):,} of {len(bad):,} rows"
        raise DataError(
            f"{what}: '{column}' is {how} in {rows} (first at row {int(bad.argmax())}); {next_step}"
        )


def whole_counts(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Whole numbers of opportunities, or a refusal that names them."""
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must hold whole numbers >= 0") from None
    if not ((found >= 0) & (found <= MOST_OPPORTUNITIES) & (found == np.floor(found))).all():
        raise ParameterError(f"{name} must hold whole numbers of opportunities, 0 to {MOST_OPPORTUNITIES:,}")
    return found.astype(np.int64)


def whole_count(value: int, name: str) -> int:
    """One whole number of opportunities."""
    found = whole_counts(value, name)
    if found.ndim:
        raise ParameterError(f"{name} must be one whole number >= 0, got {type(value).__name__}")
    return int(found)
