"""The last period against the one before: revenue, buyers and orders, with intervals over customers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_analytics.analyses.intervals import Z95
from crm_analytics.tables.days import Span, earlier_day

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Change:
    """A total now and before, and its relative change with a 95 % interval.

    The interval takes customers as the draw: with another set of customers of the same kind, the change
    would lie inside. It is a ratio estimator's, from the variance of ``now - (NOW / BEFORE) before`` over
    customers (Cochran 1977, *Sampling Techniques*, ch. 6); None where there was nothing before.
    """

    now: float
    before: float
    change: float | None
    lower: float | None
    upper: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.lower is not None and self.upper is not None and (self.lower > 0 or self.upper < 0)


@dataclass(frozen=True)
class Comparison:
    """Two periods of equal length, one after the other, the later ending at the base's day."""

    span_days: int
    revenue: Change
    orders: Change
    buyers: Change


YEAR = 364  # days: 52 whole weeks, so that a week is held against the same days of the week


def compare_periods(base: CustomerBase, span: Span, lag_days: int | None = None) -> Comparison | None:
    """The last period of length `span` (``"-13w"``) against an earlier one of equal length.

    Revenue is net of returns; orders are purchase occasions; buyers are customers with an order.
    Anonymous sales are not in it: they have no customer to follow.

    Parameters
    ----------
    span : length of both periods
    lag_days : how long before the last period the earlier one ended, such as `YEAR`; default the period just
        before the last

    Returns
    -------
    None where the data do not hold both periods whole
    """
    middle = earlier_day(base.day, span)
    days = (base.day - middle).days
    end = base.day - timedelta(days=days if lag_days is None else lag_days)
    start = end - timedelta(days=days)
    if days <= 0 or start < base.first_day - timedelta(days=1):
        return None
    now = _by_customer(base.between(middle, base.day), "now")
    earlier = _by_customer(base.between(start, end) if start >= base.first_day else base.as_of(end), "before")
    both = now.outer_join(earlier, "customer_id")
    filled = {
        f"{what}_{when}": both[f"{what}_{when}"].fill_null(0).cast("float64")
        for what in ("revenue", "orders", "buyers")
        for when in ("now", "before")
    }
    pairs = both.select(**filled)
    return Comparison(days, *(change_of(pairs, what) for what in ("revenue", "orders", "buyers")))


def _by_customer(base: CustomerBase, when: str) -> ir.Table:
    history = base.purchase_history
    return history.select(
        "customer_id",
        **{
            f"revenue_{when}": history.revenue.cast("float64"),
            f"orders_{when}": history.order_count,
            f"buyers_{when}": (history.order_count > 0).cast("int64"),
        },
    )


def change_of(pairs: ir.Table, what: str) -> Change:
    """The change of a total, from what each customer adds to it now and before.

    Parameters
    ----------
    pairs : one row per customer, with the numbers ``{what}_now`` and ``{what}_before``
    """
    now, before = pairs[f"{what}_now"], pairs[f"{what}_before"]
    sums = pairs.aggregate(n=pairs.count(), now=now.sum(), before=before.sum()).to_pyarrow().to_pylist()[0]
    total, base = sums["now"] or 0.0, sums["before"] or 0.0
    if base <= 0:
        return Change(total, base, None, None, None)
    residual = (now - (total / base) * before).var(how="pop").to_pyarrow().as_py() or 0.0
    change = total / base - 1
    error = Z95 * math.sqrt(sums["n"] * residual) / base
    return Change(total, base, change, change - error, change + error)
