"""On which weekday, and at which hour, orders come: against a mean day, and a mean hour of opening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.calendar.daily import hourly
from crm_analytics.analyses.overview import WEEKDAYS
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

WEEKS = 8  # whole weeks, below which a weekday was seen too seldom
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class WeekPattern(ObjectCard):
    """Weekdays, and weekdays by hour.

    Attributes
    ----------
    weekdays : weekday (Monday first), orders, index (mean 1 over the seven), lower, upper (95 %, weeks taken
        as the draw)
    hours : weekday, hour, orders, index (mean 1 over the hours in which anything is ever sold), lower, upper;
        empty where the data tell no hours
    weeks : whole weeks, Monday to Sunday, they rest on
    """

    weekdays: pd.DataFrame
    hours: pd.DataFrame
    weeks: int

    plot = Plots("crm_analytics.analyses.calendar.pictures", "weekdays")

    @property
    def strongest(self) -> pd.Series | None:
        """The day with most orders; None where chance could make one of seven equal days that strong."""
        best = self.weekdays.nlargest(1, "index").iloc[0]
        level = 1 - (1 - LEVEL) / len(self.weekdays)  # whichever day is largest would be told of (Bonferroni)
        wide = stats.t.ppf(0.5 + level / 2, self.weeks - 1) / stats.t.ppf(0.5 + LEVEL / 2, self.weeks - 1)
        return best if best["index"] - 1 > wide * (best["index"] - best["lower"]) else None


def week_pattern(base: CustomerBase) -> WeekPattern:
    """Count orders by weekday and hour over the whole weeks of the base.

    Raises
    ------
    NotEnoughData : fewer than `WEEKS` whole weeks, or nothing was sold in them.
    """
    table = hourly(base)
    table["day"] = pd.to_datetime(table["day"])
    first = pd.Timestamp(base.first_day)
    first += pd.Timedelta(days=-first.weekday() % 7)
    last = pd.Timestamp(base.day)
    last -= pd.Timedelta(days=(last.weekday() + 1) % 7)
    table = table[(table["day"] >= first) & (table["day"] <= last)]
    weeks = ((last - first).days + 1) // 7
    if weeks < WEEKS or table.empty:
        raise NotEnoughData("the pattern of a week", max(weeks, 0), WEEKS, "whole weeks")
    table = table.assign(
        week=(table["day"] - first).dt.days // 7, place=table["day"].dt.day_of_week, orders=table["orders"]
    )
    days = table.pivot_table(index="week", columns="place", values="orders", aggfunc="sum")
    by_day = days.reindex(index=range(weeks), columns=range(7)).fillna(0.0).to_numpy()
    weekdays = pd.DataFrame({"weekday": WEEKDAYS, **_indices(by_day)})
    return WeekPattern(weekdays, _hours(table, weeks), weeks)


def _hours(table: pd.DataFrame, weeks: int) -> pd.DataFrame:
    hours = np.sort(table["hour"].unique())
    empty = pd.DataFrame(columns=["weekday", "hour", "orders", "index", "lower", "upper"])
    if len(hours) < 2:  # every row at midnight: a date, and no time
        return empty
    cell = table["place"] * len(hours) + np.searchsorted(hours, table["hour"])
    counted = table.assign(cell=cell).pivot_table(
        index="week", columns="cell", values="orders", aggfunc="sum"
    )
    cells = counted.reindex(index=range(weeks), columns=range(7 * len(hours))).fillna(0.0).to_numpy()
    names = {"weekday": np.repeat(WEEKDAYS, len(hours)), "hour": np.tile(hours, 7)}
    return pd.DataFrame({**names, **_indices(cells)})


def _indices(cells: np.ndarray) -> dict[str, np.ndarray]:
    """Each column's share of its row, times the number of columns; rows (weeks) are the draw.

    A ratio estimator's variance (Cochran 1977, *Sampling Techniques*, ch. 6).
    """
    weeks, width = cells.shape
    rows = cells.sum(axis=1)
    total, whole = cells.sum(axis=0), max(float(rows.sum()), 1e-300)
    share = total / whole
    rest = cells - share[None, :] * rows[:, None]
    error = np.sqrt((rest**2).sum(axis=0) * weeks / (weeks - 1)) / whole
    half = float(stats.t.ppf(0.5 + LEVEL / 2, weeks - 1)) * error
    return {
        "orders": total,
        "index": share * width,
        "lower": np.maximum(share - half, 0.0) * width,
        "upper": (share + half) * width,
    }
