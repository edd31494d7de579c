"""Kaplan and Meier's curve over counted durations, and what can be read off it.

Sources: E. L. Kaplan & P. Meier (1958), *JASA* 53, 457-481; variance by Greenwood (1926); intervals on the
log-log scale, which keeps them in 0..1 (Kalbfleisch & Prentice 2002, section 1.4).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crm_analytics.errors import NotEnoughData, ParameterError

Array = NDArray[np.float64]
Scale = Literal["log-log", "plain"]
COLUMNS = ["time", "at_risk", "events", "survival", "lower", "upper"]


def kaplan_meier(
    durations: ArrayLike,
    observed: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: float = 0.95,
    scale: Scale = "log-log",
) -> pd.DataFrame:
    """Share for whom nothing has happened yet, by time.

    Parameters
    ----------
    durations : time until the event, or until it was last looked; >= 0, in any unit
    observed : whether the event came (else the duration is censored); bool or 0/1
    weights : how many customers stand behind each duration; 1 each by default. These are counts: weights
        of a survey would need another variance
    level : of the interval, 0..1
    scale : "log-log" keeps the interval in 0..1; "plain" is survival +- z * Greenwood's error, cut there

    Returns
    -------
    time, at_risk (just before it), events, survival, lower, upper: one row per time with events, and a last
    one where the longest duration is censored: beyond it nothing is known.

    Raises
    ------
    NotEnoughData : nobody is given.
    ParameterError : lengths differ, a duration is missing or negative, or a weight is.

    Source
    ------
    Kaplan & Meier (1958), equation 2b; Greenwood's variance.

    Examples
    --------
    >>> curve = kaplan_meier([6, 6, 6, 6, 7, 9], [1, 1, 1, 0, 1, 0])
    >>> curve[["time", "at_risk", "events", "survival"]].values.tolist()
    [[6.0, 6.0, 3.0, 0.5], [7.0, 2.0, 1.0, 0.25], [9.0, 1.0, 0.0, 0.25]]
    """
    time, event, weight = _checked(durations, observed, weights)
    z = _z(level)
    at, place = np.unique(time, return_inverse=True)
    ended: Array = np.bincount(place, weights=weight * event, minlength=len(at)).astype(np.float64)
    gone: Array = np.bincount(place, weights=weight, minlength=len(at)).astype(np.float64)
    at_risk: Array = np.cumsum(gone[::-1])[::-1].astype(np.float64)
    kept = ended > 0
    kept[-1] = True
    at, at_risk, ended = at[kept], at_risk[kept], ended[kept]
    survival: Array = np.cumprod(1 - ended / at_risk).astype(np.float64)
    lower, upper = _band(survival, at_risk, _greenwood(at_risk, ended), z, scale)
    return pd.DataFrame(dict(zip(COLUMNS, (at, at_risk, ended, survival, lower, upper), strict=True)))


def survival_at(curve: pd.DataFrame, times: ArrayLike) -> pd.DataFrame:
    """The curve read off at any times: time, survival, lower, upper; NaN where nobody was followed so long.

    >>> curve = kaplan_meier([2, 4, 6], [1, 1, 0])
    >>> survival_at(curve, [1, 4, 7])["survival"].round(4).tolist()
    [1.0, 0.3333, nan]
    """
    at = np.atleast_1d(np.asarray(times, dtype=float))
    place = np.searchsorted(curve["time"].to_numpy(), at, side="right")
    known = (at <= curve["time"].iloc[-1]) | (curve["survival"].iloc[-1] == 0)
    found = {
        name: np.where(known, np.concatenate([[1.0], curve[name]])[place], np.nan)
        for name in ("survival", "lower", "upper")
    }
    return pd.DataFrame({"time": at, **found})


def conditional(curve: pd.DataFrame, after: float, times: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Survival of those for whom nothing had happened by `after`: S(after + t) / S(after).

    It is for customers who are still there. Of a customer who has left, the time of it is known.

    Parameters
    ----------
    curve : from `kaplan_meier`
    after : time already survived
    times : further times t
    level : of the interval

    Returns
    -------
    time (t, counted from `after`), survival, lower, upper. Those who left before tell nothing of it, so the
    interval is that of the curve begun at `after`.

    Raises
    ------
    NotEnoughData : nobody was followed beyond `after`.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1])
    >>> conditional(curve, 2, [1]).survival.tolist()
    [0.5]
    """
    later = curve[curve["time"] > after]
    if after < 0 or not len(later):
        raise NotEnoughData(f"survival after {after:g}", 0, 1, "followed so long")
    at_risk, ended = later["at_risk"].to_numpy(dtype=float), later["events"].to_numpy(dtype=float)
    survival = np.cumprod(1 - ended / at_risk)
    lower, upper = _band(survival, at_risk, _greenwood(at_risk, ended), _z(level), "log-log")
    rest = later.assign(time=later["time"] - after, survival=survival, lower=lower, upper=upper)
    return survival_at(rest, times)


