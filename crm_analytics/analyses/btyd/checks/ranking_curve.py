"""Whether a forecast puts the right customers first: concentration curve, Gini, lift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking(ObjectCard):
    """How well a forecast sorts customers.

    curve : by tenths of customers, highest forecast first: customers (share so far), purchases (share of all
        that came, made by them), perfect (the same if sorted by what came)
    gini, gini_lower, gini_upper : area between curve and diagonal over that of the perfect order: 1 is
        perfect, 0 is chance, below 0 is worse
    lift, lift_lower, lift_upper : purchases of the first tenth over a tenth of all
    level : of the bootstrap intervals
    """

    curve: pd.DataFrame
    gini: float
    gini_lower: float
    gini_upper: float
    lift: float
    lift_lower: float
    lift_upper: float
    level: float

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "curve")


def ranking_of(
    forecast: Array, actual: Array, customers: Array, *, level: float = 0.95, draws: int = 400, seed: int = 1
) -> Ranking:
    """Gini and lift of a forecast, with bootstrap intervals over customers.

    Parameters
    ----------
    forecast, actual, customers : of cells; equal forecasts share a place
    level, draws, seed : of the bootstrap, in which each cell's number of customers is drawn anew (Poisson)

    Source
    ------
    Wang, Liu & Miao (2019), arXiv 1912.07753 (normalised Gini); Efron (1979).

    Examples
    --------
    >>> found = ranking_of(np.array([0.1, 0.5, 3.0]), np.array([0.0, 1.0, 5.0]), np.array([80.0, 10.0, 10.0]))
    >>> round(found.gini, 6), round(found.lift, 2)
    (1.0, 8.33)
    """
    by_forecast = np.unique(-forecast, return_inverse=True)[1]
    by_actual = np.unique(-actual, return_inverse=True)[1]

    def measure(n: Array) -> tuple[float, float]:
        found, best = _curve(by_forecast, actual, n), _curve(by_actual, actual, n)
        top = float(np.interp(0.1, *found)) / 0.1
        area = _gini(*best)
        return (_gini(*found) / area if area > 0 else float("nan")), top

    rng = np.random.default_rng(seed)
    again = np.array([measure(rng.poisson(customers).astype(float)) for _ in range(draws)])
    cut = [(1 - level) / 2, (1 + level) / 2]
    bounds = [np.quantile(v[np.isfinite(v)], cut) if np.isfinite(v).any() else (np.nan,) * 2 for v in again.T]
    (gini_low, gini_high), (lift_low, lift_high) = ((float(low), float(high)) for low, high in bounds)
    gini, lift = measure(customers)
    shares = np.arange(1, 11) / 10
    curve = pd.DataFrame(
        {
            "customers": shares,
            "purchases": np.interp(shares, *_curve(by_forecast, actual, customers)),
            "perfect": np.interp(shares, *_curve(by_actual, actual, customers)),
        }
    )
    return Ranking(curve, gini, gini_low, gini_high, lift, lift_low, lift_high, level)


def _curve(code: NDArray[np.intp], actual: Array, n: Array) -> tuple[Array, Array]:
    """Share of customers and share of purchases, in the order of `code`, from (0, 0) on."""
    size, came = np.bincount(code, n), np.bincount(code, n * actual)
    people, bought = (np.concatenate([[0.0], np.cumsum(v)]) for v in (size, came))
    return people / max(people[-1], 1e-300), bought / max(bought[-1], 1e-300)


def _gini(people: Array, bought: Array) -> float:
    return float(2 * np.trapezoid(bought, people) - 1)
