"""From the log-odds of a learner to probabilities that can be taken at their word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.isotonic import isotonic_regression

Array = NDArray[np.float64]
ISOTONIC_FROM = 1_000  # customers of the rarer class; below, a curve with many steps follows chance
ORDER = 0.01  # slope beyond the ends, so that customers there are still told apart


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rising curve from log-odds to log-odds.

    method : "none", "Platt" (a line) or "isotonic" (through knots)
    slope, intercept : of the line
    knots, heights : of the curve, both rising
    """

    method: Literal["none", "Platt", "isotonic"]
    slope: float = 1.0
    intercept: float = 0.0
    knots: Array | None = None
    heights: Array | None = None

    @property
    def is_line(self) -> bool:
        """Whether it scales and moves only, so that sums stay sums."""
        return self.method != "isotonic"

    def __call__(self, log_odds: Array) -> Array:
        """Calibrated log-odds."""
        if self.knots is None or self.heights is None:
            return self.slope * log_odds + self.intercept
        below, above = np.minimum(log_odds - self.knots[0], 0), np.maximum(log_odds - self.knots[-1], 0)
        return np.interp(log_odds, self.knots, self.heights) + ORDER * (below + above)


def platt(log_odds: Array, left: Array, weight: Array) -> Calibration:
    """A line through scores of customers that the learner had not seen.

    Source: Platt (1999), with his targets a little inside 0 and 1. A score that does not rise with the
    label knows nothing, and gets the line without slope: the share who left for everybody.
    """
    gone, stayed = float(weight @ left), float(weight @ (1 - left))
    target = np.where(left > 0, (gone + 1) / (gone + 2), 1 / (stayed + 2))
    share = float(weight @ target / weight.sum())
    level = np.log(share / (1 - share))
    slope, intercept = _line(log_odds, target, weight, level)
    if slope <= 0:
        return Calibration("Platt", 0.0, level)
    return Calibration("Platt", slope, intercept)


def isotonic(log_odds: Array, left: Array, weight: Array) -> Calibration:
    """The rising curve nearest to what came, as knots in the middle of its steps, joined by lines.

    A customer at the share of all is added to each step, so that none says 0 or 1.

    Source: Zadrozny & Elkan (2002); Oron & Flournoy (2017) for the knots (centred isotonic regression).
    """
    order = np.argsort(log_odds, kind="stable")
    score, gone, by = log_odds[order], left[order], weight[order]
    values, first = np.unique(score, return_index=True)
    mass = np.add.reduceat(by, first)
    share = np.add.reduceat(by * gone, first) / np.where(mass > 0, mass, 1)
    steps = isotonic_regression(share, sample_weight=np.maximum(mass, 1e-12))
    begins = np.concatenate([[0], np.flatnonzero(np.diff(steps) > 0) + 1])
    size, sums = np.add.reduceat(mass, begins), np.add.reduceat(mass * share, begins)
    middle = np.add.reduceat(mass * values, begins) / np.maximum(size, 1e-12)
    rate = np.maximum.accumulate((sums + by @ gone / by.sum()) / (size + 1))
    rises = np.diff(rate, prepend=0.0) > 0  # the customer added may level two small steps
    return Calibration("isotonic", knots=middle[rises], heights=np.log(rate / (1 - rate))[rises])


def calibrate(
    log_odds: Array, left: Array, weight: Array, method: Literal["Platt", "isotonic"] | None = None
) -> Calibration:
    """Isotonic where both classes are large enough for it, else Platt's line."""
    if method is None:
        rarer = min(left.sum(), len(left) - left.sum())
        method = "isotonic" if rarer >= ISOTONIC_FROM else "Platt"
    return (isotonic if method == "isotonic" else platt)(log_odds, left, weight)


def _line(x: Array, target: Array, weight: Array, level: float) -> tuple[float, float]:
    """Slope and intercept of the logistic line, by Newton's method on the standardised score."""
    middle = float(np.average(x, weights=weight))
    spread = float(np.sqrt(np.average((x - middle) ** 2, weights=weight)))
    if spread == 0:
        return 0.0, level
    design = np.column_stack([(x - middle) / spread, np.ones(len(x))])
    at = np.array([0.0, level])
    for _ in range(100):
        p = expit(design @ at)
        gradient = design.T @ (weight * (target - p))
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 2.0 / np.abs(step).max()) if step.any() else 1.0
        at = at + step
        if np.abs(step).max() < 1e-10:
            break
    return float(at[0] / spread), float(at[1] - at[0] * middle / spread)
