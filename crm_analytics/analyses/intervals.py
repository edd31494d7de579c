"""Intervals of shares and of changes, and p-values of many tests, in one place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control

from crm_analytics.tables.money import square

if TYPE_CHECKING:
    import ibis.expr.types as ir

Z95 = 1.959963984540054  # the 97.5 % point of the standard normal


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share (Wilson 1927, JASA 22, 209-212); (0, 1) when nothing was observed.

    Parameters
    ----------
    successes, n : counts; weights need not be whole
    level : probability of the interval, 0..1

    Examples
    --------
    >>> [round(x, 4) for x in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    if n == 0:
        return 0.0, 1.0
    from statsmodels.stats.proportion import proportion_confint  # it may import polars, which starts threads

    low, high = proportion_confint(successes, n, 1 - level, method="wilson")
    # a share of nothing or of all ends there, without rounding errors
    return (0.0 if successes == 0 else float(low)), (1.0 if successes == n else float(high))


def share_difference(k1: int, n1: int, k2: int, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of ``k1/n1 - k2/n2`` for independent samples (Newcombe 1998, method 10).

    (-1, 1) when nothing was observed of one of them.

    >>> [round(x, 4) for x in share_difference(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    if not (n1 and n2):
        return -1.0, 1.0
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted for how many there are (Benjamini & Hochberg 1995, JRSS B 57, 289-300).

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    each = np.asarray(p, float)
    return np.asarray(false_discovery_control(each) if each.size else each)


def holm(p: ArrayLike, looks: float | None = None) -> NDArray[np.float64]:
    """P-values adjusted so that where nothing is there, in 95 % none is below .05 (Holm 1979, SJS 6, 65-70).

    Parameters
    ----------
    looks : how many tests there were, where `p` holds only the smallest; those not given count as 1

    >>> holm([0.01, 0.04, 0.03, 0.5]).round(4).tolist(), holm([0.01, 0.02], 3).round(3).tolist()
    ([0.04, 0.09, 0.09, 0.5], [0.03, 0.04])
    """
    each = np.asarray(p, float)
    many = float(len(each)) if looks is None else looks
    order = np.argsort(each, kind="stable")
    adjusted = np.empty(len(each))
    adjusted[order] = np.maximum.accumulate(
        np.minimum(1.0, each[order] * np.maximum(many - np.arange(len(each)), 1))
    )
    return adjusted


def error_of_sum(amounts: ir.Value) -> float:
    """Standard error of a sum of money over customers, one amount each, their number a draw, too.

    Source: the variance of a compound Poisson sum is the expected sum of squares (Feller 1968, *An
    Introduction to Probability Theory and Its Applications* I, ch. XII).
    """
    return math.sqrt(max(0.0, float(square(amounts).sum().to_pyarrow().as_py() or 0)))
