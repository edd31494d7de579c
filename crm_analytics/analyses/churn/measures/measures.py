"""How well a score tells leavers from stayers, and whether its probabilities can be taken at their word.

Ties are never broken: customers of equal score share what falls to their place, so that the order of the
rows changes nothing and a score that is the same for all is worth exactly chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crm_analytics.analyses.churn.measures.ranking import (
    Ranking,
    bootstrap,
    checked,
    placements,
)
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import ParameterError

Array = NDArray[np.float64]
DECILES = tuple(round(0.1 * i, 1) for i in range(1, 11))


@dataclass(frozen=True)
class Measure:
    """A number with its interval.

    value, lower, upper : the number and its interval; iterating gives these three
    n, left : customers it was measured on, and those of them who left
    level : probability of the interval, 0..1
    """

    value: float
    lower: float
    upper: float
    n: int
    left: int
    level: float

    def __iter__(self) -> Iterator[float]:
        return iter((self.value, self.lower, self.upper))


def auc(y: ArrayLike, p: ArrayLike, *, level: float = 0.95) -> Measure:
    """Chance that a leaver has the higher score than a stayer; half of the ties count.

    Parameters
    ----------
    y : who left, 0/1 or bool, one a customer
    p : the score, higher = more likely to leave; any finite number
    level : of the interval, 0..1

    Returns
    -------
    Measure in 0..1; .5 is chance. The interval is DeLong's on the log-odds scale; without any spread (all
    pairs right) that of Wilson for as many customers as the rarer class has.

    Raises
    ------
    NotEnoughData : nobody left, or all did.
    ParameterError : lengths differ, or a value is missing.

    Source
    ------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837-845.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [.1, .4, .35, .8]).value
    0.75
    """
    left, score = checked(y, p, both="AUC")
    above, below = placements(left, score)
    value = float(above.mean())
    if len(above) < 2 or len(below) < 2:
        return _measure(left, (value, 0.0, 1.0), level)
    spread = np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    z = stats.norm.ppf(0.5 + level / 2)
    if spread == 0 or not 0 < value < 1:
        fewest = min(len(above), len(below))
        lower, upper = wilson(value * fewest, fewest, level)
        return _measure(left, (value, lower, upper), level)
    middle, half = np.log(value / (1 - value)), z * spread / (value * (1 - value))
    lower, upper = (float(1 / (1 + np.exp(-x))) for x in (middle - half, middle + half))
    return _measure(left, (value, lower, upper), level)


def average_precision(
    y: ArrayLike, p: ArrayLike, *, level: float = 0.95, draws: int = 200, seed: int = 1
) -> Measure:
    """Mean share of leavers among those of equal or higher score, over the leavers.

    A score that knows nothing comes to the share who left. Scores as in `auc`; interval by `draws`
    bootstrap samples of the customers.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [.1, .4, .35, .8]).value, 4)
    0.8333
    """
    left, score = checked(y, p, both="average precision")
    return _bootstrapped(left, score, _average_precision, level=level, draws=draws, seed=seed)


def top_decile_lift(
    y: ArrayLike, p: ArrayLike, *, share: float = 0.1, level: float = 0.95, draws: int = 200, seed: int = 1
) -> Measure:
    """How many times more leavers the tenth with the highest score holds than a tenth taken blindly.

    Parameters
    ----------
    share : how many are looked at, as a share of all customers; a tenth by default

    Source
    ------
    Neslin, Gupta, Kamakura, Lu & Mason (2006), Journal of Marketing Research 43, 204-211.

    Examples
    --------
    >>> top_decile_lift([1, 1] + [0] * 18, [.9, .2] + [.1] * 18).value
    10.0
    """
    if not 0 < share <= 1:
        raise ParameterError(f"share is a part of all customers, above 0 and up to 1; got {share}")
    left, score = checked(y, p, both="top-decile lift")

    def lift(ranking: Ranking) -> float:
        return float(ranking.captured(np.array([share]))[0] / (share * ranking.leavers.sum()))

    return _bootstrapped(left, score, lift, level=level, draws=draws, seed=seed)


def brier(y: ArrayLike, p: ArrayLike, *, level: float = 0.95) -> Measure:
    """Mean squared distance of the probabilities from what came; 0 is perfect, lower is better.

    Whoever gives everybody the share who left gets share * (1 - share). Interval from the spread between
    customers.

    Source
    ------
    Brier (1950), Monthly Weather Review 78, 1-3.

    Examples
    --------
    >>> round(brier([0, 1, 1, 0], [.1, .9, .8, .3]).value, 4)
    0.0375
    """
    left, score = checked(y, p, probabilities=True)
    return _measure(left, _mean_with_interval(np.sort((score - left) ** 2), level, least=0.0), level)


def calibration_error(y: ArrayLike, p: ArrayLike, *, level: float = 0.95) -> Measure:
    """Share who left less the mean probability: above 0, more left than was said."""
    left, score = checked(y, p, probabilities=True)
    return _measure(left, _mean_with_interval(np.sort(left - score), level, least=-1.0), level)


def gains(
    y: ArrayLike,
    p: ArrayLike,
    *,
    shares: tuple[float, ...] = DECILES,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 1,
) -> pd.DataFrame:
    """Share of all leavers found among the customers with the highest scores.

    Returns
    -------
    customers_share, leavers_share, lower, upper, lift: one row per share; the last of the defaults is all.

    Examples
    --------
    >>> gains([1, 1] + [0] * 8, [.9, .8] + [.1] * 8)["leavers_share"].tolist()[:3]
    [0.5, 1.0, 1.0]
    """
    left, score = checked(y, p, both="the gains curve")
    at = np.asarray(shares, dtype=float)

    def found(ranking: Ranking) -> Array:
        return ranking.captured(at) / ranking.leavers.sum()

    value, lower, upper = bootstrap(left, score, found, level=level, draws=draws, seed=seed)
    return pd.DataFrame(
        {
            "customers_share": at,
            "leavers_share": value,
            "lower": np.clip(lower, 0, 1),
            "upper": np.clip(upper, 0, 1),
            "lift": value / at,
        }
    )


def calibration(y: ArrayLike, p: ArrayLike, *, bins: int = 10, level: float = 0.95) -> pd.DataFrame:
    """Probabilities against the shares who left, in bins of about equally many customers.

    Customers of equal probability stay in one bin, so there may be fewer bins than asked for.

    Returns
    -------
    predicted (mean probability), left_share, lower, upper (Wilson), customers, leavers; lowest first

    Examples
    --------
    >>> calibration([0, 1, 0, 1], [.1, .1, .8, .8])[["predicted", "left_share", "customers"]].values.tolist()
    [[0.1, 0.5, 2.0], [0.8, 0.5, 2.0]]
    """
    left, score = checked(y, p, probabilities=True)
    if bins < 1:
        raise ParameterError(f"bins must be 1 or more, got {bins}")
    order = np.lexsort((left, score))
    left, score = left[order], score[order]
    # the place of a probability is the middle of all customers who have it
    _, first, count = np.unique(score, return_index=True, return_counts=True)
    middle = np.repeat(first + (count - 1) / 2, count)
    group = np.minimum((middle + 0.5) * bins / len(score), bins - 1).astype(int)
    frame = pd.DataFrame({"group": group, "predicted": score, "left": left})
    table = frame.groupby("group").agg(
        predicted=("predicted", "mean"),
        left_share=("left", "mean"),
        customers=("left", "size"),
        leavers=("left", "sum"),
    )
    pairs = zip(table["leavers"], table["customers"], strict=True)
    bounds = [wilson(k, n, level) for k, n in pairs]
    table.insert(2, "lower", [low for low, _ in bounds])
    table.insert(3, "upper", [high for _, high in bounds])
    return table.reset_index(drop=True).astype({"leavers": "int64", "customers": "int64"})


def _average_precision(ranking: Ranking) -> float:
    taken, found = np.cumsum(ranking.customers), np.cumsum(ranking.leavers)
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return float(precision @ ranking.leavers / found[-1])


def _bootstrapped(
    left: Array,
    score: Array,
    statistic: Callable[[Ranking], float],
    *,
    level: float,
    draws: int,
    seed: int,
) -> Measure:
    def one(ranking: Ranking) -> Array:
        return np.array([statistic(ranking)])

    found = bootstrap(left, score, one, level=level, draws=draws, seed=seed)
    value, lower, upper = (float(x[0]) for x in found)
    return _measure(left, (value, max(0.0, lower), upper), level)


def _mean_with_interval(values: Array, level: float, least: float) -> tuple[float, float, float]:
    mean, z = float(values.mean()), float(stats.norm.ppf(0.5 + level / 2))
    half = z * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return mean, float(max(least, mean - half)), float(min(1.0, mean + half))


def _measure(left: Array, found: tuple[float, float, float], level: float) -> Measure:
    return Measure(*found, n=len(left), left=int(left.sum()), level=level)
