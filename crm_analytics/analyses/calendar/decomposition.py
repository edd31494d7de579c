"""Season, trend and remainder of a series: by moving averages, and by LOESS (STL, MSTL).

Sources: Macaulay (1931), *The Smoothing of Time Series*, for the ratio to a moving average; Cleveland et al.
(1990), "STL", Journal of Official Statistics 6, 3-73; Bandara, Hyndman & Bergmeir (2021), "MSTL",
arXiv 2107.13462; strength: Wang, Smith & Hyndman (2006), Data Mining and Knowledge Discovery 13, 335-364.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
CYCLES = 2  # whole cycles, below which a decomposition cannot tell season from trend


@dataclass(frozen=True, eq=False)
class Decomposition(ObjectCard):
    """A series taken apart.

    Attributes
    ----------
    table : on the index of the series: observed, trend, seasonal (several periods multiplied, or added, into
        one), remainder; trend and remainder are missing at the ends of a moving average
    indices : phase (month 1..12 of a monthly series, else the place in the cycle from 1 on), index (mean 1
        of a multiplicative, 0 of an additive model); of the first period
    season_strength, trend_strength : 0 (none) .. 1 (nothing but season, or trend). Of a short series of pure
        chance the season's strength is far from 0: it is a description, and no test
    method : "classical", "stl" or "mstl"
    multiplicative : whether the parts multiply to the series (else they add)
    """

    table: pd.DataFrame
    indices: pd.DataFrame
    season_strength: float
    trend_strength: float
    method: str
    multiplicative: bool

    plot = Plots("crm_analytics.analyses.calendar.pictures", "parts", "season")


def classical(series: pd.Series, period: int = 12, *, multiplicative: bool = True) -> Decomposition:
    """Ratio (or difference) to a centred moving average; the season is the mean of each phase.

    Parameters
    ----------
    series : in time order, one value per step, none missing; above 0 where `multiplicative`
    period : steps of a cycle

    Raises
    ------
    NotEnoughData : fewer than two whole cycles.

    Examples
    --------
    >>> sold = pd.Series(np.tile([0.8, 1.0, 1.2], 12) * np.linspace(10, 20, 36))
    >>> classical(sold, period=3).indices["index"].round(2).tolist()
    [0.8, 1.0, 1.2]
    """
    from statsmodels.tsa.seasonal import seasonal_decompose

    values = _checked(series, period, multiplicative)
    model = "multiplicative" if multiplicative else "additive"
    parts = seasonal_decompose(values, model=model, period=period)
    return _made(series, parts.trend, parts.seasonal, period, "classical", multiplicative)


def stl(series: pd.Series, periods: Sequence[int] = (12,), *, multiplicative: bool = True) -> Decomposition:
    """STL for one period, MSTL for several (of a daily series: 7 and 365); robust to outliers.

    A multiplicative model is fitted to logarithms.

    Raises
    ------
    NotEnoughData : fewer than two whole cycles of the longest period.
    """
    from statsmodels.tsa.seasonal import MSTL, STL

    longest = max(periods)
    values = _checked(series, longest, multiplicative)
    scaled = np.log(values) if multiplicative else values
    if len(periods) == 1:
        fitted = STL(scaled, period=longest, seasonal=13, robust=True).fit()
        seasonal = np.asarray(fitted.seasonal)
    else:
        fitted = MSTL(scaled, periods=tuple(sorted(periods)), stl_kwargs={"robust": True}).fit()
        seasonal = np.asarray(fitted.seasonal).sum(axis=1)
    trend = np.asarray(fitted.trend)
    if multiplicative:
        trend, seasonal = np.exp(trend), np.exp(seasonal)
    name = "stl" if len(periods) == 1 else "mstl"
    return _made(series, trend, seasonal, min(periods), name, multiplicative)


def _checked(series: pd.Series, period: int, multiplicative: bool) -> Array:
    values = series.to_numpy(dtype=float)
    if period < 2:
        raise ParameterError(f"period is {period}: a cycle has two steps or more")
    if len(values) < CYCLES * period:
        raise NotEnoughData(f"a season of {period} steps", len(values), CYCLES * period, "steps")
    if not np.isfinite(values).all():
        raise ParameterError("the series has missing values: fill the steps without sales with 0")
    if multiplicative and (values <= 0).any():
        raise ParameterError("the series has values of 0 or less: a multiplicative season needs more than 0")
    return values


def _made(  # noqa: PLR0917  the three parts, and what they were made by
    series: pd.Series, trend: Array, seasonal: Array, period: int, method: str, multiplicative: bool
) -> Decomposition:
    values = series.to_numpy(float)
    rest = values / (trend * seasonal) if multiplicative else values - trend - seasonal
    table = pd.DataFrame(
        {"observed": values, "trend": trend, "seasonal": seasonal, "remainder": rest}, series.index
    )
    phase = _phases(series.index, period)
    index = pd.Series(seasonal).groupby(phase).mean()
    index = index / index.mean() if multiplicative else index - index.mean()
    indices = pd.DataFrame({"phase": index.index.to_numpy(), "index": index.to_numpy()})
    whole = (table.apply(np.log) if multiplicative else table).dropna()
    return Decomposition(
        table,
        indices,
        _strength(whole["remainder"], whole["seasonal"]),
        _strength(whole["remainder"], whole["trend"]),
        method,
        multiplicative,
    )


def _strength(remainder: pd.Series, part: pd.Series) -> float:
    both = float((part + remainder).var())
    return max(0.0, 1 - float(remainder.var()) / both) if both > 0 else 0.0


def _phases(index: pd.Index, period: int) -> NDArray[np.intp]:
    months = getattr(index, "month", None)
    if period == 12 and months is not None:
        return np.asarray(months, np.intp)
    return np.arange(len(index), dtype=np.intp) % period + 1
