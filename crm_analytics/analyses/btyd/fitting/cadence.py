"""Do the dates stand on days at all? Weekly or monthly totals declared as days show in their gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.histories import HISTORY, checked

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
FROM_GAPS = 100
SHARE = 0.98  # of the gaps; a seventh would be whole weeks by chance
WEEK = 7
NEARLY = 1e-6
ROUNDED = 0.05  # of sevenths: summaries are kept to two digits


def cadence(source: CustomerBase | pd.DataFrame) -> str:
    """What is the matter with the unit of the dates, in a sentence; empty where they look like days.

    Parameters
    ----------
    source : a base; or rows of frequency, recency and T [, customers] said to be in days. A fit of such rows
        with unit="D" says the same in its diagnosis

    Examples
    --------
    >>> rows = pd.DataFrame({"frequency": [1] * 120, "recency": [14.0, 21.0, 28.0] * 40, "T": [70.0] * 120})
    >>> cadence(rows)
    'All but 0 of 120 gaps are whole weeks: the dates are those of weeks, not of days. Use unit "W".'
    >>> cadence(rows.assign(recency=rows["recency"] + 3))
    ''
    """
    if isinstance(source, pd.DataFrame):
        return _of_cells(checked(source, HISTORY, "cadence"))
    days = source.exact_occasions
    before = days.day.lag().over(group_by=days.customer_id, order_by=days.day)
    gaps = days.mutate(before=before)
    gaps = gaps.filter(gaps.before.notnull())
    gap = gaps.day.delta(gaps.before, unit="day").cast("int64")
    firsts = (gaps.day.day() == 1) & (gaps.before.day() == 1)
    row = gaps.aggregate(
        n=ibis._.count(), weeks=(gap % WEEK == 0).sum(), firsts=firsts.sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n, weeks = int(row["n"]), int(row["weeks"] or 0)
    if n >= FROM_GAPS and int(row["firsts"] or 0) >= SHARE * n:
        return (
            f"Nearly all of {n:,} purchases are of the first of a month: the dates are those of months, not "
            'of days. Use unit "M".'
        )
    return _weekly(n, weeks)


def with_cadence(found: Diagnosis, cells: pd.DataFrame, unit: str | None) -> Diagnosis:
    """The diagnosis of a fit, and what its cells have to say of being in days, if they are said to be."""
    words = _of_cells(cells) if unit == "D" else ""
    return replace(found, message=f"{found.message} {words}") if words else found


def _of_cells(f: pd.DataFrame) -> str:
    recency, T, n = (f[c].to_numpy(float) for c in ("recency", "T", "customers"))
    known = T > 0
    broken = known & ~(_whole(recency) & _whole(T))
    if n[broken].sum() > (1 - SHARE) * n[known].sum():
        return _fractions(recency, T, n, broken)
    again = f["frequency"].to_numpy() > 0
    # a purchase on the last day tells no gap to the day, so zero counts as whole weeks there
    weekly = _whole(recency / WEEK) & _whole((T - recency) / WEEK)
    return _weekly(round(n[again].sum()), round(n[again & weekly].sum()))


def _fractions(recency: Array, T: Array, n: Array, broken: NDArray[np.bool_]) -> str:
    days = broken & _whole(recency * WEEK, ROUNDED) & _whole(T * WEEK, ROUNDED)
    weeks = n[days].sum() >= SHARE * n[broken].sum()
    return (
        f"Times said to be in days are fractions for {n[broken].sum():,.0f} of {n.sum():,.0f} customers"
        + (', sevenths as those of weeks: use unit "W". ' if weeks else ": are they weeks or months? ")
        + "With a wrong unit discounting, and so value, is wrong by that factor."
    )


def _whole(values: Array, nearly: float = NEARLY) -> NDArray[np.bool_]:
    return np.asarray(np.abs(values - np.round(values)) < nearly)


def _weekly(n: int, weeks: int) -> str:
    if n < FROM_GAPS or weeks < SHARE * n:
        return ""
    return (
        f"All but {n - weeks:,} of {n:,} gaps are whole weeks: the dates are those of weeks, not of days. "
        'Use unit "W".'
    )
