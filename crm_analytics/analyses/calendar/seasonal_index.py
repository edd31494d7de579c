"""How much more, or less, than usual falls into each month, with an interval and a test.

Two whole years or more: a Poisson regression on the months with a trend (a slope that may change once a
cycle), its variance scaled by what the months scatter (quasi-Poisson: McCullagh & Nelder 1989, ch. 9). It
needs no more of the data than that the mean is a product, so counts and money serve alike.

One whole year: season, trend and chance cannot be told apart. The index is the share of the year, and its
interval is widened by two stated assumptions, `UNKNOWN_TREND` and `YEAR_TO_YEAR`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
MONTHS = 12
FIRM = 2  # whole cycles from which a season can be tested
UNKNOWN_TREND = 0.2  # standard deviation of a year's growth (on logarithms) that one year cannot show
YEAR_TO_YEAR = 0.15  # standard deviation (on logarithms) of one month's index from one year to the next
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class SeasonalIndex(ObjectCard):
    """Month by month against the mean month.

    Attributes
    ----------
    months : month (1..12), total (of the whole cycles), index (mean 1), lower, upper (95 %)
    fitted : totals of the months of the whole cycles as trend and season give them (one cycle: as they were)
    cycles : whole years it rests on
    p : of such differences between months if there were no season; NaN under two cycles
    trend : growth a year (0.1 is +10 %) over all cycles, with trend_lower and trend_upper (95 %); NaN under
        two cycles
    words : what to know when reading it
    """

    months: pd.DataFrame
    fitted: pd.Series
    cycles: int
    p: float
    trend: float
    trend_lower: float
    trend_upper: float
    words: str

    plot = Plots("crm_analytics.analyses.calendar.pictures", "months")

    @property
    def is_firm(self) -> bool:
        """Whether it rests on two whole cycles or more."""
        return self.cycles >= FIRM

    @property
    def is_shown(self) -> bool:
        """Whether the months differ by more than chance; never from one cycle."""
        return self.is_firm and self.p < LEVEL


def seasonal_index(monthly: pd.Series, counts: pd.Series | None = None) -> SeasonalIndex:
    """Estimate the index from whole months, the latest whole cycles of them.

    Parameters
    ----------
    monthly : totals of 0 or more on a monthly PeriodIndex without gaps; cut off months that are not whole
    counts : how many purchases each total is of, for the interval of a single cycle; default: `monthly`

    Raises
    ------
    NotEnoughData : fewer than 12 whole months, nothing sold in them, or of several years in one month of
        the year alone.

    Examples
    --------
    >>> months = pd.period_range("2022-01", periods=48, freq="M")
    >>> sold = pd.Series(np.tile([80.0] * 11 + [320.0], 4), months)
    >>> found = seasonal_index(sold)
    >>> found.months["index"].round(2).tolist()[-2:], found.cycles, found.is_shown
    ([0.8, 3.2], 4, True)
    """
    months = monthly.index
    if not isinstance(months, pd.PeriodIndex) or months.freqstr != "M":
        raise ParameterError("a seasonal index needs totals on a monthly PeriodIndex")
    cycles = len(monthly) // MONTHS
    if cycles < 1:
        raise NotEnoughData("a seasonal index", len(monthly), MONTHS, "whole months")
    kept = slice(len(monthly) - cycles * MONTHS, None)
    values = monthly.to_numpy(float)[kept]
    if not values.sum() > 0:
        raise NotEnoughData("a seasonal index", 0, 1, "purchases in whole years")
    phase = np.asarray(months.month, np.intp)[kept] - 1
    if cycles < FIRM:
        number = values if counts is None else counts.to_numpy(float)[kept]
        return _of_one_cycle(monthly.iloc[kept].astype(float), number, phase)
    return _of_cycles(monthly.iloc[kept].astype(float), phase, cycles)


def _of_one_cycle(totals: pd.Series, counts: Array, phase: NDArray[np.intp]) -> SeasonalIndex:
    values = totals.to_numpy()
    index = values / values.mean()
    place = np.linspace(-0.5, 0.5, MONTHS)
    sd = np.sqrt(1 / np.maximum(counts, 1) + (UNKNOWN_TREND * place) ** 2 + YEAR_TO_YEAR**2)
    floor = 3 / max(counts.mean(), 1)  # nothing seen: the rule of three
    table = pd.DataFrame(
        {
            "month": phase + 1,
            "total": values,
            "index": index,
            "lower": index * np.exp(-Z95 * sd),
            "upper": np.maximum(index * np.exp(Z95 * sd), floor),
        }
    )
    words = (
        "One year was seen. Season, trend and chance cannot be told apart in it: the interval is widened by "
        f"an unknown trend of {UNKNOWN_TREND:.0%} a year and by {YEAR_TO_YEAR:.0%} from year to year. Both "
        "are assumptions."
    )
    nothing = float("nan")
    return SeasonalIndex(_sorted(table), totals, 1, nothing, nothing, nothing, nothing, words)


def _of_cycles(totals: pd.Series, phase: NDArray[np.intp], cycles: int) -> SeasonalIndex:
    values = totals.to_numpy()
    total = np.bincount(phase, values, MONTHS).astype(float)
    sold = np.flatnonzero(total > 0)
    if len(sold) < 2:  # one month of the year alone leaves nothing to tell season from trend by
        raise NotEnoughData("a seasonal index", len(sold), 2, "months of the year with purchases")
    trend = _trend(len(values), cycles)
    use = np.isin(phase, sold)
    dummies = (phase[use, None] == sold[None, :]).astype(float)
    full = _fit(values[use], np.hstack([dummies, trend[use]]))
    null = _fit(values[use], np.hstack([np.ones((int(use.sum()), 1)), trend[use]]))
    freedom = int(use.sum()) - len(sold) - trend.shape[1]
    spread = max(full.pearson_chi2 / freedom, 1e-12)
    gain = max(null.deviance - full.deviance, 0.0) / (len(sold) - 1) / spread
    p = float(stats.f.sf(gain, len(sold) - 1, freedom))
    covariance = full.normalized_cov_params * spread
    t = float(stats.t.ppf(1 - LEVEL / 2, freedom))
    table = _months(full.params[: len(sold)], covariance, sold, total, t, spread, cycles)
    growth = _growth(full.params, covariance, trend, len(sold))
    low, high = growth[0] - t * growth[1], growth[0] + t * growth[1]
    words = f"From {cycles} whole years."
    if p >= LEVEL:
        words += " The months do not differ by more than chance: no season is shown."
    return SeasonalIndex(
        months=table,
        fitted=_fitted(totals, full.fittedvalues, use),
        cycles=cycles,
        p=p,
        trend=float(np.expm1(growth[0])),
        trend_lower=float(np.expm1(low)),
        trend_upper=float(np.expm1(high)),
        words=words,
    )


def _fitted(totals: pd.Series, found: Array, use: NDArray[np.bool_]) -> pd.Series:
    values = np.zeros(len(totals))
    values[use] = found * float(totals[use].mean())
    return pd.Series(values, totals.index)


def _trend(length: int, cycles: int) -> Array:
    """Columns of a slope that may change at the end of each cycle but the last two."""
    time = np.arange(length) / MONTHS
    middle = time - time.mean()
    bends = [np.maximum(time - k, 0) - np.maximum(time - k, 0).mean() for k in range(1, cycles - 1)]
    return np.column_stack([middle, *bends])


def _fit(values: Array, design: Array):  # type: ignore[no-untyped-def]
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings():  # a season without any chance is no trouble to us
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        # over the mean: money of any currency takes the same steps, and ratios of deviances do not change
        return GLM(values / values.mean(), design, family=Poisson()).fit(tol=1e-10, maxiter=200)


def _months(  # noqa: PLR0917  what a fit is made of
    beta: Array, covariance: Array, sold: NDArray[np.intp], total: Array, t: float, spread: float, cycles: int
) -> pd.DataFrame:
    index, lower, upper = np.zeros(MONTHS), np.zeros(MONTHS), np.zeros(MONTHS)
    level = np.exp(beta)
    found = level * MONTHS / level.sum()
    slope = np.eye(len(sold)) - found[None, :] / MONTHS  # of the logarithm of each index
    block = covariance[: len(sold), : len(sold)]
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slope, block, slope), 0.0))
    index[sold] = found
    lower[sold], upper[sold] = found * np.exp(-t * error), found * np.exp(t * error)
    never = total <= 0
    upper[never] = 3 * spread / cycles  # nothing seen in so many mean months: the rule of three
    return pd.DataFrame(
        {"month": np.arange(1, MONTHS + 1), "total": total, "index": index, "lower": lower, "upper": upper}
    )


def _growth(params: Array, covariance: Array, trend: Array, skip: int) -> tuple[float, float]:
    """Mean growth a year on logarithms, from the first to the last month, and its standard error."""
    step = (trend[-1] - trend[0]) / max((len(trend) - 1) / MONTHS, 1e-12)
    block = covariance[skip:, skip:]
    return float(step @ params[skip:]), float(np.sqrt(max(step @ block @ step, 0.0)))


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("month", ignore_index=True)
