"""How fast a new customer earns back what was spent to win customers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import NotEnoughData, ParameterError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MONTHS, MONTH = 12, 365.25 / 12  # days
FROM_CUSTOMERS = 30  # followed for a year; below, the mean says nothing


@dataclass(frozen=True, eq=False)
class Payback:
    """What new customers bring, month by month.

    Attributes
    ----------
    curve : month (1 to 12), margin (mean of a customer up to its end), lower, upper (95 %)
    customers : whose first year is whole and ended in the last year
    cost : of a new customer, money
    months : until the mean margin reaches the cost; None where it does not within a year
    """

    curve: pd.DataFrame
    customers: int
    cost: float
    months: int | None


def payback(base: CustomerBase, cost: float, margin: float) -> Payback:
    """Margin of a new customer over the first year against what winning one cost.

    Customers count whose first purchase lies one to two years before the base's day, so that each was
    followed for a year. Margin is the spend of a customer, net of returns, times the share of margin.

    Parameters
    ----------
    cost : money, above 0
    margin : share of revenue, above 0 to 1

    Raises
    ------
    NotEnoughData : fewer than 30 customers were followed for a year.
    ParameterError : a cost or a margin that is none.
    """
    if not cost > 0 or not 0 < margin <= 1:
        raise ParameterError("payback needs a cost above 0 and a margin above 0 and up to 1")
    spans, year = base.customer_days, round(MONTHS * MONTH)
    bought = spans.filter(spans.is_occasion)
    first = bought.group_by("customer_id").aggregate(first=bought.day.min())
    late, early = (base.day - timedelta(days=k * year) for k in (1, 2))
    first = first.filter(first.first > ibis.literal(early), first.first <= ibis.literal(late))
    placed = spans.inner_join(first, "customer_id")
    age = placed.day.epoch_days() - placed.first.epoch_days()
    ends = range(1, MONTHS + 1)
    sums = {
        f"m{k}": placed.spend.sum(where=(age >= 0) & (age < k * MONTH)).fill_null(0).cast("float64")
        for k in ends
    }
    each = placed.group_by("customer_id").aggregate(**sums)
    wanted = {"n": each.count()}
    for k in ends:
        wanted |= {f"mean{k}": each[f"m{k}"].mean(), f"sd{k}": each[f"m{k}"].std()}
    row = base.collect(each.aggregate(**wanted)).iloc[0]
    n = int(row["n"])
    if n < FROM_CUSTOMERS:
        raise NotEnoughData("payback", n, FROM_CUSTOMERS, "customers followed for a year")
    mean = pd.Series([float(row[f"mean{k}"]) for k in ends]) * margin
    half = pd.Series([float(row[f"sd{k}"]) for k in ends]) * margin * Z95 / math.sqrt(n)
    curve = pd.DataFrame({"month": list(ends), "margin": mean, "lower": mean - half, "upper": mean + half})
    reached = curve.loc[curve["margin"] >= cost, "month"]
    return Payback(curve, n, float(cost), int(reached.iloc[0]) if len(reached) else None)
