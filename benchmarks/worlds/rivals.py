"""The forecasts that are held against each other: the page's, BG/NBD, last year's weeks, the oracle."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.worlds.business import DAYS, START, Drawn
from benchmarks.worlds.contracts import BoxDrawn
from benchmarks.worlds.oracle import futures
from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import CrmError

WHAT = ("purchases", "value", "buyers")
YEAR = 364  # days: whole weeks
STEP = 28  # days between two origins of the past
LEVEL = 0.95
DRAWS = 200  # of the intervals of BG/NBD


@dataclass(frozen=True)
class Said:
    """One forecast of one thing; NaN where it was refused."""

    rival: str
    weeks: int
    what: str
    mean: float
    lower: float
    upper: float


def base_of(drawn: Drawn) -> CustomerBase:
    """The whole base, to be cut at a day."""
    tables: dict[str, pd.DataFrame] = {"transactions": drawn.transactions()}
    if isinstance(drawn, BoxDrawn):
        tables["subscriptions"] = drawn.subscriptions()
    return CustomerBase.open(tables, today=day_of(DAYS))


def day_of(day: int) -> dt.date:
    """The date of a day of the business."""
    return (START + pd.Timedelta(days=day)).date()


def page(base: CustomerBase, horizons: tuple[int, ...]) -> list[Said]:
    """What the pages print: `value_to_come`."""
    try:
        first = value_to_come(base, (horizons[0], "W"))
    except CrmError:
        return [Said("page", weeks, what, *[np.nan] * 3) for weeks in horizons for what in WHAT]
    said = []
    for weeks in horizons:
        found = first.over((weeks, "W"))
        for what, total in zip(WHAT, (found.purchases, found.total, found.buyers), strict=True):
            said.append(Said("page", weeks, what, total.mean, total.lower, total.upper))
    return said


def todays(base: CustomerBase, horizons: tuple[int, ...]) -> list[Said]:
    """BG/NBD with Gamma-Gamma, as the pages printed it before they knew season, returns or errors."""
    summary = btyd.summarize(base, unit="W")
    model, status, spend = (fit.fit(summary) for fit in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.GammaGamma))
    said = []
    for weeks in horizons:
        value = btyd.value_total(summary, model, spend, horizon=(weeks, "W"), rate=0.0, draws=DRAWS)
        total = btyd.forecast_total(summary, model, weeks, draws=DRAWS)
        said.append(Said("BG/NBD", weeks, "purchases", total.mean, total.lower, total.upper))
        said.append(Said("BG/NBD", weeks, "value", value.mean, value.lower, value.upper))
        said.append(_buyers("BG/NBD", weeks, summary, status))
    return said


def _buyers(rival: str, weeks: int, summary: btyd.Summary, model: btyd.ModifiedBetaGeo) -> Said:
    """Buyers are a sum of chances; the page prints no interval, so that of chance alone is taken."""
    p = btyd.probability_active(model, summary.cells, weeks).to_numpy(float)
    n = summary.cells["customers"].to_numpy(float)
    mean, half = float(n @ p), 1.96 * float(np.sqrt(n @ (p * (1 - p))))
    return Said(rival, weeks, "buyers", mean, mean - half, mean + half)


def last_year(drawn: Drawn, day: int, horizons: tuple[int, ...]) -> list[Said]:
    """The same weeks of last year from the customers known then, with the spread of its own past errors."""
    past = Drawn(drawn.business, drawn.people, drawn.lines[drawn.lines["day"] <= day])
    said = []
    for weeks in horizons:
        errors: dict[str, list[float]] = {what: [] for what in WHAT}
        for origin in range(day - 7 * weeks, YEAR + STEP, -STEP):
            came, then = past.came(origin, weeks), past.came(origin - YEAR, weeks)
            for what in WHAT:
                if came[what] > 0 and then[what] > 0:
                    errors[what].append(np.log(came[what] / then[what]))
        now = past.came(day - YEAR, weeks)
        for what in WHAT:
            n = len(errors[what])
            spread = np.sqrt(np.mean(np.square(errors[what]))) if n else np.nan
            half = min(stats.t.ppf((1 + LEVEL) / 2, max(n, 1)) * spread, 3.0)
            mean = now[what]
            said.append(Said("last year", weeks, what, mean, mean * np.exp(-half), mean * np.exp(half)))
    return said


def oracle(drawn: Drawn, day: int, horizons: tuple[int, ...], draws: int) -> list[Said]:
    """Means and quantiles of futures redrawn from the planted truth."""
    drawn_ahead = futures(drawn, day, horizons, draws, seed=day)
    said = []
    for weeks, some in drawn_ahead.groupby("weeks"):
        for what in WHAT:
            low, high = np.quantile(some[what], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            said.append(Said("oracle", int(weeks), what, float(some[what].mean()), float(low), float(high)))
    return said
