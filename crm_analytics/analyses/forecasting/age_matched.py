"""Last year's weeks by age: what customers as old as today's did in the same weeks of last year.

A chain ladder on the triangle of first purchase against calendar (as claims reserving has it: Mack 1993,
*ASTIN
Bulletin* 23), matched by season: no law of lives, gaps or spend is assumed, and returns, prices and contracts
are in it as they came. It misleads where last year was another business, which its trials show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.quarters import YEAR, Quarters

Array = NDArray[np.float64]
LEAST = 2 * YEAR  # quarters before the day: two cycles
MOST_GROWTH = 3.0  # a level that trebled within a year is no trend
DECAYS = (0.2, 1.1)  # between which a year leaves the activity of old customers
UNKNOWN_DECAY = 0.8


def age_matched(found: Quarters, what: str, back: int, window: int) -> float:
    """What the customers known `back` quarters ago will do in the `window` quarters after; NaN if unknown."""
    return float(_expected(found, what, back, window).sum())


def level(found: Quarters, what: str, back: int, window: int) -> float:
    """By how much what came in the window up to the day was above what this way would have said of it.

    1 where nothing tells: two cycles and the window must lie before it.
    """
    due = _expected(found, what, back + window, window).sum()
    came = found.of(what, window)[back + window :, back].sum()
    if not (np.isfinite(due) and due > 0 and came > 0):
        return 1.0
    return float(np.clip(came / due, 1 / MOST_GROWTH, MOST_GROWTH))


def _expected(found: Quarters, what: str, back: int, window: int) -> Array:
    """By quarter of first purchase, from `back` on."""
    counts, n = found.of(what, window), found.customers
    size = len(n)
    if back + LEAST > size or window > YEAR:
        return np.full(1, np.nan)
    born = np.arange(back, size)
    same_weeks = back - window + YEAR  # the column of last year; no later than the day
    older = born + YEAR
    has_older = older < size
    rate = np.zeros(len(born))
    n_older = n[older[has_older]]
    rate[has_older] = np.divide(
        counts[older[has_older], same_weeks], n_older, out=np.zeros(len(n_older)), where=n_older > 0
    )
    own = counts[born, same_weeks] * _decay(found, what, back)
    return np.where(has_older, n[born] * rate, own)


def _decay(found: Quarters, what: str, back: int) -> float:
    """How much of their activity the oldest customers kept from one year to the next, at the last known."""
    counts = found.of("value" if what == "value" else "purchases", 1)
    size, now, then = len(counts), 0.0, 0.0
    for born in range(max(size - YEAR - 1, 0), size):
        for at in range(back, min(back + YEAR, born - YEAR)):  # the quarter of birth has first purchases
            now, then = now + counts[born, at], then + counts[born, at + YEAR]
    return float(np.clip(now / then, *DECAYS)) if then > 0 else UNKNOWN_DECAY
