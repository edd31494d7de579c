"""Splits in time: features up to a day, labels after it, the newest last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

HISTORY = 1  # windows of history before the first day that a model learns from


@dataclass(frozen=True)
class Window(ObjectCard):
    """Features up to the end of `day`, labels in (day, until]."""

    day: date
    until: date

    @property
    def days(self) -> int:
        """Length of the labels' part."""
        return (self.until - self.day).days


def windows(base: CustomerBase, window: int, count: int = 3, gap: int = 0) -> list[Window]:
    """The last `count` windows that end with the data, labels not overlapping, oldest first.

    Never random: a model that has seen June may not be tested on May.

    Parameters
    ----------
    base : how far the data reach
    window : days of a label
    count : windows wanted; fewer are given where the history is short, at least one
    gap : days left out between one window's end and the next one's day

    Raises
    ------
    ParameterError : a length or count that is none
    NotEnoughData : the window is longer than the history: not even one day has as many days before it

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a"], "unit_spend": [1, 1],
    ...     "transaction_date": ["2026-01-01", "2026-12-31"]}), today="2027-01-01")
    >>> [(str(w.day), str(w.until)) for w in windows(base, 90)]
    [('2026-04-05', '2026-07-04'), ('2026-07-04', '2026-10-02'), ('2026-10-02', '2026-12-31')]
    """
    if window < 1 or count < 1 or gap < 0:
        raise ParameterError("window and count are 1 or more, gap is 0 or more")
    found = []
    for k in range(count):
        until = base.day - timedelta(days=k * (window + gap))
        day = until - timedelta(days=window)
        if (day - base.first_day).days >= HISTORY * window - 1:
            found.append(Window(day, until))
    if not found:
        history = (base.day - base.first_day).days + 1
        raise NotEnoughData(
            f"A churn window of {window} days (it must fit twice: once to look at, once to see who left)",
            history,
            (HISTORY + 1) * window,
            "days of history",
        )
    return found[::-1]
