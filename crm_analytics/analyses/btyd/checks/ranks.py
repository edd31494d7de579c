"""Correlation of ranks of frequency and spend, and what it would be if they were independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]
MINIMUM_CUSTOMERS = 30
_DRAWN_BASES = 200
_DRAWN_CUSTOMERS = 10_000  # of each base drawn: the spread is scaled to the customers there are


@dataclass(frozen=True, eq=False)
class RankTest:
    """Correlation of ranks with its interval and its p-value, and Pearson's beside it.

    spearman, lower, upper : -1..1; 95 % interval (Bonett & Wright 2000)
    p : two-sided, of ranks that have nothing to do with each other
    pearson, pearson_p : for comparison only
    customers : repeat buyers with spend
    """

    spearman: float
    lower: float
    upper: float
    p: float
    pearson: float
    pearson_p: float
    customers: int


def rank_test(summary: Summary) -> RankTest:
    """Spearman's correlation of frequency and mean spend over repeat buyers, from cells.

    Raises
    ------
    NotEnoughData : fewer than 30 repeat buyers with spend.

    Source
    ------
    Bonett & Wright (2000), Psychometrika 65(1), 23-28 (the interval).
    """
    cells = summary.spend_cells
    x, mean, n = (cells[c].to_numpy(float) for c in ("frequency", "monetary_value", "customers"))
    total = int(n.sum())
    if total < MINIMUM_CUSTOMERS:
        raise NotEnoughData("the test of spend against frequency", total, MINIMUM_CUSTOMERS, "repeat buyers")
    spearman = _correlation(_ranks(x, n), _ranks(mean, n), n)
    pearson = _correlation(x, mean, n)
    half = 1.959964 * np.sqrt((1 + spearman**2 / 2) / (total - 3))
    low, high = (
        float(np.tanh(np.arctanh(np.clip(spearman, -0.999999, 0.999999)) + s)) for s in (-half, half)
    )
    return RankTest(spearman, low, high, _p(spearman, total), pearson, _p(pearson, total), total)


def under_independence(summary: Summary, spend: GammaGamma, test: RankTest, seed: int) -> tuple[float, float]:
    """Mean rank correlation of drawn customers with these frequencies, and the p of what was seen."""
    cells = summary.spend_cells
    x = np.repeat(cells["frequency"].to_numpy(float), cells["customers"].to_numpy(np.int64))
    some = x[:: max(1, len(x) // _DRAWN_CUSTOMERS)]
    p, q, _ = spend.values
    ranks, one, rng = _ranks(some, np.ones(len(some))), np.ones(len(some)), np.random.default_rng(seed)
    found = []
    for _ in range(_DRAWN_BASES):
        # the scale v does not matter to ranks
        means = rng.gamma(p * some) / some / rng.gamma(q, size=len(some))
        found.append(_correlation(ranks, _ranks(means, one), one))
    usual = float(np.mean(found))
    spread = float(np.std(found, ddof=1)) * np.sqrt(len(some) / len(x))
    away = (test.spearman - usual) / spread if spread > 0 else 0.0
    return usual, float(2 * stats.norm.sf(abs(away)))


def _ranks(value: Array, weight: Array) -> Array:
    """Mean rank of each value among all customers."""
    levels, code = np.unique(value, return_inverse=True)
    size = np.bincount(code, weight, minlength=len(levels))
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[code])


def _correlation(a: Array, b: Array, weight: Array) -> float:
    a, b = (v - np.average(v, weights=weight) for v in (a, b))
    size = np.sqrt((weight @ a**2) * (weight @ b**2))
    return float(weight @ (a * b) / size) if size > 0 else 0.0


def _p(correlation: float, n: int) -> float:
    """Two-sided, by Student's t with n - 2 degrees of freedom."""
    if abs(correlation) >= 1:
        return 0.0
    t = correlation * np.sqrt((n - 2) / (1 - correlation**2))
    return float(2 * stats.t.sf(abs(t), n - 2))
