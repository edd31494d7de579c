"""Logistic regression on the matrix of `feature_encoding`, as the numbers it comes to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from crm_analytics.analyses.churn.model.feature_encoding import Columns

Array = NDArray[np.float64]
SKEWED = 2.0  # skewness from which on the logarithm of a number is taken
REACH = 5.0  # standard deviations beyond which a number counts no further


@dataclass(frozen=True, eq=False)
class Design:
    """How the matrix of features becomes that of the regression: one block of columns a feature.

    A number is scaled to mean 0 and deviation 1, after an asinh where it is skewed, and held within
    `REACH`; where some were missing in training, a second column says so. A category has one column per name,
    and one for missing. Every column is centred, so that what is unknown and was never missing counts as
    an average customer.

    blocks : for each feature, the codes of its category (0 for a number) and whether it has missing values
    squash : for each feature the scale of the asinh, 0 for none
    mean, deviation : of the scaled number
    centre : mean of each column of the design
    """

    blocks: tuple[tuple[int, bool], ...]
    squash: Array
    mean: Array
    deviation: Array
    centre: Array

    @property
    def starts(self) -> list[int]:
        """First column of each block, and the end of the last."""
        widths = [max(levels, 1) + missing for levels, missing in self.blocks]
        return [0, *np.cumsum(widths).tolist()]

    def rows(self, matrix: Array) -> Array:
        """The centred design of the customers in the matrix."""
        return _raw(self, matrix) - self.centre


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted logistic regression.

    coefficients : one a column of the design, log-odds
    intercept : log-odds of an average customer
    """

    design: Design
    coefficients: Array
    intercept: float

    def log_odds(self, matrix: Array) -> Array:
        """Log-odds of leaving."""
        return self.contributions(matrix).sum(axis=1) + self.intercept

    def contributions(self, matrix: Array) -> Array:
        """What each feature adds to the log-odds of an average customer; the sum is exact."""
        weighted = self.design.rows(matrix) * self.coefficients
        starts = self.design.starts
        return np.add.reduceat(weighted, starts[:-1], axis=1)

    @property
    def base(self) -> float:
        """Log-odds of an average customer."""
        return self.intercept


def design_of(columns: Columns, matrix: Array, weight: Array) -> Design:
    """The design learnt from a training matrix."""
    size = len(columns.used)
    squash, mean, deviation = np.zeros(size), np.zeros(size), np.ones(size)
    blocks = []
    for i, column in enumerate(columns.used):
        values, known = matrix[:, i], ~np.isnan(matrix[:, i])
        blocks.append((len(column.levels), bool((~known).any())))
        if column.kind == "number" and known.any():
            squash[i], mean[i], deviation[i] = _scale(values[known], weight[known])
    bare = Design(tuple(blocks), squash, mean, deviation, np.zeros(0))
    centre = np.average(_raw(bare, matrix), axis=0, weights=weight)
    return Design(tuple(blocks), squash, mean, deviation, centre)


def fit_linear(design: Design, matrix: Array, left: Array, weight: Array, strength: float) -> Linear:
    """Logistic regression with an L2 penalty, C = `strength` (larger = weaker penalty)."""
    model = LogisticRegression(C=strength, max_iter=2000, tol=1e-6)
    model.fit(design.rows(matrix), left > 0, sample_weight=weight)
    return Linear(design, model.coef_[0].copy(), float(model.intercept_[0]))


def _scale(values: Array, weight: Array) -> tuple[float, float, float]:
    mean = float(np.average(values, weights=weight))
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    if spread == 0:
        return 0.0, mean, 1.0
    skewness = float(np.average(((values - mean) / spread) ** 3, weights=weight))
    if abs(skewness) < SKEWED:
        return 0.0, mean, spread
    size = np.abs(values[values != 0])
    scale = float(np.median(size))
    bent = np.arcsinh(values / scale)
    mean = float(np.average(bent, weights=weight))
    return scale, mean, float(np.sqrt(np.average((bent - mean) ** 2, weights=weight))) or 1.0


def _raw(design: Design, matrix: Array) -> Array:
    """The design before it is centred."""
    starts = design.starts
    out = np.zeros((len(matrix), starts[-1]))
    for i, (levels, has_missing) in enumerate(design.blocks):
        values, start, end = matrix[:, i], starts[i], starts[i + 1]
        unknown = np.isnan(values)
        if levels:
            seen = np.flatnonzero(~unknown)
            out[seen, start + values[seen].astype(int)] = 1.0
        else:
            bent = np.arcsinh(values / design.squash[i]) if design.squash[i] else values
            scaled = np.clip((bent - design.mean[i]) / design.deviation[i], -REACH, REACH)
            out[:, start] = np.where(unknown, 0.0, scaled)
        if has_missing:
            out[unknown, end - 1] = 1.0
        elif unknown.any() and len(design.centre):
            out[unknown, start:end] = design.centre[start:end]  # unseen: an average customer
    return out
