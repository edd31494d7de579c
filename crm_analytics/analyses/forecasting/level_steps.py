"""Steps of the level: a business that was shut, opened again, or moved its customers elsewhere.

A step at one day enters every error whose way looked before it and whose window lies after it, so earlier
errors show where it was (an unobserved step of a local level: Harvey, Koopman & Penzer 1998, *Messy time
series*, Advances in Econometrics 13). The forecast then stands on the quarters since. Whether the level goes
back to where it was cannot be known: that doubt is in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.error_covariance import AHEAD, Errors
from crm_analytics.analyses.forecasting.quarters import YEAR

Array = NDArray[np.float64]
SIZE = 0.7  # standard deviation of a step, on logarithms: to a half, or to the double
CLEAR = 2.0  # gain of the log likelihood, from which on it is one
SHARE = 0.3  # of an error that counts, where errors hang together by more than is known
MOST = 3


@dataclass(frozen=True)
class Step:
    """One step of the level.

    back : quarters before the day, halves where it lay within one
    size : on logarithms
    """

    back: float
    size: float


def with_steps(errors: Errors, covariance: Array) -> tuple[Array, tuple[Step, ...]]:
    """The covariance with the steps that earlier errors show, and the steps, the clearest first."""
    known, whole = len(errors.known), errors.loadings.shape[1] - AHEAD
    backs = np.arange(0.5, whole - YEAR + 0.5, 0.5)  # a year lies before it: a season is no step
    if not known or not len(backs):
        return covariance, ()
    moved = errors.loadings @ np.array([_after(back, whole) for back in backs]).T
    found: list[int] = []
    while len(found) < MOST:
        root = np.linalg.cholesky(covariance[:known, :known])
        z, each = (np.linalg.solve(root, one) for one in (errors.known, moved[:known]))
        size, most = (each**2).sum(axis=0) * SIZE**2 + 1, (each.T @ z) * SIZE
        gain = 0.5 * SHARE * most**2 / size - 0.5 * np.log(size)
        at = int(gain.argmax())
        if gain[at] < CLEAR:
            break
        found.append(at)
        covariance = covariance + SIZE**2 * np.outer(moved[:, at], moved[:, at])
    if not found:
        return covariance, ()
    sizes = SIZE**2 * moved[:known, found].T @ np.linalg.solve(covariance[:known, :known], errors.known)
    steps = tuple(Step(float(backs[at]), float(size)) for at, size in zip(found, sizes, strict=True))
    covariance[known:, known:] += _back_again(errors.loadings[known:], steps, whole)
    return covariance, steps


def _back_again(loadings: Array, steps: tuple[Step, ...], whole: int) -> Array:
    """Covariance for a level that may go back to where it was, in any quarter ahead.

    What has lasted n quarters ends in the next with a chance of 1 / (n + 2) (Laplace's rule of succession).
    After a year in which it did not go back the new level is the business.
    """
    lasted = min(one.back for one in steps)
    chance = 1 / (lasted + 2) if lasted < YEAR + 1 else 0.0
    away = sum(one.size for one in steps)
    ahead = loadings @ np.array([_after(-q, whole) for q in range(YEAR)]).T
    return np.asarray(chance * away**2 * ahead @ ahead.T)


def _after(back: float, whole: int) -> Array:
    """1 in each quarter after a day so many quarters ago, a half in the one that holds it."""
    return np.clip(back - np.arange(-AHEAD, whole), 0.0, 1.0)
