"""What the next weeks will sell: the way that erred least before, with the errors it made as its interval.

Three ways are tried on days of the past, each knowing only what lay before: the level of the last weeks, the
same weeks a year ago times the growth since, and the level times the seasonal index. Their errors over whole
horizons are the interval: no model of the noise is needed, only that the next weeks are like those tried.

A level carries its own weeks ahead. Where a shown season sets the last weeks apart from the next by more than
the level erred by, the forecast would deny what the months show: then a way that holds the season is used, if
one can be tried.

Where none can, and the same weeks a year ago are there once, a season and a growth look alike. Then the
middle of the level and of those weeks is expected, and the interval is as wide as the two are apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.calendar.trading_calendar import calendar_of
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
LEVEL, BETWEEN = "level", "between"
WEEK = 7
LEVEL_WEEKS = 8  # whose mean is the level
GROWTH_WEEKS = 13  # held against the same weeks a year ago
YEAR = 364  # days: whole weeks, so that weekdays meet
STEP = 28  # days between two days tried
MOST_TRIALS = 26
TWO_YEARS = 2 * 366 + 31  # days that hold 24 whole months
TRIALS = 4  # horizons that do not overlap, from which errors have a scatter worth the name
COVER = 0.95
ONCE, APART = 0.2, 0.9  # half an interval around the middle: what one year tells of the next, and of the gap


@dataclass(frozen=True, eq=False)
class Outlook(ObjectCard):
    """The weeks after the last day of a series.

    Attributes
    ----------
    weeks : start (first day), expected, lower, upper (95 %)
    expected, lower, upper : of all these weeks together
    way : "level", "last year", "index", or "between" the level and the same weeks a year ago
    trials : way, trials, error (root mean square of the logarithm of what came over what was expected, over
        the whole horizon); the days tried are the same for all ways
    year_ago : what the same weeks sold a year before; NaN where the data do not reach back
    season : what a shown season alone makes of these weeks, over the last `LEVEL_WEEKS`; 1 if none is shown
    misses_season : the season moves these weeks by more than the level erred by, which is the only way
    is_for_season : the level erred least, and was set aside for the season
    words : what to know when reading it
    """

    weeks: pd.DataFrame
    expected: float
    lower: float
    upper: float
    way: str
    trials: pd.DataFrame
    year_ago: float
    season: float
    misses_season: bool
    is_for_season: bool
    words: str

    plot = Plots("crm_analytics.analyses.calendar.pictures", "weeks")


def outlook(daily: pd.Series, weeks: int = 8) -> Outlook:
    """Expect the next weeks.

    Parameters
    ----------
    daily : values of 0 or more on a daily DatetimeIndex without gaps, e.g. of `daily.daily`
    weeks : how many, 1..26

    Raises
    ------
    NotEnoughData : the past has fewer than `TRIALS` horizons to try a way on.

    Examples
    --------
    >>> days = pd.date_range("2023-01-01", "2025-12-28")
    >>> found = outlook(pd.Series(np.where(days.month == 12, 30.0, 10.0), days))
    >>> found.way, len(found.weeks), found.year_ago
    ('last year', 8, 600.0)
    """
    if not 1 <= weeks <= 26:
        raise ParameterError(f"weeks is {weeks}: it must be 1 to 26")
    values, horizon = daily.to_numpy(float), weeks * WEEK
    least = LEVEL_WEEKS * WEEK + TRIALS * horizon
    if len(values) < least or not values.sum() > 0:
        have = len(values) // WEEK if values.sum() > 0 else 0
        raise NotEnoughData(f"the next {weeks} weeks", have, -(-least // WEEK), "weeks with sales")
    ways = _ways(daily, horizon)
    trials = _trials(daily, ways, horizon)
    season = _season(daily, horizon)
    least_wrong = min(trials.errors, key=trials.worst)
    with_season = [name for name in trials.errors if name != LEVEL]
    misses = least_wrong == LEVEL and abs(np.log(season)) > trials.worst(LEVEL)
    is_for_season = misses and bool(with_season)
    way = min(with_season, key=trials.worst) if is_for_season else least_wrong
    scatter = trials.worst(way)
    expected = _by_week(ways[way][1](len(values)))
    ago = len(values) - YEAR
    year_ago = float(values[ago : ago + horizon].sum()) if ago >= 0 else float("nan")
    if way == LEVEL and not with_season and not misses and year_ago > 0:
        way = BETWEEN
        total, low, high, table = _between(values, expected)
    else:
        total = float(expected.sum())
        low, high = _interval(total, scatter, len(trials.days) * min(1.0, STEP / horizon))
        weekly = max(_rms(trials.weekly[way]), scatter)
        bounds = np.array([_interval(e, weekly, len(trials.days)) for e in expected])
        table = pd.DataFrame({"expected": expected, "lower": bounds[:, 0], "upper": bounds[:, 1]})
    first = pd.Timestamp(daily.index[-1]) + pd.Timedelta(days=1)
    table.insert(0, "start", pd.date_range(first, periods=weeks, freq="7D"))
    tried = pd.DataFrame(
        [(name, len(trials.days), _rms(errors)) for name, errors in trials.errors.items()],
        columns=["way", "trials", "error"],
    )
    return Outlook(
        table, total, low, high, way, tried, year_ago, season, misses and not is_for_season, is_for_season,
        _words(way, len(trials.days), trials, weeks),
    )  # fmt: skip


def _ways(daily: pd.Series, horizon: int) -> dict[str, tuple[int, Callable[[int], Array]]]:
    """Each way with the days it needs to know, and from the number of days known to the days ahead."""
    values = daily.to_numpy(float)
    return {
        LEVEL: (LEVEL_WEEKS * WEEK, lambda known: _level(values[:known], horizon)),
        "last year": (YEAR + GROWTH_WEEKS * WEEK, lambda known: _last_year(values[:known], horizon)),
        "index": (TWO_YEARS, lambda known: _indexed(daily.iloc[:known], horizon)),
    }


@dataclass(frozen=True, eq=False)
class _Trials:
    """Days known at each trial, whether it was of these weeks a year ago, and the errors by way."""

    days: NDArray[np.intp]
    season: NDArray[np.bool_]
    errors: dict[str, Array]
    weekly: dict[str, Array]

    def worst(self, way: str) -> float:
        """What a way erred by on all days tried, or in these weeks a year ago where that was more.

        A level without season is right most of the year and wrong after Christmas, when it is asked.
        """
        errors = self.errors[way]
        return max(_rms(errors), _rms(errors[self.season]) if self.season.any() else 0.0)


def _trials(daily: pd.Series, ways: dict[str, tuple[int, Callable[[int], Array]]], horizon: int) -> _Trials:
    """Try the ways on the same days. A way that cannot be tried in these weeks a year ago is left out:
    where none but the level can, its errors are of other seasons, and `_words` says so.
    """
    values = daily.to_numpy(float)
    year_ago = len(values) - YEAR
    able = [name for name, (least, _) in ways.items() if least <= year_ago] or [LEVEL]
    least = max(ways[name][0] for name in able)
    days = np.arange(len(values) - horizon, least - 1, -STEP)[:MOST_TRIALS]
    came = np.array([_by_week(values[known : known + horizon]) for known in days])
    errors, weekly = {}, {}
    for name in able:
        due = np.array([_by_week(ways[name][1](int(known))) for known in days])
        errors[name] = _error(came.sum(axis=1), due.sum(axis=1))
        weekly[name] = _error(came, due).ravel()
    return _Trials(days, np.abs(days - year_ago) <= STEP, errors, weekly)


def _level(past: Array, horizon: int) -> Array:
    weeks = past[-LEVEL_WEEKS * WEEK :].reshape(-1, WEEK)
    return np.resize(weeks.mean(axis=0), horizon)


def _last_year(past: Array, horizon: int) -> Array:
    span = GROWTH_WEEKS * WEEK
    now, then = past[-span:].sum(), past[-span - YEAR : -YEAR].sum()
    growth = now / then if then > 0 else 1.0
    start = len(past) - YEAR
    return past[start : start + horizon] * growth


def _between(values: Array, level: Array) -> tuple[float, float, float, pd.DataFrame]:
    """The middle of the level and of the same weeks a year ago, with bounds: of all weeks, and of each.

    Last year counts with the growth since, as far as weeks are there twice to tell it. One year more tells a
    season from growth; until then half the interval is nearly the whole gap between the two.

    Parameters
    ----------
    level : by week
    """
    start, span = len(values) - YEAR, GROWTH_WEEKS * WEEK
    known = min(start, span)
    then = values[start - known : start].sum()
    growth = (values[-known:].sum() / then) ** (known / span) if known and then > 0 else 1.0
    ago = _by_week(values[start : start + len(level) * WEEK]) * growth
    weekly = _by_week(values[-(len(values) // WEEK) * WEEK :])
    around = (weekly[:-2] + weekly[2:]) / 2
    apart = np.abs(_error(weekly[1:-1], around))
    noise = 1.4826 * np.median(apart) * np.sqrt(2 / 3)  # of a week: the mean of two has its own
    middle = np.sqrt((level + 0.5) * (ago + 0.5))
    total = float(np.sqrt((level.sum() + 0.5) * (ago.sum() + 0.5)) - 0.5)
    gap = APART * np.log((level.sum() + 0.5) / (ago.sum() + 0.5))
    half, weekly_half = (np.sqrt(ONCE**2 + gap**2 + 12 * noise**2 / n) for n in (len(level), 1))  # 2 errors
    each = middle * total / middle.sum()
    bounds = {"lower": each * np.exp(-weekly_half), "upper": each * np.exp(weekly_half)}
    return total, total * np.exp(-half), total * np.exp(half), pd.DataFrame({"expected": each} | bounds)


def _indexed(past: pd.Series, horizon: int) -> Array:
    try:
        found = calendar_of(past, "orders")
    except NotEnoughData:
        return _level(past.to_numpy(float), horizon)
    days = pd.date_range(past.index[-1] + pd.Timedelta(days=1), periods=horizon, freq="D")
    recent = past.iloc[-LEVEL_WEEKS * WEEK :]
    usual = found.index_of(pd.DatetimeIndex(recent.index)).sum()
    level = recent.sum() / usual if usual > 0 else 0.0
    return np.asarray(level * found.index_of(days))


def _season(daily: pd.Series, horizon: int) -> float:
    """The shown season of the days ahead over that of the days the level is taken from."""
    try:
        found = calendar_of(daily, "orders")
    except NotEnoughData:
        return 1.0
    if not found.months.is_shown:
        return 1.0
    ahead = pd.date_range(daily.index[-1] + pd.Timedelta(days=1), periods=horizon, freq="D")
    usual = found.index_of(pd.DatetimeIndex(daily.index[-LEVEL_WEEKS * WEEK :])).mean()
    due = found.index_of(ahead).mean()
    return float(due / usual) if due > 0 and usual > 0 else 1.0


def _by_week(values: Array) -> Array:
    return values.reshape(-1, WEEK).sum(axis=1)


def _error(came: Array, due: Array) -> Array:
    return np.asarray(np.log((came + 0.5) / (due + 0.5)))


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(np.asarray(errors) ** 2)))


def _interval(expected: float, scatter: float, trials: float) -> tuple[float, float]:
    """Student's t on logarithms; trials that overlap count by the days they cover."""
    half = float(stats.t.ppf(0.5 + COVER / 2, max(trials, 2.0))) * scatter
    return max((expected + 0.5) * np.exp(-half) - 0.5, 0.0), (expected + 0.5) * np.exp(half) - 0.5


def _words(way: str, count: int, trials: _Trials, weeks: int) -> str:
    if way == BETWEEN:
        return (
            f"Expected is the middle of the last {LEVEL_WEEKS} weeks and of the same weeks a year ago, "
            "which the data hold once: a season cannot be told apart from growth. The interval holds both."
        )
    how = {
        LEVEL: f"the mean of the last {LEVEL_WEEKS} weeks",
        "last year": f"the same weeks a year ago, times the growth of the last {GROWTH_WEEKS} weeks",
        "index": f"the level of the last {LEVEL_WEEKS} weeks, times the season",
    }[way]
    text = f"Expected is {how}. The interval is what this erred by on {count} earlier days."
    if "last year" not in trials.errors:
        text += " The data reach back too little for a season: none is in it."
    if weeks * WEEK > STEP:
        text += " These days overlap."
    return text
