"""Customers who are older than the data: the first purchase that is seen is not the first they made.

Where data begin in the middle of a business's life, its old customers all seem to be won in the first weeks,
most of them in the very first, and the stream of new customers comes after. Models that take the first
purchase for the birth forecast too much of them (left truncation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
DAYS = 28
START = 3  # spans of four weeks at the beginning
YEAR = 13
MORE = 1.5  # times as many as in the same weeks a year later
FALLING = 1.3  # first span over third
COHORT = 0.02  # under this share of the start later, customers were won once: a cohort, and no stream
CLEAR = 4.0  # standard errors


def share_older(first_purchases: Array) -> float:
    """Share of all customers that are too many at the beginning of the data; 0 where nothing shows it.

    Parameters
    ----------
    first_purchases : customers first seen in each span of four weeks, from the first day of data on; spans
        that are not whole left out

    Examples
    --------
    >>> share_older(np.array([400.0, 150, 80] + [50.0] * 20))
    0.294...
    >>> share_older(np.full(24, 50.0))
    0.0
    """
    found = np.asarray(first_purchases, float)
    if len(found) < YEAR:
        return 0.0
    start = found[:START].sum()
    same = found[YEAR : YEAR + START]
    usual = same.sum() if len(same) == START else START * float(np.median(found[START:]))
    clear = (start - usual) / np.sqrt(start + usual) if start > 0 else 0.0
    falls = found[0] > FALLING * found[START - 1]
    if len(same) == START:  # against the season: the surplus over a year later falls
        falls |= found[0] * same[-1] > FALLING * found[START - 1] * same[0]
    if start > MORE * usual and clear > CLEAR and falls and usual > COHORT * start:
        return float((start - usual) / found.sum())
    return 0.0


def first_purchases(base: CustomerBase) -> Array:
    """Customers first seen in each whole span of four weeks, from the first day of data on."""
    first = base.purchase_history.filter(lambda t: t.first_day.notnull())
    at = (first.first_day.delta(ibis.literal(base.first_day), unit="day") // DAYS).cast("int64")
    counted = base.collect(first.group_by(at=at).aggregate(n=first.count()))
    whole = ((base.day - base.first_day).days + 1) // DAYS
    kept = counted[counted["at"] < whole]
    return np.bincount(kept["at"], kept["n"], whole).astype(float)
