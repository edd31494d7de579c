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
from scipy import stats

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

WON = 182  # days in which the customers followed were won
YEAR = 364  # days, whole weeks


@dataclass(frozen=True)
class ChangeAt:
    """Orders of a customer after a date over those before, against the same a year earlier.

    Attributes
    ----------
    day : the date; the day itself counts as before
    ratio, lower, upper : orders after over before, over the same ratio a year earlier; 95 %, corrected for
        `looks` dates
    customers, customers_then : followed now, and a year earlier
    evidence : what may be said
    """

    day: date
    ratio: float
    lower: float
    upper: float
    customers: int
    customers_then: int
    evidence: Evidence


def change_at(base: CustomerBase, day: date, *, weeks: int = 8, looks: int = 1) -> ChangeAt:
    """Whether the rate of orders changed at a date, beyond season and age.

    Parameters
    ----------
    weeks : before and after the date
    looks : dates that are looked at, this one included (Bonferroni)

    Raises
    ------
    DataError : the data do not hold the weeks after the date, or those a year earlier with the half year in
        which the customers were won.
    """
    span = timedelta(days=7 * weeks)
    least = day - timedelta(days=YEAR + WON) - span
    if day + span > base.day or least < base.first_day:
        raise DataError(
            f"a change at {day} needs data from {least} to {day + span}; these run from {base.first_day} to "
            f"{base.day}"
        )
    now, then = (_panel(base, day - timedelta(days=back), span) for back in (0, YEAR))
    gap = now[0] - then[0]
    error = math.hypot(now[1], then[1])
    z = float(stats.norm.ppf(1 - 0.025 / looks))
    ratio, lower, upper = (math.exp(gap + s * z * error) for s in (0, -1, 1))
    found = grade(gap, gap - z * error, gap + z * error, min(now[2], then[2]))
    return ChangeAt(day, ratio, lower, upper, now[2], then[2], found)


def _panel(base: CustomerBase, day: date, span: timedelta) -> tuple[float, float, int]:
    """Log of orders after over before of those won in the half year before, its error, and how many."""
    days, start = base.exact_occasions, day - span
    firsts = days.group_by("customer_id").aggregate(first_day=days.day.min())
    won = firsts.filter(
        firsts.first_day > ibis.literal(start - timedelta(days=WON)), firsts.first_day <= ibis.literal(start)
    )
    mine = days.semi_join(won, "customer_id")
    after = (mine.day > ibis.literal(day)) & (mine.day <= ibis.literal(day + span))
    before = (mine.day > ibis.literal(start)) & (mine.day <= ibis.literal(day))
    each = mine.group_by("customer_id").aggregate(a=after.sum().cast("int64"), b=before.sum().cast("int64"))
    row = base.collect(
        each.aggregate(
            n=each.count(), a=each.a.sum(), b=each.b.sum(), aa=(each.a * each.a).sum(),
            bb=(each.b * each.b).sum(), ab=(each.a * each.b).sum(),
        )
    ).fillna(0).iloc[0]  # fmt: skip
    a, b = float(row["a"]), float(row["b"])
    if min(a, b) < 1:
        return math.nan, math.nan, 0
    spread = row["aa"] / a**2 + row["bb"] / b**2 - 2 * row["ab"] / (a * b)
    return math.log(a / b), math.sqrt(max(0.0, float(spread))), int(row["n"])
