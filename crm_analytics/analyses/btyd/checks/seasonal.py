"""A weekly seasonal index on top of a model that knows no season: what comes when, not how much in all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.btyd.checks.evidence import repeats_by_day, tracking
from crm_analytics.analyses.btyd.fitting.argument_order import model_first
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.forecasts.holdout import length_of
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
YEAR_DAYS = 365
WEEKS = 52  # of a year; the last one has eight or nine days
_ROUNDS = 200
MINIMUM_PURCHASES = 520  # ten a week
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, eq=False)
class Season(ObjectCard):
    """How much more, or less, is bought in each week of the year than the model expects.

    known : whether there is an index; if not it is 1 throughout and `words` says why
    weeks : week (1..52 of the year), expected, actual (repeat purchases of the whole years), index (their
        ratio, drawn towards 1 by how little is seen; mean 1 over a year)
    months : month, expected, actual, index (not drawn towards 1), lower, upper (95 %)
    years : whole years it rests on, counted back from the day
    purchases : repeat purchases in them
    p : of such differences between weeks if there were no season
    words : what to know when reading it
    """

    known: bool
    weeks: pd.DataFrame
    months: pd.DataFrame
    years: int
    purchases: int
    p: float
    words: str

    card_frame = "months"
    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "months")

    def index_of(self, days: pd.DatetimeIndex) -> Array:
        """The index of each day."""
        return np.asarray(self.weeks["index"].to_numpy(float)[_week(days)])

    def factor(self, after: date, last: date) -> float:
        """Mean index of the days after `after` up to `last`: by it a forecast of that time is multiplied."""
        if last <= after:
            raise ParameterError(f"factor: the end {last} must lie after the start {after}")
        return float(self.index_of(pd.date_range(after + timedelta(days=1), last, freq="D")).mean())


@dataclass(frozen=True, eq=False)
class SeasonalTracking(ObjectCard):
    """Tracking with and without season.

    season : learnt from the past alone
    table : as of `Evidence.tracking`, with index (of the period) and seasonal (expected repeat purchases,
        times the index day by day)
    error, seasonal_error : mean absolute error of the holdout's periods, as a share of their mean
    total, seasonal_total, actual : of the holdout
    helps : whether the index lowered the error; None where there is no index
    words : the same in sentences
    """

    season: Season
    table: pd.DataFrame
    error: float
    seasonal_error: float
    total: float
    seasonal_total: float
    actual: float
    helps: bool | None
    words: str

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "seasonal")


@model_first
def season(model: PurchaseModel, summary: Summary, *, slack: int = 0) -> Season:
    """Actual over expected repeat purchases by week of the year, over whole years up to the day.

    Expected are those of all customers from the day each began, without season. What the
    model is off by from year to year (level, from two years on slope, from three on bend) is taken out, so
    that expecting too much of old customers does not look like a season.

    Parameters
    ----------
    summary : of a cut base; needs a year of data and 520 repeat purchases, else `known` is False
    model : of purchases, in the summary's unit
    slack : days that may be missing from the first of two or more years

    Source
    ------
    Ratio to trend: Macaulay (1931), here by Poisson regression; gamma-Poisson shrinkage, by moments.
    """
    days = _by_day(summary, model)
    years = len(days) // YEAR_DAYS
    if (len(days) + slack) // YEAR_DAYS > max(years, 1):
        years += 1
    if years < 1:
        return _none(f"No seasonal index: it needs a year of data, this base has {len(days):,} of 365 days.")
    whole = days.iloc[max(len(days) - years * YEAR_DAYS, 0) :]
    actual, expected = whole["actual"].to_numpy(), whole["expected"].to_numpy()
    if actual.sum() < MINIMUM_PURCHASES:
        return _none(
            f"No seasonal index: it needs {MINIMUM_PURCHASES} repeat purchases, this base has "
            f"{actual.sum():,.0f} in its whole years."
        )
    index = pd.DatetimeIndex(whole["day"])
    week, month = _week(index), index.month.to_numpy() - 1
    expected = expected * _trend(actual, expected, week, years)
    came, foreseen = np.bincount(week, actual, WEEKS), np.bincount(week, expected, WEEKS)
    raw = came / foreseen
    chi = float(((came - foreseen) ** 2 / foreseen).sum())
    between = max(float(np.mean((raw - 1) ** 2 - 1 / foreseen)), 1e-6)
    found = (came + 1 / between) / (foreseen + 1 / between)
    found = found * YEAR_DAYS / (np.bincount(_week(_flat_year()), minlength=WEEKS) @ found)
    weeks = pd.DataFrame(
        {"week": np.arange(1, WEEKS + 1), "expected": foreseen, "actual": came, "index": found}
    )
    p = float(stats.chi2.sf(chi, WEEKS - 1))
    once = "" if years > 1 else " Each week was seen once: a campaign of that week looks like a season."
    span = "a year" if years == 1 else f"{years} years"
    words = f"Seasonal index from {span} up to the day, {actual.sum():,.0f} repeat purchases."
    return Season(True, weeks, _months(month, actual, expected), years, int(actual.sum()), p, words + once)


@watched("Learning the season")
def seasonal_tracking(
    past: CustomerBase, future: CustomerBase, model: PurchaseModel, *, summary: Summary | None = None
) -> SeasonalTracking:
    """Repeat purchases period by period, with the season learnt from the past.

    Parameters
    ----------
    past, future : `base.as_of(a)` and `base.between(a, b)`
    model : fitted on `past`
    summary : of `past` in the model's unit, if there is one already

    Raises
    ------
    ParameterError : the model has no unit, or `future` does not begin where `past` ends.
    """
    if model.unit is None:
        raise ParameterError("the model does not know its unit of time: fit a summary, or give the unit")
    _ = length_of(past, future, model.unit)
    summary = summary or summarize(past, model.unit)
    found = season(summary, model)
    table = tracking(summary, future, model)
    daily = _by_day(summary, model, (future.day - past.day).days)
    each = daily["expected"].to_numpy() * found.index_of(pd.DatetimeIndex(daily["day"]))
    ends = np.arange(1, len(table) + 1) * days_per_unit(model.unit)
    cumulative = np.interp(ends, np.arange(len(daily) + 1), np.append(0.0, np.cumsum(each)))
    seasonal = np.diff(cumulative, prepend=0.0)
    plain = table["expected"].to_numpy()
    index = np.divide(seasonal, plain, out=np.ones(len(table)), where=plain > 0)
    table = table.assign(index=index, seasonal=seasonal)
    held = table[table["holdout"]]
    mean = max(float(held["actual"].mean()), 1e-300) if len(held) else float("nan")
    error, seasonal_error = (
        float((held["actual"] - held[c]).abs().mean()) / mean for c in ("expected", "seasonal")
    )
    helps = seasonal_error < error if found.known else None
    words = found.words
    if helps is not None:
        verb = "lowers" if helps else "does not lower"
        words += (
            f" In the holdout it {verb} the error of a period: {seasonal_error:.0%} of its mean, "
            f"{error:.0%} without."
        )
    plain_total, total, came = (float(held[c].sum()) for c in ("expected", "seasonal", "actual"))
    return SeasonalTracking(found, table, error, seasonal_error, plain_total, total, came, helps, words)


def _by_day(summary: Summary, model: PurchaseModel, ahead: int = 0) -> pd.DataFrame:
    """Day, actual (repeat purchases, up to the day) and expected, from the first day to `ahead` days on."""
    before = repeats_by_day(summary.base)
    oldest = int(before["back"].max())
    at = oldest - before["back"].to_numpy(np.intp)
    length = oldest + 1 + ahead
    actual, began = np.zeros(length), np.zeros(length)
    actual[at], began[at] = before["repeats"], before["began"]
    times = np.arange(length + 1) / days_per_unit(summary.unit)
    grown = np.diff(model.expected_purchases_new(times))
    # who began on day b has had d - b + 1 whole days at the end of day d, the first of them cut short
    expected = np.convolve(began, grown)[:length]
    first = pd.Timestamp(summary.day) - pd.Timedelta(days=oldest)
    days = pd.date_range(first, periods=length, freq="D")
    return pd.DataFrame({"day": days, "actual": actual, "expected": expected})


def _trend(actual: Array, expected: Array, week: NDArray[np.intp], years: int) -> Array:
    """By what the model's expectation is off from year to year: exp of a polynomial, beside a season.

    Two years tell a slope from a season, three a bend; of one year only the level can be known.
    """
    time = np.linspace(-1, 1, len(actual))
    design = np.vander(time, min(years, 3), increasing=True)
    factor = np.full(len(actual), actual.sum() / expected.sum())
    for _ in range(_ROUNDS):
        index = np.bincount(week, actual, WEEKS) / np.bincount(week, expected * factor, WEEKS)
        mean = np.maximum(expected * factor * index[week], 1e-12)
        step = np.linalg.lstsq(design.T @ (design * mean[:, None]), design.T @ (actual - mean), rcond=None)[0]
        factor = factor * np.exp(np.clip(design @ step, -1, 1))
        if np.abs(step).max() < 1e-10:
            break
    return factor * actual.sum() / (expected @ factor)


def _week(days: pd.DatetimeIndex) -> NDArray[np.intp]:
    return np.minimum((days.day_of_year.to_numpy() - 1) // 7, WEEKS - 1).astype(np.intp)


def _flat_year() -> pd.DatetimeIndex:
    return pd.date_range("2025-01-01", periods=YEAR_DAYS, freq="D")


def _months(month: NDArray[np.intp], actual: Array, expected: Array) -> pd.DataFrame:
    came, foreseen = np.bincount(month, actual, 12), np.bincount(month, expected, 12)
    low = np.where(came > 0, stats.chi2.ppf(0.025, 2 * np.maximum(came, 0.5)) / 2, 0.0) / foreseen
    high = stats.chi2.ppf(0.975, 2 * came + 2) / 2 / foreseen
    return pd.DataFrame(
        {
            "month": MONTHS,
            "expected": foreseen,
            "actual": came,
            "index": came / foreseen,
            "lower": low,
            "upper": high,
        }
    )


def _none(words: str) -> Season:
    flat = pd.DataFrame({"week": np.arange(1, WEEKS + 1), "expected": np.nan, "actual": np.nan, "index": 1.0})
    months = pd.DataFrame(columns=["month", "expected", "actual", "index", "lower", "upper"])
    return Season(False, flat, months, 0, 0, float("nan"), words)
