"""Cohorts held against each other at equal age, and what may be said of the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.analyses.cohorts.triangles import MINIMUM, with_shares
from crm_analytics.analyses.intervals import Z95, share_difference
from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.object_cards import ObjectCard

SUMS = ("customers", "active", "returned", "revenue_so_far", "squares_so_far")


@dataclass(frozen=True)
class Comparison(ObjectCard):
    """Newer cohorts against the earlier ones, age by age, whole periods only.

    Attributes
    ----------
    newer, earlier : labels of the cohorts on each side, oldest first
    by_age : one row per age that both sides have lived with 30 customers or more: age; customers, active,
        share, lower, upper, value_per_customer, value_lower, value_upper of the newer, and the same with
        `_earlier`; difference of the shares with difference_lower and _upper (Newcombe 1998, method 10);
        value_difference with its interval (normal, variances over customers)
    age : the age the verdict is given at: the oldest whole one that every newer cohort has lived
    """

    newer: tuple[str, ...]
    earlier: tuple[str, ...]
    by_age: pd.DataFrame
    age: int

    plot = Plots("crm_analytics.analyses.cohorts.pictures", "ages", "values")

    @property
    def at(self) -> pd.Series:
        """The row of the verdict."""
        return self.by_age[self.by_age["age"] == self.age].iloc[0]

    @property
    def retention_differs(self) -> bool:
        """Whether the interval of the difference of shares leaves out zero."""
        return bool(self.at["difference_lower"] > 0 or self.at["difference_upper"] < 0)

    @property
    def value_differs(self) -> bool:
        """Whether the interval of the difference of values leaves out zero."""
        return bool(self.at["value_difference_lower"] > 0 or self.at["value_difference_upper"] < 0)


def comparable(triangle: pd.DataFrame) -> pd.DataFrame:
    """The cells that may be compared: whole periods of whole cohorts that began in view."""
    return triangle[triangle["complete"] & ~triangle["left_truncated"] & ~triangle["partial"]]


def pooled(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of several cohorts added up by age, with shares and values; cohorts says how many.

    A cohort that has not lived an age is in neither the numerator nor the denominator of that age.
    """
    sums = cells.groupby("age").agg(cohorts=("cohort", "size"), **{s: (s, "sum") for s in SUMS})
    return with_shares(sums.reset_index()) if len(sums) else pd.DataFrame()


def compare(triangle: pd.DataFrame, newer: Sequence[str], earlier: Sequence[str]) -> Comparison | None:
    """Pool both sides and compare them at equal age; None where a side is too small or too young."""
    cells = comparable(triangle)
    mine, theirs = (cells[cells["cohort"].isin(list(side))] for side in (newer, earlier))
    if mine.empty or theirs.empty:
        return None
    age = int(mine.groupby("cohort")["age"].max().min())
    by_age = pooled(mine).merge(pooled(theirs), on="age", suffixes=("", "_earlier"))
    by_age = by_age[(by_age["customers"] >= MINIMUM) & (by_age["customers_earlier"] >= MINIMUM)]
    if age < 1 or age not in set(by_age["age"]):
        return None
    by_age = _with_differences(by_age.reset_index(drop=True))
    return Comparison(tuple(newer), tuple(earlier), by_age, age)


def _with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    frame["difference"] = frame["share"] - frame["share_earlier"]
    bounds = [
        share_difference(int(k1), int(n1), int(k2), int(n2))
        for k1, n1, k2, n2 in zip(
            frame["active"],
            frame["customers"],
            frame["active_earlier"],
            frame["customers_earlier"],
            strict=True,
        )
    ]
    frame["difference_lower"], frame["difference_upper"] = (np.array(s) for s in zip(*bounds, strict=True))
    frame["value_difference"] = frame["value_per_customer"] - frame["value_per_customer_earlier"]
    # Running values of a side that loses a cohort on the way would fall: no difference is said there.
    whole = (frame["cohorts"] == frame["cohorts"].max()) & (
        frame["cohorts_earlier"] == frame["cohorts_earlier"].max()
    )
    frame["value_difference"] = frame["value_difference"].where(whole)
    half = np.hypot(
        frame["value_upper"] - frame["value_per_customer"],
        frame["value_upper_earlier"] - frame["value_per_customer_earlier"],
    )
    frame["value_difference_lower"] = frame["value_difference"] - half
    frame["value_difference_upper"] = frame["value_difference"] + half
    return frame


def newest(triangle: pd.DataFrame) -> Comparison | None:
    """The newest cohort that has lived a whole period after its own, against all before it."""
    lived = _lived(triangle)
    return compare(triangle, lived[-1:], lived[:-1]) if len(lived) > 1 else None


def recent(triangle: pd.DataFrame, a_year: int) -> Comparison | None:
    """The cohorts of the last year against all before them; the newer half where there are not two years.

    A year against earlier years holds every season on both sides.
    """
    lived = _lived(triangle)
    size = a_year if len(lived) >= 2 * a_year else len(lived) // 2
    return compare(triangle, lived[-size:], lived[:-size]) if size else None


@dataclass(frozen=True)
class Fading(ObjectCard):
    """The same customers in the period after their first and at a later age.

    Attributes
    ----------
    age : the oldest that half of the customers with an age of 1 have lived
    customers : of the cohorts that have lived it; the denominator of both shares
    first, then : share active at age 1 and at `age`
    lower, upper : 95 % interval of ``then - first``; taken as independent, which is cautious
    """

    age: int
    customers: int
    first: float
    then: float
    lower: float
    upper: float


def fading(triangle: pd.DataFrame) -> Fading | None:
    """Whether retention falls with age, on one set of cohorts; None without an age above 1."""
    cells = comparable(triangle)
    cells = cells[cells["age"] >= 1]
    sizes = cells.groupby("age")["customers"].sum()
    old = sizes[(sizes >= 0.5 * sizes.max()) & (sizes >= MINIMUM)]
    if old.empty or old.index[-1] < 2:
        return None
    age = int(old.index[-1])
    same = cells[cells["cohort"].isin(cells.loc[cells["age"] == age, "cohort"])]
    active = same.groupby("age")["active"].sum()
    n, k1, k2 = int(old.iloc[-1]), int(active[1]), int(active[age])
    return Fading(age, n, k1 / n, k2 / n, *share_difference(k2, n, k1, n))


def _lived(triangle: pd.DataFrame) -> list[str]:
    cells = comparable(triangle)
    sizes = cells[cells["age"] >= 1].groupby("cohort")["customers"].first()
    big = sizes[sizes >= MINIMUM].index
    return [str(c) for c in sorted(big)]


def share_of_ratio(part_squares: float, rest_squares: float, share: float, total: float) -> float:
    """Half the 95 % interval of a share of revenue over customers (Cochran 1977, ch. 6: a ratio's).

    Each customer belongs wholly to the part or to the rest; `*_squares` are sums of squared revenue.
    """
    residual = (1 - share) ** 2 * part_squares + share**2 * rest_squares
    return Z95 * math.sqrt(max(0.0, residual)) / abs(total) if total else math.nan
