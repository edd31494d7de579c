"""What everything is drawn in: the calendar, the campaigns, and a block of customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan


def only(where: np.ndarray, values: np.ndarray | list[str]) -> np.ndarray:
    """Values where the mask holds, nothing elsewhere."""
    return np.where(where, np.asarray(values, object), np.array(None, object))


@dataclass(frozen=True)
class Calendar:
    """The days of the company: `weight` is how much a segment buys on a day against its mean."""

    first: pd.Timestamp
    days: int
    weight: np.ndarray  # segments x days
    is_sale: np.ndarray  # days on which anybody may use a coupon

    @classmethod
    def of(cls, years: int) -> Calendar:
        """So many years up to the last day of the plan."""
        last = pd.Timestamp(plan.LAST_DAY)
        first = last - pd.DateOffset(years=years) + pd.Timedelta(days=1)
        each = pd.date_range(first, last, freq="D")
        season = np.array(plan.SEASON)[each.month - 1]
        weekend = np.asarray(each.day_of_week >= 5)
        rows = []
        for s in plan.SEGMENTS:
            usual = (5 + 2 * s.weekend) / 7
            rows.append((1 + s.season * (season - 1)) * np.where(weekend, s.weekend, 1.0) / usual)
        sale = np.isin(each.month, plan.SALE_MONTHS) & (each.day <= plan.SALE_DAYS)
        return cls(first, len(each), np.array(rows), np.asarray(sale))

    def day(self, at: np.ndarray) -> np.ndarray:
        """The day a time falls on."""
        return np.clip(at.astype(np.int64), 0, self.days - 1)

    def stamp(self, at: np.ndarray) -> pd.DatetimeIndex:
        """Times in days as timestamps, to the second."""
        seconds = np.floor(at * 86_400).astype("int64")
        return self.first + pd.to_timedelta(seconds, unit="s")


@dataclass(frozen=True)
class Campaigns:
    """When each campaign starts (days), and which of them carry a coupon."""

    starts: np.ndarray
    has_coupon: np.ndarray

    @classmethod
    def of(cls, calendar: Calendar) -> Campaigns:
        """One every so many days; every second one has an offer."""
        starts = np.arange(60, calendar.days - plan.CAMPAIGN_WINDOW, plan.CAMPAIGN_EVERY)
        return cls(starts.astype(float), np.arange(len(starts)) % 2 == 0)

    @property
    def ids(self) -> np.ndarray:
        """Their keys."""
        return np.array([f"C{number + 1:03d}" for number in range(len(self.starts))], object)

    @property
    def coupons(self) -> np.ndarray:
        """The code each campaign carries, or None."""
        codes = [f"SAVE10-{i}" if c else None for i, c in zip(self.ids, self.has_coupon, strict=True)]
        return np.array(codes, object)


@dataclass(frozen=True)
class Block:
    """So many customers drawn at a time, by a chance of their own.

    Attributes
    ----------
    number : from 1
    first : number of its first customer
    """

    number: int
    first: int
    chance: np.random.Generator
    calendar: Calendar
    campaigns: Campaigns
    products: pd.DataFrame
