"""When tickets come: arrivals by weekday and hour, for whoever plans how many people are at the desk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.exact_moments import exact_mean
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.service.tickets import Tickets

WEEKS, LEAST = 26, 8
FROM_TICKETS = 100
LEVEL = 0.05
MIDNIGHT = 0.9  # share of tickets at hour 0 beyond which the hour is a stand-in


@dataclass(frozen=True, eq=False)
class Arrivals(ObjectCard):
    """Arrivals by weekday and hour.

    Attributes
    ----------
    table : weekday (1: Monday), hour, tickets, mean (an hour), lower, upper (95 % of the mean), busy (what
        nine hours in ten of that kind do not exceed), minutes (of work that `busy` is; NaN where minutes per
        ticket are not known)
    weeks : behind it
    handle_minutes : mean of a ticket; None where it is not known
    scatter : variance of an hour's count from week to week, over its mean; 1 is chance alone
    """

    table: pd.DataFrame
    weeks: int
    handle_minutes: float | None
    scatter: float

    @property
    def is_uneven(self) -> bool:
        """Whether the busiest hour is busier than the average one beyond chance, of all 168 hours."""
        from scipy.stats import poisson

        average = self.table["tickets"].mean() / self.scatter
        most = self.table["tickets"].max() / self.scatter
        return bool(len(self.table) * poisson.sf(most - 1, average) < LEVEL)

    @property
    def peak(self) -> pd.Series:
        """The hour in which most come."""
        return self.table.nlargest(1, "mean").iloc[0]


def arrivals(given: Tickets, weeks: int = WEEKS) -> Arrivals:
    """Arrivals of the last whole weeks, on the shop's clock.

    The mean of an hour of the week is over the weeks, and its interval is that of counts that scatter more
    than by chance (a quasi-Poisson of all hours): one factor for all of them, because a single hour has too
    few weeks to tell its own.

    Raises
    ------
    NotEnoughData : fewer than 8 weeks or 100 tickets, or the source tells days and no hours.
    """
    day = given.base.day
    first = given.each.day.min().to_pyarrow().as_py()
    whole = min(weeks, (day - first).days // 7 if first is not None else 0)
    if whole < LEAST:
        raise NotEnoughData("arrivals by hour", max(whole, 0), LEAST, "weeks of tickets")
    each = given.each.filter(given.each.day > ibis.literal(day - timedelta(days=7 * whole)))
    cells = each.group_by(
        weekday=each.day.day_of_week.index().cast("int64") + 1, hour=each.hour, day=each.day
    ).aggregate(n=each.count())
    counted = cells.group_by("weekday", "hour").aggregate(
        tickets=cells.n.sum(), squares=(cells.n * cells.n).sum()
    )
    frame = given.base.collect(counted)
    total = int(frame["tickets"].sum())
    if total < FROM_TICKETS:
        raise NotEnoughData("arrivals by hour", total, FROM_TICKETS, "tickets")
    if frame.loc[frame["hour"] == 0, "tickets"].sum() > MIDNIGHT * total:
        raise NotEnoughData("arrivals by hour", 0, FROM_TICKETS, "tickets with an hour")
    every = pd.MultiIndex.from_product([range(1, 8), range(24)], names=["weekday", "hour"])
    frame = frame.set_index(["weekday", "hour"]).reindex(every, fill_value=0).reset_index()
    mean = frame["tickets"] / whole
    scatter = _dispersion(frame, mean, whole)
    half = _t(scatter, whole) * np.sqrt(scatter * np.maximum(mean, 1 / whole) / whole)
    handle = exact_mean(given.each.handle_minutes).to_pyarrow().as_py()
    frame = frame.assign(
        mean=mean, lower=(mean - half).clip(lower=0.0), upper=mean + half,
        busy=[_busy(m, scatter) for m in mean],
    )  # fmt: skip
    frame["minutes"] = frame["busy"] * (math.nan if handle is None else float(handle))
    return Arrivals(frame.drop(columns="squares"), whole, None if handle is None else float(handle), scatter)


def _dispersion(frame: pd.DataFrame, mean: pd.Series, weeks: int) -> float:
    """Variance over mean of an hour's counts from week to week, over all hours; at least 1."""
    squares = frame["squares"] - weeks * mean**2
    some = mean > 0
    freedom = int(some.sum()) * (weeks - 1)
    return max(float((squares[some] / mean[some]).sum()) / freedom, 1.0) if freedom else 1.0


def _t(scatter: float, weeks: int) -> float:
    from scipy.stats import norm, t

    return float(t.ppf(0.975, weeks - 1)) if scatter > 1.5 else float(norm.ppf(0.975))


def _busy(mean: float, scatter: float) -> int:
    """The 90 % quantile of a count with this mean and variance (negative binomial, or Poisson)."""
    from scipy.stats import nbinom, poisson

    if mean <= 0:
        return 0
    if scatter <= 1 + 1e-9:
        return int(poisson.ppf(0.9, mean))
    return int(nbinom.ppf(0.9, mean / (scatter - 1), 1 / scatter))
