"""How far a customer's word carries: invitations, conversion, K and the time a round takes.

K = invitations per customer × share of them that bring a customer. A base with K below one grows by referral
to 1 / (1 - K) of its size and no further; above one it grows without end, as long as K stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.clustered_ratio import Ratio, ratio_of, summed
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.referral.invitations import known_since
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.referral.invitations import Invitations

QUARTER = 91  # days
QUARTERS = 8
RIPE, LONGEST, UNKNOWN_LAG = 0.95, 90, 30  # share of conversions that have come by then; days
LEAST = 20  # conversions, below which no time of a round is given


@dataclass(frozen=True, eq=False)
class Virality(ObjectCard):
    """K and its parts, of invitations old enough to have been converted.

    Attributes
    ----------
    invitations, converted, customers : counts at the ripe day
    per_customer : invitations per customer
    conversion : share of invitations that brought a customer; customers who invite are the draw
    k, k_lower, k_upper : with 95 % interval over customers
    cycle_days, cycle_lower, cycle_upper : median from invitation to conversion; None below `LEAST`
    ripe_days : an invitation counts as ripe after so many days
    quarters : end, customers, invitations, converted, k, lower, upper, complete: of the last quarters,
        conversions within `ripe_days` of the invitation, so that all quarters are counted alike
    """

    invitations: int
    converted: int
    customers: int
    per_customer: float
    conversion: Ratio
    k: float
    k_lower: float
    k_upper: float
    cycle_days: float | None
    cycle_lower: float | None
    cycle_upper: float | None
    ripe_days: int
    quarters: pd.DataFrame

    @property
    def brought_by_hundred(self) -> float | None:
        """Customers that a hundred bring in the end, all rounds together; None from K = 1 on."""
        return 100 * self.k / (1 - self.k) if self.k < 1 else None


def viral(start: float, k: float, time: float, cycle: float = 1.0) -> float:
    """Customers after a time, when each invites once: U(t) = U0 (K^(t/p + 1) - 1) / (K - 1).

    Some calculators let every customer invite again in each round, U0 (1 + K)^(t/p); that is another world.

    Parameters
    ----------
    start : customers at the start, U0
    k : customers that one brings
    time, cycle : t and p, in one unit

    Raises
    ------
    ParameterError : a number is negative, or the cycle is not above 0.

    Examples
    --------
    >>> [viral(10, 2, t) for t in range(6)]
    [10.0, 30.0, 70.0, 150.0, 310.0, 630.0]
    """
    for name, value in (("start", start), ("k", k), ("time", time)):
        arguments.amount(name, value)
    if not cycle > 0:
        raise ParameterError(f"cycle = {cycle!r}: a time above 0")
    rounds = time / cycle + 1
    return float(start * rounds if k == 1 else start * (k**rounds - 1) / (k - 1))


def virality(sent: Invitations) -> Virality:
    """Measure K, conversion and cycle time of a base.

    Raises
    ------
    NotEnoughData : no invitation is old enough to tell.
    """
    base, rows = sent.base, sent.counted
    ripe = _ripe_days(sent)
    day = base.day - timedelta(days=ripe)
    old = rows.filter(rows.invited_day <= ibis.literal(day))
    known = known_since(base)
    customers = int(
        known.filter(known.since.isnull() | (known.since <= ibis.literal(day))).count().to_pyarrow().as_py()
    )
    old = old.select("referrer", one=ibis.literal(1), came=old.converted_at.notnull().cast("int64"))
    sums = summed(base, old, "referrer", "came", "one")
    if sums.empty or not sums.iloc[0]["bottom"] > 0 or not customers:
        raise NotEnoughData("K", 0, 1, f"invitations of {ripe} days ago or earlier")
    row = sums.iloc[0]
    invited, came = int(row["bottom"]), int(row["top"])
    low, high = _k_bounds(came, float(row["tt"]), customers)
    cycle = _cycle(sent)
    return Virality(
        invited, came, customers, invited / customers, ratio_of(row, is_share=True),
        came / customers, low, high, *cycle, ripe, _quarters(sent, ripe),
    )  # fmt: skip


def _k_bounds(came: int, squares: float, customers: int) -> tuple[float, float]:
    """On the logarithm, which keeps K above 0; without any conversion the exact bound of a Poisson count."""
    if not came:
        return 0.0, float(stats.chi2.ppf(0.975, 2)) / 2 / customers
    k = came / customers
    variance = max(squares / customers - k * k, k / customers) / customers
    width = Z95 * math.sqrt(variance) / k
    return k * math.exp(-width), k * math.exp(width)


def _hours(sent: Invitations) -> pd.DataFrame:
    """Conversions by whole hours from the invitation: hours, n."""
    came = sent.converted
    cells = came.group_by(hours=(came.days * 24).floor().cast("int64")).aggregate(n=came.count())
    return sent.base.collect(cells.order_by("hours"))


def _ripe_days(sent: Invitations) -> int:
    cells = _hours(sent)
    if not cells["n"].sum():
        return UNKNOWN_LAG
    at = int(np.searchsorted(cells["n"].cumsum(), RIPE * cells["n"].sum()))
    return min(LONGEST, int(cells["hours"].iloc[at] // 24) + 1)


def _cycle(sent: Invitations) -> tuple[float | None, float | None, float | None]:
    """Median days of a round; its interval by order statistics."""
    cells = _hours(sent)
    n = int(cells["n"].sum()) if len(cells) else 0
    if n < LEAST:
        return None, None, None
    ranks = [n / 2, *stats.binom.ppf([0.025, 0.975], n, 0.5)]
    places = np.searchsorted(cells["n"].cumsum().to_numpy(), np.clip(ranks, 1, n))
    middle, low, high = (float((cells["hours"].iloc[p] + 0.5) / 24) for p in places)
    return middle, low, high


def _quarters(sent: Invitations, ripe: int) -> pd.DataFrame:
    base, rows = sent.base, sent.counted
    ago = ibis.literal(base.day).delta(rows.invited_day, unit="day").cast("int64")
    rows = rows.mutate(back=(ago // QUARTER).cast("int64"), came=(rows.days <= ripe).fill_null(False))
    rows = rows.filter(rows.back < QUARTERS)
    each = rows.group_by(["back", "referrer"]).aggregate(
        invitations=rows.count(), converted=rows.came.sum().cast("int64")
    )
    found = base.collect(
        each.group_by("back").aggregate(
            invitations=each.invitations.sum(), converted=each.converted.sum(),
            squares=(each.converted * each.converted).sum(),
        )
    )  # fmt: skip
    found = found.set_index("back").reindex(range(_reach(sent))).fillna(0).astype("int64")
    ends = [base.day - timedelta(days=QUARTER * int(back)) for back in found.index]
    known = known_since(base)
    people = [
        known.count(where=known.since.isnull() | (known.since <= ibis.literal(end))).name(f"q{i}")
        for i, end in enumerate(ends)
    ]
    counts = [int(n) for n in base.collect(known.aggregate(people)).iloc[0]] if ends else []
    found = found.assign(end=pd.to_datetime(ends), customers=counts)
    found = found[found["customers"] > 0]
    bounds = [
        _k_bounds(c, s, n)
        for c, s, n in zip(found["converted"], found["squares"], found["customers"], strict=True)
    ]
    found["k"] = found["converted"] / found["customers"]
    found["lower"], found["upper"] = [b[0] for b in bounds], [b[1] for b in bounds]
    found["complete"] = found["end"] + pd.Timedelta(days=ripe) <= pd.Timestamp(base.day)
    columns = ["end", "customers", "invitations", "converted", "k", "lower", "upper", "complete"]
    return found.sort_values("end", ignore_index=True)[columns]


def _reach(sent: Invitations) -> int:
    """Whole quarters of history, at most `QUARTERS`."""
    return max(0, min(QUARTERS, ((sent.base.day - sent.base.first_day).days + 1) // QUARTER))


def converted_days(sent: Invitations) -> ir.Table:
    """customer_id of each referred customer, the day they joined, and who brought them."""
    came = sent.converted
    came = came.filter(came.referred.notnull())
    return came.select(
        "referrer", "reward", "p_type_two", customer_id=came.referred, joined=came.converted_at.date()
    )
