"""Labels and scores checked once, ranked without breaking ties, and resampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crm_analytics.errors import NotEnoughData, ParameterError

Array = NDArray[np.float64]
CELLS = 2_000  # distinct scores kept for the spread of large bases


@dataclass(frozen=True, eq=False)
class Ranking:
    """Customers from the highest score down, one row per distinct score.

    customers, leavers : customers with that score, and those of them who left
    """

    customers: Array
    leavers: Array

    def captured(self, share: Array) -> Array:
        """Leavers among the `share` of highest score; customers of equal score are taken pro rata."""
        reached = np.concatenate([[0.0], np.cumsum(self.customers)])
        left = np.concatenate([[0.0], np.cumsum(self.leavers)])
        return np.interp(share * reached[-1], reached, left)


def checked(
    y: ArrayLike, p: ArrayLike, *, both: str | None = None, probabilities: bool = False
) -> tuple[Array, Array]:
    """Labels and scores as arrays of floats, or what is wrong with them in words.

    both : what is measured where both leavers and stayers are needed
    probabilities : whether scores must lie in 0..1
    """
    left, score = as_labels(y), np.asarray(p, dtype=float)
    if left.shape != score.shape or score.ndim != 1:
        raise ParameterError(f"labels and scores must be of equal length, got {left.shape} and {score.shape}")
    if not np.isfinite(score).all():
        raise ParameterError(f"{(~np.isfinite(score)).sum()} of {len(score)} scores are missing or infinite")
    if not len(left):
        raise NotEnoughData(both or "a measure", 0, 1)
    if probabilities and not ((score >= 0) & (score <= 1)).all():
        raise ParameterError("probabilities must lie between 0 and 1")
    if both and not left.any():
        raise NotEnoughData(both, 0, 1, "customers who left")
    if both and left.all():
        raise NotEnoughData(both, 0, 1, "customers who stayed")
    return left, score


def as_labels(y: ArrayLike) -> Array:
    """Who left as 0.0 and 1.0."""
    values = pd.Series(np.asarray(y) if not isinstance(y, pd.Series) else y)
    if values.isna().any():
        raise ParameterError(f"{int(values.isna().sum())} of {len(values)} labels are missing")
    try:
        left = values.to_numpy(dtype=float)
    except (TypeError, ValueError):
        left = np.array([np.nan])
    if not np.isin(left, (0.0, 1.0)).all():
        raise ParameterError("labels must be 0 (stayed) or 1 (left), or False and True")
    return left


def placements(left: Array, score: Array) -> tuple[Array, Array]:
    """For each leaver the share of stayers below, for each stayer the share of leavers above (ties half)."""
    ranks = stats.rankdata(score)
    gone = left > 0
    leavers, stayers = int(gone.sum()), int((~gone).sum())
    above = (ranks[gone] - stats.rankdata(score[gone])) / stayers
    below = 1 - (ranks[~gone] - stats.rankdata(score[~gone])) / leavers
    return np.sort(above), np.sort(below)  # sorted, so that sums do not know the order of the rows


def ranked(left: Array, score: Array, cells: int | None = None) -> Ranking:
    """Customers and leavers by distinct score from the highest down; at most `cells` of them."""
    _, place, count = np.unique(-score, return_inverse=True, return_counts=True)
    if cells and len(count) > cells:
        merged = (np.cumsum(count) - 1) * cells // len(score)
        place = merged[place]
    return Ranking(*(np.bincount(place, weights=w).astype(np.float64) for w in (np.ones(len(left)), left)))


def bootstrap(
    left: Array,
    score: Array,
    statistic: Callable[[Ranking], Array],
    *,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 1,
) -> tuple[Array, Array, Array]:
    """A statistic of the ranking with an interval by resampling customers: value, lower, upper.

    Above `CELLS` distinct scores the spread is taken from as many groups of neighbours, and laid around
    the exact value; draws without a leaver or a stayer are drawn again.
    """
    value, coarse = statistic(ranked(left, score)), ranked(left, score, CELLS)
    centre, rng = statistic(coarse), np.random.default_rng(seed)
    counts = np.concatenate([coarse.leavers, coarse.customers - coarse.leavers])
    n, k = int(counts.sum()), len(coarse.customers)
    drawn: list[Array] = []
    while len(drawn) < draws:
        sample = rng.multinomial(n, counts / n).astype(float)
        if 0 < sample[:k].sum() < n:
            drawn.append(statistic(Ranking(sample[:k] + sample[k:], sample[:k])))
    low, high = np.quantile(np.array(drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return value, low - centre + value, high - centre + value
