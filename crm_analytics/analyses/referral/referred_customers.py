"""Referred customers against others who began at the same time: what they buy in their first months.

Matched exactly on the month of the first purchase and the kind of customer, and looked at for equally long.
Nobody was referred by lot, so a difference may lie in who gets referred; it is no effect of the referral.
Published: referred customers of a bank were at least 16 % more valuable (P. Schmitt, B. Skiera & C. Van den
Bulte 2011, *Journal of Marketing* 75(1), 46-59).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.referral.virality import converted_days
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.referral.invitations import Invitations

WITHIN = 180  # days from the first purchase
LEAST = 30  # referred customers who have a match
OUTCOMES = ("revenue", "further_orders", "bought_again")
STRATUM = ["month", "kind"]


@dataclass(frozen=True, eq=False)
class ReferredCustomers(ObjectCard):
    """The comparison.

    Attributes
    ----------
    outcomes : outcome (`OUTCOMES`), referred, others (means of the matched), difference, lower, upper (95 %)
    matched, unmatched : referred customers with somebody to be held against, and without
    others : customers they are held against
    within : days from the first purchase that are looked at
    """

    outcomes: pd.DataFrame
    matched: int
    unmatched: int
    others: int
    within: int

    def of(self, outcome: str) -> pd.Series:
        """The row of one outcome."""
        return self.outcomes[self.outcomes["outcome"] == outcome].iloc[0]


def referred_customers(sent: Invitations, within: int = WITHIN) -> ReferredCustomers:
    """Hold referred customers against others.

    Parameters
    ----------
    within : days from the first purchase, 1 or more

    Raises
    ------
    NotEnoughData : fewer than `LEAST` referred customers can be followed for so long and have a match.
    """
    arguments.whole("within", within, 1)
    cells = sent.base.collect(_cells(sent, within))
    wide = cells.pivot(index=STRATUM, columns="is_referred").fillna(0)
    n = {side: wide["n"][side].to_numpy(float) if side in wide["n"] else 0.0 for side in (0, 1)}
    both = (n[1] > 0) & (n[0] > 0)
    matched = int(np.sum(n[1] * both))
    if matched < LEAST:
        raise NotEnoughData(
            "A comparison of referred customers", matched, LEAST, f"of them, followed for {within} days"
        )
    kept = pd.DataFrame(wide.loc[both])
    rows = [{"outcome": what, **_difference(kept, what)} for what in OUTCOMES]
    others = int(kept["n"][0].sum())
    return ReferredCustomers(pd.DataFrame(rows), matched, int(np.sum(n[1])) - matched, others, within)


def _cells(sent: Invitations, within: int) -> ir.Table:
    base = sent.base
    last = base.day - timedelta(days=within)
    history = base.purchase_history
    people = history.filter(history.first_day.notnull(), history.first_day <= ibis.literal(last))
    people = people.select("customer_id", "first_day")
    days = base.customer_days.inner_join(people, "customer_id")
    since = days.day.delta(days.first_day, unit="day").cast("int64")
    days = days.filter((since >= 0) & (since < within))
    each = days.group_by(["customer_id", "first_day"]).aggregate(
        revenue=days.spend.sum().cast("float64"),
        further_orders=days.is_occasion.sum().cast("float64") - 1.0,
    )
    kind: ir.Value = ibis.literal("")
    customers = base.tables.get("customers")
    if customers is not None and "customer_type" in customers.columns:
        each = each.left_join(customers.select("customer_id", "customer_type"), "customer_id")
        each = each.drop("customer_id_right")
        kind = each.customer_type.fill_null("")
    came = converted_days(sent).select("customer_id", came=ibis.literal(1))
    each = each.mutate(kind=kind, month=each.first_day.truncate("month"))
    each = each.left_join(came, "customer_id").drop("customer_id_right")
    each = each.mutate(
        bought_again=(each.further_orders > 0).cast("float64"), is_referred=each.came.fill_null(0)
    )
    sums = {}
    for what in OUTCOMES:
        exact = each[what].round(6).cast("decimal(28, 6)")
        sums[what] = exact.sum().cast("float64")
        sums[f"{what}_squared"] = (each[what] ** 2).round(6).cast("decimal(38, 6)").sum().cast("float64")
    return each.group_by([*STRATUM, "is_referred"]).aggregate(n=each.count(), **sums).order_by(
        [*STRATUM, "is_referred"]
    )  # fmt: skip


def _difference(cells: pd.DataFrame, what: str) -> dict[str, float]:
    """Mean difference weighted by the referred, scatter pooled over the strata of a side."""
    n1, n0 = (cells["n"][side].to_numpy(float) for side in (1, 0))
    s1, s0 = (cells[what][side].to_numpy(float) for side in (1, 0))
    q1, q0 = (cells[f"{what}_squared"][side].to_numpy(float) for side in (1, 0))
    weight = n1 / n1.sum()
    variance, free = 0.0, np.inf
    for n, s, q, w in ((n1, s1, q1, weight), (n0, s0, q0, weight)):
        degrees = (n - 1).sum()
        scatter = max((q - s**2 / n).sum(), 0.0) / degrees if degrees > 0 else np.nan
        variance += float((w**2 * scatter / n).sum())
        free = min(free, degrees)
    mine, theirs = float(weight @ (s1 / n1)), float(weight @ (s0 / n0))
    half = float(stats.t.ppf(0.975, max(free, 1))) * variance**0.5
    return {"referred": mine, "others": theirs, "difference": mine - theirs,
            "lower": mine - theirs - half, "upper": mine - theirs + half}  # fmt: skip
