"""Two rankings of the same customers, held against each other, from cells with counts.

The area under the ROC curve is the chance that a customer who did it stands above one who did not; ties count
half. Source: E. R. DeLong, D. M. DeLong & D. L. Clarke-Pearson (1988), *Biometrics* 44, 837-845.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.intervals import Z95

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placements:
    """An AUC with what its variance is made of, cell by cell."""

    auc: float
    of_events: Array
    of_others: Array


def placements(score: ArrayLike, events: ArrayLike, others: ArrayLike) -> Placements:
    """The AUC of a score over cells.

    Parameters
    ----------
    score : of each cell
    events, others : customers of the cell who did it, and who did not; some of each

    Examples
    --------
    >>> round(placements([0.1, 0.5, 0.9], [1, 2, 3], [6, 2, 1]).auc, 4)
    0.787
    """
    s = np.asarray(score, float)
    p, q = np.asarray(events, float), np.asarray(others, float)
    levels, place = np.unique(s, return_inverse=True)
    size = len(levels)
    above_p, above_q = (np.bincount(place, weights=w, minlength=size) for w in (p, q))
    below_others = (np.cumsum(above_q) - above_q / 2) / q.sum()
    above_events = (p.sum() - np.cumsum(above_p) + above_p / 2) / p.sum()
    of_events, of_others = below_others[place], above_events[place]
    return Placements(float(p @ of_events / p.sum()), of_events, of_others)


def interval(found: Placements, events: ArrayLike, others: ArrayLike) -> tuple[float, float]:
    """95 % interval of an AUC, kept in 0..1."""
    error = _error(found.of_events, found.of_others, events, others)
    return max(found.auc - Z95 * error, 0.0), min(found.auc + Z95 * error, 1.0)


def difference(
    one: Placements, other: Placements, events: ArrayLike, others: ArrayLike
) -> tuple[float, float, float]:
    """The first AUC less the second, with its 95 % interval: the same customers stand in both."""
    error = _error(one.of_events - other.of_events, one.of_others - other.of_others, events, others)
    gap = one.auc - other.auc
    return gap, gap - Z95 * error, gap + Z95 * error


def _error(of_events: Array, of_others: Array, events: ArrayLike, others: ArrayLike) -> float:
    total = 0.0
    for values, weights in ((of_events, np.asarray(events, float)), (of_others, np.asarray(others, float))):
        n = weights.sum()
        if n < 2:
            return float("inf")
        mean = weights @ values / n
        total += float(weights @ (values - mean) ** 2 / (n - 1) / n)
    return total**0.5
