"""Whether buying changed at a date: a price rise, a relaunch, a new shop.

Customers buy less as they age, and every shop has a season. So customers won in the half year before are
followed over the same weeks before and after the date as customers of the same age were a year earlier; what
season and age do is in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
from scipy import stats

from crm_analytics.analyses.campaigns.measurement.treatment_effects import product
from crm_analytics.analyses.drivers.attributes import log_ratio
from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.errors import DataError, check_name
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

WON = 182  # days in which the customers followed were won
YEAR = 364  # days, whole weeks
MEASURES = ("orders", "spend")
MIDDLE = 0.6744897501960817  # distance from 0 that half of the draws of a standard normal lie within
FEWEST = 5  # dates from which the middle one of their distances says anything


@dataclass(frozen=True)
class ChangeAt:
    """Orders, or spend, of a customer after a date over those before, against the same a year earlier.

    Attributes
    ----------
    day : the date; the day itself counts as before
    measure : "orders" or "spend"
    ratio, lower, upper : of the measure after over before, over the same ratio a year earlier; 95 %,
        corrected for `looks`
    customers, customers_then : followed now, and a year earlier
    evidence : what may be said
    """

    day: date
    measure: str
    ratio: float
    lower: float
    upper: float
    customers: int
    customers_then: int
    evidence: Evidence


def change_at(
    base: CustomerBase, day: date, *, measure: str = "orders", weeks: int = 8, looks: int = 1
) -> ChangeAt:
    """Whether the rate of orders, or what is spent, changed at a date, beyond season and age.

    Parameters
    ----------
    measure : "orders" or "spend"
    weeks : before and after the date
    looks : dates and measures that are looked at, this one included (Bonferroni)

    Raises
    ------
    DataError : the data do not hold the weeks after the date, or those a year earlier with the half year in
        which the customers were won.
    """
    check_name("unknown measure", measure, MEASURES)
    if not _held(base, day, weeks):
        span = timedelta(days=7 * weeks)
        least = day - timedelta(days=YEAR + WON) - span
        raise DataError(
            f"a change at {day} needs data from {least} to {day + span}; these run from {base.first_day} to "
            f"{base.day}"
        )
    return _told(day, measure, _gaps(base, day, weeks)[measure], looks)


def changes(base: CustomerBase, days: Sequence[date] = (), *, weeks: int = 8) -> list[ChangeAt]:
    """Each of some days, or every fourth week of the last year, in orders and in spend; the clearest first.

    Intervals hold for all days and measures together. Days differ by more than the chance of customers: a
    holiday moves, a mailing went out earlier. How much more, the fourth weeks tell themselves: intervals are
    as much wider as the middle one of their distances from no change is larger than chance makes it. A
    change at one date moves few of them.

    Parameters
    ----------
    days : with a known event, such as a price rise; default the search
    weeks : before and after each date

    Raises
    ------
    DataError : the data hold none of the dates with what goes before; see `change_at`.
    """
    every = [base.day - timedelta(days=28 * k) for k in range(1, 14)]
    grid = {day: _gaps(base, day, weeks) for day in every if _held(base, day, weeks)}
    asked = {day: grid.get(day) or _gaps(base, day, weeks) for day in days if _held(base, day, weeks)}
    asked = asked if days else grid
    if not asked:
        return [change_at(base, day, weeks=weeks) for day in (days or every)[:1]]  # says what is missing
    found = []
    for measure in MEASURES:
        far = [abs(gaps[measure][0] / gaps[measure][1]) for gaps in grid.values() if gaps[measure][1] > 0]
        wide = max(1.0, float(np.median(far)) / MIDDLE) if len(far) >= FEWEST else 1.0
        looks = len(MEASURES) * len(asked)
        found += [_told(day, measure, gaps[measure], looks, wide) for day, gaps in asked.items()]
    return sorted(found, key=lambda one: (one.evidence is not Evidence.SHOWN, -_distance(one), one.day))


_Gap = tuple[float, float, int, int]


def _told(day: date, measure: str, gap: _Gap, looks: int, wide: float = 1.0) -> ChangeAt:
    value, error, n, n_then = gap
    half = float(stats.norm.ppf(1 - 0.025 / looks)) * wide * error
    ratio, lower, upper = (math.exp(value + s * half) for s in (0, -1, 1))
    found = grade(value, value - half, value + half, min(n, n_then))
    return ChangeAt(day, measure, ratio, lower, upper, n, n_then, found)


def _distance(one: ChangeAt) -> float:
    """From no change, in half widths of the interval; 0 where it cannot be told."""
    half = math.log(one.upper / one.ratio) if one.ratio > 0 and math.isfinite(one.upper) else math.nan
    return abs(math.log(one.ratio)) / half if half > 0 else 0.0


def _held(base: CustomerBase, day: date, weeks: int) -> bool:
    span = timedelta(days=7 * weeks)
    return day + span <= base.day and day - timedelta(days=YEAR + WON) - span >= base.first_day


def _gaps(base: CustomerBase, day: date, weeks: int) -> dict[str, _Gap]:
    """By measure the log of the ratio of ratios, its error, and how many are followed, now and then."""
    now, then = (_panel(base, day - timedelta(days=back), timedelta(days=7 * weeks)) for back in (0, YEAR))
    return {
        name: (one[0] - then[name][0], math.hypot(one[1], then[name][1]), one[2], then[name][2])
        for name, one in now.items()
    }


def _panel(base: CustomerBase, day: date, span: timedelta) -> dict[str, tuple[float, float, int]]:
    """Log of a measure after over before of those won in the half year before, its error, and how many."""
    days, start = base.exact_occasions, day - span
    firsts = days.group_by("customer_id").aggregate(first_day=days.day.min())
    won = firsts.filter(
        firsts.first_day > ibis.literal(start - timedelta(days=WON)), firsts.first_day <= ibis.literal(start)
    )
    mine = days.semi_join(won, "customer_id")
    after = (mine.day > ibis.literal(day)) & (mine.day <= ibis.literal(day + span))
    before = (mine.day > ibis.literal(start)) & (mine.day <= ibis.literal(day))
    each = mine.group_by("customer_id").aggregate(
        orders_a=after.sum().cast("int64"), orders_b=before.sum().cast("int64"),
        spend_a=mine.spend.sum(where=after).fill_null(0).cast(MONEY),
        spend_b=mine.spend.sum(where=before).fill_null(0).cast(MONEY),
    )  # fmt: skip
    sums: dict[str, ir.Value] = {"n": each.count()}
    for m in MEASURES:
        a, b = each[f"{m}_a"], each[f"{m}_b"]
        sums |= {f"{m}_a": a.sum(), f"{m}_b": b.sum(), f"{m}_ab": product(a, b).sum()}
        sums |= {f"{m}_aa": product(a, a).sum(), f"{m}_bb": product(b, b).sum()}
    row = base.collect(each.aggregate(**sums)).astype("float64").fillna(0.0).iloc[0]
    found = {m: log_ratio(row, m) for m in MEASURES}
    return {m: (math.nan, math.nan, 0) if one is None else (*one, int(row["n"])) for m, one in found.items()}
