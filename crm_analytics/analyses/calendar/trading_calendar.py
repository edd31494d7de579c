"""The one seasonal and trend index of a base at its day: what other analyses multiply and divide by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.calendar.daily import daily, whole_months
from crm_analytics.analyses.calendar.decomposition import Decomposition, classical, stl
from crm_analytics.analyses.calendar.seasonal_index import FIRM, SeasonalIndex, seasonal_index
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
MONTH_DAYS = 365.25 / 12
WEEKS = 52  # of a year; the last one has eight or nine days


@dataclass(frozen=True, eq=False)
class Calendar(ObjectCard):
    """When a base sells.

    Attributes
    ----------
    measure : what is counted: "orders", "sales" or "units"
    months : the index by month with its interval, test and trend; months are brought to one length
    weeks : week (1..52 of the year), index (mean 1 over the days of a year): the month's, drawn towards what
        came in that week of all whole cycles as far as the weeks scatter by more than chance
    daily : the series it is made of
    """

    measure: str
    months: SeasonalIndex
    weeks: pd.DataFrame
    daily: pd.Series

    @functools.cached_property
    def classical(self) -> Decomposition | None:
        """The whole months by moving averages: a second opinion on the index, and the season's strength.

        None under two cycles, or with a month without sales.
        """
        return _apart(self.daily, classical)

    @functools.cached_property
    def stl(self) -> Decomposition | None:
        """The same by LOESS."""
        return _apart(self.daily, stl)

    @property
    def is_used(self) -> bool:
        """Whether `index_of` holds a season: one cycle (said so), or more with a season that is shown."""
        return not self.months.is_firm or self.months.is_shown

    def index_of(self, days: pd.DatetimeIndex) -> Array:
        """The season of each day, mean 1 over a year; 1 throughout where no season is shown."""
        if not self.is_used:
            return np.ones(len(days))
        return np.asarray(self.weeks["index"].to_numpy(float)[week_of_year(days)])

    def factor(self, after: date, last: date) -> float:
        """Mean season of the days after `after` up to `last`: a yearly rate is multiplied by it.

        Raises
        ------
        ParameterError : the end does not lie after the start.
        """
        if last <= after:
            raise ParameterError(f"factor: the end {last} must lie after the start {after}")
        return float(self.index_of(pd.date_range(after + timedelta(days=1), last, freq="D")).mean())


def calendar(base: CustomerBase, measure: str = "orders") -> Calendar:
    """The seasonal and trend index of the base at its day.

    Two whole years or more give an index with a test; one year gives one that is said to rest on one year,
    its interval widened; less is refused. Growth from customers who were won counts as trend.

    Parameters
    ----------
    measure : "orders", "sales" (money without returns) or "units"

    Raises
    ------
    NotEnoughData : fewer than 12 whole months.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> days = pd.date_range("2023-01-01", "2025-12-31")
    >>> sold = days.repeat(np.where(days.month == 12, 3, 1))
    >>> found = calendar(CustomerBase.open(pd.DataFrame({"transaction_date": sold, "unit_spend": 5.0,
    ...     "customer_id": [f"c{i}" for i in range(len(sold))]}), today="2026-01-01"))
    >>> december = found.factor(date(2025, 11, 30), date(2025, 12, 31))
    >>> found.months.cycles, found.months.is_shown, round(december, 1)
    (3, True, 2.5)
    """
    series = daily(base, measure)
    return calendar_of(series, measure, None if measure == "orders" else daily(base, "orders"))


def calendar_of(series: pd.Series, measure: str, orders: pd.Series | None = None) -> Calendar:
    """The same from a daily series: of a category, or of another source.

    Parameters
    ----------
    series : values of 0 or more on a daily DatetimeIndex without gaps
    orders : how many purchases each value is of, for the interval of a single cycle
    """
    counts = None if orders is None else whole_months(orders)
    months = seasonal_index(_of_equal_length(whole_months(series)), counts)
    return Calendar(measure, months, _weeks(series, months), series)


def week_of_year(days: pd.DatetimeIndex) -> NDArray[np.intp]:
    """0..51: seven days each from 1 January on, the last one with the rest of the year."""
    return np.minimum((days.day_of_year.to_numpy() - 1) // 7, WEEKS - 1).astype(np.intp)


def _of_equal_length(monthly: pd.Series) -> pd.Series:
    """A February sells less for being short: that is no season."""
    return monthly * (MONTH_DAYS / pd.PeriodIndex(monthly.index).days_in_month.to_numpy(float))


def _apart(series: pd.Series, way: Callable[[pd.Series], Decomposition]) -> Decomposition | None:
    try:
        return way(_of_equal_length(whole_months(series)))
    except (NotEnoughData, ParameterError):
        return None


def _weeks(series: pd.Series, months: SeasonalIndex) -> pd.DataFrame:
    year = pd.date_range("2025-01-01", periods=365, freq="D")  # a year of no leap day
    week = week_of_year(year)
    each = months.months["index"].to_numpy(float)[year.month.to_numpy() - 1]
    index = np.bincount(week, each, WEEKS) / np.bincount(week, minlength=WEEKS)
    if months.cycles >= FIRM:
        index = index * _drawn_to_weeks(series, months)
    index = index / (np.bincount(week, minlength=WEEKS) @ index / len(year))
    return pd.DataFrame({"week": np.arange(1, WEEKS + 1), "index": index})


def _drawn_to_weeks(series: pd.Series, months: SeasonalIndex) -> Array:
    """What came over what trend and months give, by week of the year; shrunk by moments (gamma-Poisson)."""
    inside = series[pd.DatetimeIndex(series.index).to_period("M").isin(months.fitted.index)]
    days = pd.DatetimeIndex(inside.index)
    periods = days.to_period("M")
    expected = months.fitted.reindex(periods).to_numpy(float) / MONTH_DAYS
    week, run = week_of_year(days), days.year.to_numpy() * WEEKS + week_of_year(days)
    cells = pd.DataFrame({"run": run, "week": week, "came": inside.to_numpy(float), "expected": expected})
    cells = cells.groupby("run").agg({"week": "first", "came": "sum", "expected": "sum"})
    cells = cells[cells["expected"] > 0]
    came = np.bincount(cells["week"], cells["came"], WEEKS)
    due = np.maximum(np.bincount(cells["week"], cells["expected"], WEEKS), 1e-300)
    ratio = came / due
    rest = cells["came"] - cells["expected"] * ratio[cells["week"]]
    freedom = max(len(cells) - WEEKS, 1)
    spread = max(float((rest**2 / cells["expected"]).sum()) / freedom, 1e-12)
    between = max(float(np.mean((ratio - 1) ** 2 - spread / due)), 0.0)
    weight = between / (between + spread / due)
    return np.asarray(1 + weight * (ratio - 1))
