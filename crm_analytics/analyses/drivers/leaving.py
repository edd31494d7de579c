"""Whose customers leave faster or slower than all others: by account manager, channel, region, first product.

Customers of equal pace (purchases in their first `PACE` days) are compared from that day on, so that who buys
seldom is not taken for who leaves. Each customer counts once.

Sources: R. Peto & J. Peto (1972), *JRSS A* 135, 185-207: the log-rank test, stratified, and the ratio of
observed to expected; O. Miettinen (1976), *Am. J. Epidemiology* 103, 226-235: its limits from the test;
S. Holm (1979) for the many groups.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.churn.survival.survival import spans
from crm_analytics.analyses.drivers.attributes import ATTRIBUTES, LEVEL, groups_of
from crm_analytics.analyses.intervals import holm

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

PACE = 90  # days after the first purchase in which purchases are counted
MOST = 6  # purchases in them from which on the pace is one stratum
EVENTS = 10  # customers who left, in the group and among the others, below which nothing is compared
TINY = 0.05  # of the test's statistic, below which it gives no limits
COLUMNS = [
    "attribute", "group", "customers", "left", "expected", "ratio", "lower", "upper", "p_adjusted", "clear",
]  # fmt: skip


def leaving_by_attribute(
    base: CustomerBase, window: int, attributes: tuple[str, ...] = ATTRIBUTES
) -> pd.DataFrame:
    """Groups whose customers leave at another rate than all others of equal pace.

    Parameters
    ----------
    window : days without a purchase, up to the day, after which a customer is gone; see `survival.leaving`
    attributes : columns of the customers table, as far as it has them; the category and the channel of the
        first purchase are looked at, too

    Returns
    -------
    attribute, group, customers (followed), left, expected (had they left as all do), ratio (of the rates of
    leaving), lower, upper (95 % for all rows together), p_adjusted (Holm), clear; clear ones first, then the
    largest difference. Groups with fewer than `EVENTS` expected to leave are left out.
    """
    followed = _followed(base, window)
    rows = [row for name, table in groups_of(base, attributes).items()
            for row in _compared(base, followed, table, name)]  # fmt: skip
    table = pd.DataFrame(rows, columns=[*COLUMNS[:6], "error", "p"])
    table["p_adjusted"] = holm(table["p"])
    table["clear"] = table["p_adjusted"] < LEVEL
    z = float(stats.norm.ppf(1 - LEVEL / 2 / max(1, len(table))))
    table["lower"], table["upper"] = (table["ratio"] * np.exp(s * z * table["error"]) for s in (-1, 1))
    size = -np.log(table["ratio"]).abs()
    order = table.assign(doubt=~table["clear"], size=size)
    return order.sort_values(["doubt", "size", "attribute", "group"])[COLUMNS].reset_index(drop=True)


def _followed(base: CustomerBase, window: int) -> ir.Table:
    """Customers followed beyond their first `PACE` days: customer_id, pace, duration, gone."""
    one = spans(base, window)
    days = base.exact_occasions.inner_join(one.select("customer_id", "first_day"), "customer_id")
    early = days.filter(days.day.delta(days.first_day, unit="day") <= PACE)
    early = early.group_by("customer_id").aggregate(early=early.count().cast("int64"))
    pace = ibis.least(early.early, ibis.literal(MOST, "int64"))
    joined = one.inner_join(early.select("customer_id", pace=pace), "customer_id")
    return base.materialise(
        joined.filter(joined.duration > PACE).select("customer_id", "pace", "duration", "gone")
    )


def _compared(
    base: CustomerBase, followed: ir.Table, table: ir.Table, attribute: str
) -> list[tuple[object, ...]]:
    rows = followed.inner_join(table, "customer_id")
    keys = ["pace", "duration", "group"]
    counted = rows.group_by(keys).aggregate(n=rows.count(), left=rows.gone.sum().cast("int64"))
    cells = base.collect(counted.order_by(keys))
    if cells.empty:
        return []
    groups = sorted(cells["group"].unique())
    n, left = (
        cells.pivot_table(index=["pace", "duration"], columns="group", values=name, fill_value=0)[groups]
        for name in ("n", "left")
    )
    risk = n[::-1].groupby(level="pace").cumsum()[::-1]  # still followed just before that day
    all_risk, all_left = risk.sum(axis=1), left.sum(axis=1)
    made: list[tuple[object, ...]] = []
    for group in groups:
        share = risk[group] / all_risk
        expected = float((all_left * share).sum())
        ties = ((all_risk - all_left) / (all_risk - 1).where(all_risk > 1)).fillna(0.0)
        variance = float((all_left * share * (1 - share) * ties).sum())
        gone = int(left[group].sum())
        if min(expected, float(all_left.sum()) - expected) < EVENTS or variance <= 0:
            continue
        others, beyond = float(all_left.sum()) - gone, gone - expected
        z = math.copysign(max(abs(beyond) - 0.5, 0.0), beyond) / math.sqrt(variance)  # for continuity
        if not gone or not others:
            continue
        rest = others + gone - expected
        effect = math.log(gone / expected) - math.log(others / rest)
        error = effect / z if abs(z) > TINY else math.sqrt(1 / expected + 1 / rest)
        p = math.erfc(abs(z) / math.sqrt(2))
        made.append((attribute, group, int(n[group].sum()), gone, expected, math.exp(effect), error, p))
    return made