def time_when(curve: pd.DataFrame, share: float = 0.5) -> tuple[float, float, float]:
    """When the curve has come down to a share, with its interval; NaN where it has not come down so far.

    The interval holds the times whose own interval holds the share (Brookmeyer & Crowley 1982).

    >>> time_when(kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]))[0]
    2.0
    """

    def first(name: str) -> float:
        reached = curve.loc[curve[name] <= share + 1e-12, "time"]
        return float(reached.iloc[0]) if len(reached) else np.nan

    return first("survival"), first("lower"), first("upper")


def _greenwood(at_risk: Array, ended: Array) -> Array:
    """Variance of the logarithm of the curve."""
    with np.errstate(divide="ignore"):
        return np.cumsum(ended / (at_risk * (at_risk - ended)))


def _band(survival: Array, at_risk: Array, variance: Array, z: float, scale: Scale) -> tuple[Array, Array]:
    if scale not in ("log-log", "plain"):
        raise ParameterError(f"scale is 'log-log' or 'plain', got {scale!r}")
    inside = (survival > 0) & (survival < 1)
    lower, upper = survival.copy(), survival.copy()
    value, error = survival[inside], np.sqrt(variance[inside])
    if scale == "plain":
        half = z * value * error
        lower[inside], upper[inside] = np.clip(value - half, 0, 1), np.clip(value + half, 0, 1)
    else:
        factor = np.exp(z * error / -np.log(value))
        lower[inside], upper[inside] = value**factor, value ** (1 / factor)
    # without any event, or after the last, an error of 0 would promise too much: the exact binomial bound
    least = stats.norm.sf(z) ** (1 / at_risk)
    lower[survival == 1] = least[survival == 1]
    for i in np.flatnonzero(survival == 0):
        upper[i] = upper[i - 1] if i else 1 - least[i]
    return lower, upper


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise ParameterError(f"level is a probability between 0 and 1, got {level}")
    return float(stats.norm.ppf(0.5 + level / 2))


def _checked(
    durations: ArrayLike, observed: ArrayLike, weights: ArrayLike | None
) -> tuple[Array, Array, Array]:
    time, event = np.asarray(durations, dtype=float), np.asarray(observed, dtype=float)
    weight = np.ones(time.shape) if weights is None else np.asarray(weights, dtype=float)
    if time.ndim != 1 or not time.shape == event.shape == weight.shape:
        raise ParameterError(f"durations, observed and weights differ: {time.shape}, {event.shape}, "
                             f"{weight.shape}")  # fmt: skip
    if not (np.isfinite(time).all() and (time >= 0).all()):
        raise ParameterError("durations must be given for everybody and be 0 or more")
    if not np.isin(event, (0.0, 1.0)).all():
        raise ParameterError("observed is True where the event came and False where it has not, as yet")
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ParameterError("weights are counts of customers, 0 or more")
    if not weight.sum() > 0:
        raise NotEnoughData("a survival curve", 0, 1)
    some = weight > 0
    time, event, weight = time[some], event[some], weight[some]
    order = np.lexsort((weight, event, time))  # sums of floats shall not know the order of the rows
    return time[order], event[order], weight[order]
