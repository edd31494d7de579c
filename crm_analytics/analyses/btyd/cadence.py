"""Do the dates stand on days at all? Weekly or monthly totals declared as days show in their gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.histories import HISTORY, checked

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

FROM_GAPS = 100
SHARE = 0.98  # of the gaps; a seventh would be whole weeks by chance
WEEK = 7


def cadence(source: CustomerBase | pd.DataFrame) -> str:
    """What is the matter with the unit of the dates, in a sentence; empty where they look like days.

    Parameters
    ----------
    source : a base; or rows of frequency, recency and T said to be in days

    Examples
    --------
    >>> rows = pd.DataFrame({"frequency": [1] * 120, "recency": [14.0, 21.0, 28.0] * 40, "T": [70.0] * 120})
    >>> cadence(rows)
    'All but 0 of 120 gaps are whole weeks: the dates are those of weeks, not of days. Use unit "W".'
    >>> cadence(rows.assign(recency=rows["recency"] + 3))
    ''
    """
    if isinstance(source, pd.DataFrame):
        return _of_rows(source)
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


def _of_rows(rows: pd.DataFrame) -> str:
    f = checked(rows, HISTORY, "cadence")
    again = f["frequency"].to_numpy() > 0
    last = np.concatenate([f["recency"].to_numpy()[again], (f["T"] - f["recency"]).to_numpy()[again]])
    # the second of each pair only where it is more than nothing: a purchase on the last day tells no gap
    told = last[last > 0]
    whole = np.isclose(told % WEEK, 0.0)
    n = int(again.sum())
    return _weekly(n, n - int((~whole).sum())) if len(told) else ""


def _weekly(n: int, weeks: int) -> str:
    if n < FROM_GAPS or weeks < SHARE * n:
        return ""
    return (
        f"All but {n - weeks:,} of {n:,} gaps are whole weeks: the dates are those of weeks, not of days. "
        'Use unit "W".'
    )
