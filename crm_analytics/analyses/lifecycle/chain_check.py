"""Would the chain have predicted the purchases that came? Fitted in the past, counted since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from crm_analytics.analyses.lifecycle.chain_fit import fit_chain
from crm_analytics.errors import DataError
from crm_analytics.tables.days import Span, forward, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MOST_PERIODS = 13  # about a year of four weeks each
LEAST_PERIODS = 3


@dataclass(frozen=True)
class ChainCheck(ObjectCard):
    """Purchases (customers and periods with one) by those who were customers at `then`, up to the day.

    Attributes
    ----------
    then : the day at which the chain was fitted, with what was known
    periods, customers : length of the check, and how many customers it is about
    expected, actual : purchases predicted and come
    """

    then: date
    periods: int
    customers: int
    expected: float
    actual: int

    @property
    def ratio(self) -> float:
        """Come for each one predicted."""
        return self.actual / self.expected if self.expected else float("nan")


def check_chain(base: CustomerBase, *, every: Span = "4w", **settings: Any) -> ChainCheck | None:
    """Fit the chain a third of the history ago (at most a year of periods) and count what followed.

    It is the chances that are checked, not the rule who counts as lapsed: customers silent for longer than
    the last state keep that state's chance.

    Parameters
    ----------
    every, settings : as for `fit_chain`

    Returns
    -------
    None where the earlier history is too short for a chain.
    """
    length = (shift(base.day, forward(every)) - base.day).days
    have = (base.day - base.first_day).days // length
    periods = min(MOST_PERIODS, -(-have // 3))
    then = base.day - timedelta(days=length * periods)
    if periods < LEAST_PERIODS or then < base.first_day:
        return None
    past = base.as_of(then)
    try:
        fitted = fit_chain(past, every=every, **settings)
    except DataError:  # too little data then
        return None
    size = len(fitted.chain.p)
    chances = fitted.chain.matrix[:size, :size].copy()
    chances[-1, -1] += 1 - fitted.chain.p[-1]  # who is silent for longer may still come
    standing = fitted.states["customers"].to_numpy(dtype=float)
    standing[-1] += fitted.beyond
    expected = 0.0
    for _ in range(periods):
        standing = standing @ chances
        expected += float(standing[0])
    return ChainCheck(then, periods, fitted.customers_from(1), round(expected, 6), _came(base, past, length))


def _came(base: CustomerBase, past: CustomerBase, length: int) -> int:
    """Periods with a purchase since, over the customers who had bought before."""
    since = base.between(past.day, base.day).exact_occasions
    known = past.exact_occasions.select("customer_id").distinct()
    back = ibis.literal(base.day).delta(since.day, unit="day").cast("int64") // length
    came = since.mutate(back=back).semi_join(known, "customer_id").select("customer_id", "back").distinct()
    return int(came.count().to_pyarrow().as_py())
