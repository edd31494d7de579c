"""Whether sales follow the days of the month, as they do where wages are paid on one day.

The effect is known from household spending (Stephens 2003, "3rd of tha Month", American Economic Review 93,
406-422). Which day wages are paid on is not in the data: every sixth of the month is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import benjamini_hochberg
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

MONTHS = 12  # whole months
PARTS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 25), (26, 31))
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class PayDays(ObjectCard):
    """Sixths of the month.

    Attributes
    ----------
    parts : first, last (day of the month), sold, index (a day of it over a mean day of the month, weekdays
        held equal), lower, upper (95 %, months taken as the draw), p_adjusted (Benjamini & Hochberg), clear
    months : whole months they rest on
    """

    parts: pd.DataFrame
    months: int

    @property
    def best(self) -> pd.Series | None:
        """The clear part with the highest index above 1; None without one."""
        found = self.parts[self.parts["clear"] & (self.parts["index"] > 1)]
        return None if found.empty else found.nlargest(1, "index").iloc[0]


def pay_days(daily: pd.Series) -> PayDays:
    """Measure each sixth of the month.

    Each month counts alike, so that a strong December does not decide; holidays are part of the days they
    fall on, and 26 to 31 holds Christmas once a year.

    Parameters
    ----------
    daily : values of 0 or more on a daily DatetimeIndex without gaps, e.g. of `daily.daily`

    Raises
    ------
    NotEnoughData : fewer than `MONTHS` whole months with sales.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2025-12-31")
    >>> found = pay_days(pd.Series(np.where(days.day <= 5, 20.0, 10.0), days))
    >>> found.months, int(found.best["first"]), int(found.best["last"]), round(float(found.best["index"]), 1)
    (24, 1, 5, 1.7)
    """
    days = pd.DatetimeIndex(daily.index)
    frame = pd.DataFrame({"month": days.to_period("M"), "day": days.day, "sold": daily.to_numpy(float)})
    weekday = daily.groupby(days.day_of_week).mean()
    usual = weekday / weekday.mean() if weekday.mean() > 0 else weekday + 1
    frame["due"] = usual.reindex(days.day_of_week).to_numpy()
    size = frame.groupby("month")["sold"].agg(["size", "sum"])
    whole = size.index[
        (size["size"].to_numpy() == pd.PeriodIndex(size.index).days_in_month) & (size["sum"] > 0).to_numpy()
    ]
    if len(whole) < MONTHS:
        raise NotEnoughData("the days of the month", len(whole), MONTHS, "whole months")
    frame = frame[frame["month"].isin(whole)]
    frame["part"] = np.searchsorted([last for _, last in PARTS], frame["day"])
    sums = frame.groupby(["month", "part"])[["sold", "due"]].sum().unstack("part")
    sold, due = sums["sold"].to_numpy(float), sums["due"].to_numpy(float)
    # of each month: what a day of the part sold, over what a day of the month did
    ratio = (sold / np.maximum(due, 1e-12)) / (sold.sum(axis=1) / due.sum(axis=1))[:, None]
    mean, months = ratio.mean(axis=0), len(whole)
    error = ratio.std(axis=0, ddof=1) / np.sqrt(months)
    half = float(stats.t.ppf(1 - LEVEL / 2, months - 1)) * error
    gap = np.abs(mean - 1)
    p = np.where(gap < 1e-9, 1.0, 2 * stats.t.sf(gap / np.maximum(error, 1e-12), months - 1))
    adjusted = benjamini_hochberg(p)
    table = pd.DataFrame(
        {
            "first": [first for first, _ in PARTS],
            "last": [last for _, last in PARTS],
            "sold": sold.sum(axis=0),
            "index": mean,
            "lower": np.maximum(mean - half, 0.0),
            "upper": mean + half,
            "p_adjusted": adjusted,
            "clear": adjusted < LEVEL,
        }
    )
    return PayDays(table, months)
