"""How fast customers buy and leave on average, and whether that changes from cohort to cohort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
MINIMUM_COHORTS = 4
SHORTEST_YEARS = 0.5  # between the first and the last cohort


@dataclass(frozen=True, eq=False)
class Trend(ObjectCard):
    """Change from cohort to cohort, in a year of first purchases.

    what : "leaving" or "buying"
    change, lower, upper : of the mean, as a share (0.1: 10 % more a year), 95 %
    p : two-sided, of no change
    cohorts : it rests on; those whose fit did not converge are left out
    """

    what: str
    change: float
    lower: float
    upper: float
    p: float
    cohorts: int


def log_error(model: PurchaseModel, gradient: Array) -> float:
    """Standard error of the logarithm of a rate; NaN where the fit says nothing of it."""
    if model.covariance.empty or not model.diagnosis.converged:
        return float("nan")
    covariance = model.covariance.to_numpy() / np.outer(model.values, model.values)
    return float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))


def trends_of(fits: list[PurchaseModel], names: list[str]) -> tuple[Trend, ...]:
    """Weighted regression of the log mean on the middle of each cohort, in years.

    Cohorts scatter more than their errors say, so the scatter around the line counts, too.
    """
    periods = [[pd.Period(part) for part in n.split(" to ")] for n in names]
    middle = [p[0].start_time + (p[-1].end_time - p[0].start_time) / 2 for p in periods]
    years = np.array([(m - middle[0]).days / 365.25 for m in middle])
    found = []
    for what in fits[0].rates():
        pairs = [fit.rates()[what] for fit in fits]
        log = np.log([value for value, _ in pairs])
        error = np.array([log_error(fit, g) for fit, (_, g) in zip(fits, pairs, strict=True)])
        good = np.isfinite(error) & (error > 0)
        if good.sum() < MINIMUM_COHORTS or np.ptp(years[good]) < SHORTEST_YEARS:
            continue
        found.append(_trend(what, years[good], log[good], error[good]))
    return tuple(found)


def _trend(what: str, t: Array, y: Array, error: Array) -> Trend:
    w, free = 1 / error**2, len(t) - 2
    centre = t - np.average(t, weights=w)
    slope = float(w @ (centre * y) / (w @ centre**2))
    rest = y - np.average(y, weights=w) - slope * centre
    spread = float(np.sqrt(max(float(w @ rest**2) / free, 1.0) / (w @ centre**2)))
    half = float(stats.t.ppf(0.975, free)) * spread
    p = 2 * float(stats.t.sf(abs(slope) / spread, free))
    change, low, high = (float(np.expm1(slope + d)) for d in (0.0, -half, half))
    return Trend(what, change, low, high, p, len(t))
