"""Contracts as cells: how many cancelled at which renewal, how many are still there after how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.histories import weight_column
from crm_analytics.errors import DataError, nearest

MOST_RENEWALS = 20_000


def contract_cells(source: Any, what: str = "contracts") -> pd.DataFrame:
    """tenure, cancelled, customers (float64): equal contracts merged, sorted.

    Parameters
    ----------
    source : one of
        survivors of one cohort, [1000, 631, 468, ...]: at the start, after the first renewal, ...;
        several cohorts, {"2024": [1000, 631], "2025": [800]} or a list of such lists;
        a frame with tenure, cancelled [, customers or weights]: who cancelled at renewal 1, 2, ... (True), or
        is still there after 0, 1, ... renewals (False). `months` and `ended` of churn.contracts' lives are
        read, too
    what : who asks, for the message

    Raises
    ------
    DataError : a column is missing; survivors increase; a tenure is no whole number.

    Examples
    --------
    >>> contract_cells([1000, 631, 468]).to_dict("list")
    {'tenure': [1, 2, 2], 'cancelled': [True, False, True], 'customers': [369.0, 468.0, 163.0]}
    """
    if isinstance(source, pd.DataFrame):
        return _merged(_checked(source, what))
    if isinstance(source, Mapping):
        cohorts = list(source.values())
    else:
        first = next(iter(source), None) if isinstance(source, Iterable) else None
        several = isinstance(first, Iterable) and not isinstance(first, str)
        cohorts = list(source) if several else [source]
    return _merged(pd.concat([_of_survivors(each, what) for each in cohorts], ignore_index=True))


def _of_survivors(survivors: Any, what: str) -> pd.DataFrame:
    try:
        left = np.asarray(survivors, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{what}: survivors hold something that is no number") from None
    if left.ndim != 1 or not len(left) or len(left) > MOST_RENEWALS:
        raise DataError(f"{what}: survivors are one list of counts: at the start, after renewal 1, 2, ...")
    if not (np.isfinite(left) & (left >= 0) & (left == np.floor(left))).all():
        raise DataError(f"{what}: survivors must be whole numbers >= 0")
    lost = -np.diff(left)
    if (lost < 0).any():
        raise DataError(
            f"{what}: survivors grow at renewal {int((lost < 0).argmax()) + 1}; a cohort can only lose "
            "customers: count new ones as a cohort of their own"
        )
    tenure = np.append(np.arange(1, len(left)), len(left) - 1)
    over = np.append(np.ones(len(lost), bool), False)
    return pd.DataFrame({"tenure": tenure, "cancelled": over, "customers": np.append(lost, left[-1])})


def _checked(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    named = frame.rename(
        columns={
            old: new
            for old, new in (("months", "tenure"), ("ended", "cancelled"))
            if new not in frame.columns
        }
    )
    for name in ("tenure", "cancelled"):
        if name not in named.columns:
            hint = nearest(name, [str(c) for c in frame.columns])
            raise DataError(f"{what}: the frame has no column '{name}'{hint}. It needs tenure and cancelled")
    if not named["cancelled"].isin([True, False]).all():
        raise DataError(f"{what}: 'cancelled' must be true or false in every row")
    try:
        tenure = named["tenure"].to_numpy(dtype=float)
        weight = weight_column(named, what)
        count = named[weight].to_numpy(dtype=float) if weight else np.ones(len(named))
    except (TypeError, ValueError):
        raise DataError(f"{what}: tenure or customers hold something that is no number") from None
    over = named["cancelled"].to_numpy(dtype=bool)
    whole = (tenure >= 0) & (tenure <= MOST_RENEWALS) & (tenure == np.floor(tenure))
    if not whole.all():
        raise DataError(
            f"{what}: 'tenure' is no whole number from 0 to {MOST_RENEWALS:,} in {int((~whole).sum()):,} of "
            f"{len(whole):,} rows (first at row {int((~whole).argmax())}); it counts renewals"
        )
    if (over & (tenure < 1)).any():
        raise DataError(f"{what}: a contract cancelled at its first renewal has tenure 1, not 0")
    if not (np.isfinite(count) & (count >= 0)).all():
        raise DataError(f"{what}: 'customers' must hold numbers >= 0")
    return pd.DataFrame({"tenure": tenure.astype(np.int64), "cancelled": over, "customers": count})


def _merged(frame: pd.DataFrame) -> pd.DataFrame:
    typed = frame.astype({"tenure": np.int64, "cancelled": bool, "customers": np.float64})
    cells = typed.groupby(["tenure", "cancelled"], sort=True)["customers"].sum().reset_index()
    return cells[cells["customers"] > 0].reset_index(drop=True)
