"""A period against the one before, and a group against another, with intervals over customers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.days import Span, earlier_day, shift

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


@dataclass(frozen=True, eq=False)
class GroupComparison:
    """Two groups of customers side by side.

    Attributes
    ----------
    first, second : the filters in words
    customers : buyers in each
    shared : buyers who are in both, as filters on purchases allow
    figures : figure ("revenue_per_customer", "orders_per_customer", "bought_again"), first, second (means per
        buyer), change (first over second, less one), lower, upper (95 %), is_clear (the interval leaves out
        zero)
    """

    first: str
    second: str
    customers: tuple[int, int]
    shared: int
    figures: pd.DataFrame


FIGURES = ("revenue_per_customer", "orders_per_customer", "bought_again")
FEWEST = 5  # buyers of a group


def compare_filters(
    base: CustomerBase, first: Mapping[str, Any], second: Mapping[str, Any], *, span: str | None = None
) -> GroupComparison:
    """Buyers who fit one filter against buyers who fit another.

    Intervals take customers as the draw. They are those of a ratio of two means by the delta method, with the
    covariance of customers who are in both groups (Cochran 1977, *Sampling Techniques*, ch. 6).

    Parameters
    ----------
    first, second : as `CustomerBase.filter` takes them
    span : only what was bought in the last so long (``"-52w"``); default everything up to the day

    Raises
    ------
    NotEnoughData : fewer than 5 buyers in a group.
    ParameterError : a filter that nobody fits, or a column that is unknown.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> lines = pd.DataFrame([(f"c{i}", f"2026-01-{1 + i % 28:02}", 10.0 + i % 7, "web" if i % 2 else "shop")
    ...     for i in range(200)], columns=["customer_id", "transaction_date", "unit_spend", "channel"])
    >>> base = CustomerBase.open(lines, today="2026-02-01")
    >>> found = compare_filters(base, {"channel": "web"}, {"channel": "shop"})
    >>> found.first, found.customers, found.figures["is_clear"].tolist()
    ('channel web', (100, 100), [False, False, False])
    """
    groups = [base.filter(where) for where in (first, second)]
    cut = groups if span is None else [one.between(shift(one.day, span), one.day) for one in groups]
    tables = [_each_buyer(one, place) for one, place in zip(cut, "ab", strict=True)]
    both = base.materialise(tables[0].outer_join(tables[1], "customer_id"))
    inside = [both[f"orders_per_customer_{place}"].notnull() for place in "ab"]
    counted = both.aggregate(
        a=inside[0].sum(), b=inside[1].sum(), shared=(inside[0] & inside[1]).sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n = int(counted["a"] or 0), int(counted["b"] or 0)
    for one, have in zip(groups, n, strict=True):
        if have < FEWEST:
            raise NotEnoughData(f"A comparison with '{one.filtered_by}'", have, FEWEST, "buyers")
    figures = pd.DataFrame([_ratio(both, figure, n) for figure in FIGURES])
    words = tuple(one.filtered_by for one in groups)
    return GroupComparison(words[0], words[1], n, int(counted["shared"] or 0), figures)


def _each_buyer(base: CustomerBase, place: str) -> ir.Table:
    history = base.purchase_history.filter(lambda t: t.order_count > 0)
    values = (
        history.revenue.cast("float64"),
        history.order_count.cast("float64"),
        (history.order_count > 1).cast("float64"),
    )
    named = {f"{figure}_{place}": value for figure, value in zip(FIGURES, values, strict=True)}
    return history.select("customer_id", **named)


def _ratio(both: ir.Table, figure: str, n: tuple[int, int]) -> dict[str, Any]:
    """The means of both groups and their ratio less one, with its interval."""
    a, b = both[f"{figure}_a"], both[f"{figure}_b"]
    means = both.aggregate(a=a.mean(), b=b.mean()).to_pyarrow().to_pylist()[0]
    one, other = float(means["a"]), float(means["b"])
    row = {"figure": figure, "first": one, "second": other}
    if other <= 0:
        return row | {"change": math.nan, "lower": math.nan, "upper": math.nan, "is_clear": False}
    ratio = one / other
    pull = ((a - one) / n[0]).fill_null(0.0) - ratio * ((b - other) / n[1]).fill_null(0.0)
    error = Z95 * math.sqrt(float((pull * pull).sum().to_pyarrow().as_py())) / other
    low, high = ratio - 1 - error, ratio - 1 + error
    return row | {"change": ratio - 1, "lower": low, "upper": high, "is_clear": low > 0 or high < 0}
