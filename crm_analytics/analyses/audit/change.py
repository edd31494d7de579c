"""Lens 2 of the audit: what changed from one whole period to the next, and who changed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.audit.gain_loss import gain_loss_by
from crm_analytics.analyses.audit.revenue_tree import Period, RevenueTree, revenue_tree
from crm_analytics.analyses.comparison import Comparison, compare_periods
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.days import Span, earlier_day, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

GROUPS = ("new", "reactivated", "repeating", "lapsed")
MOVES = ("new", "reactivated", "increased", "decreased", "lapsed")


@dataclass(frozen=True)
class Change(ObjectCard):
    """One whole period against the one before it.

    Attributes
    ----------
    start, middle, day : the period before is (start, middle], the last one (middle, day]
    totals : revenue, orders and buyers of both, with intervals
    groups : group (new, reactivated, repeating, lapsed), customers, revenue_before, revenue_now
    moves : move (new, reactivated, increased, decreased, lapsed, returned), customers, change (money);
        the changes sum to the change of revenue
    tree : customers x frequency x order value, or None where a period has no revenue
    products : gains and losses by product category, or None
    repeat_rate : share of the earlier period's buyers who bought again, lower, upper, n
    """

    start: date
    middle: date
    day: date
    totals: Comparison
    groups: pd.DataFrame
    moves: pd.DataFrame
    tree: RevenueTree | None
    products: pd.DataFrame | None
    repeat_rate: tuple[float, float, float, int]

    plot = Plots("crm_analytics.analyses.audit.pictures", "moves")

    @property
    def net_moves(self) -> dict[str, float]:
        """The moves with those who stayed as one, "repeating": of them some always buy more and some less."""
        money = dict(zip(self.moves["move"], self.moves["change"], strict=True))
        stayed = money.pop("increased") + money.pop("decreased")
        return {"new": money.pop("new"), "repeating": stayed, **money}

    def customers(self, group: str) -> int:
        """How many are in one of the `groups`."""
        return int(self.groups.set_index("group")["customers"][group])


def change(base: CustomerBase, span: Span = "-52w", minimum: int = 1) -> Change | None:
    """The last period of length `span` against the one before; None where the data do not hold two.

    A customer is *new* with the first purchase in view, *repeating* with purchases in both periods,
    *reactivated* with one now, none in the period before and one earlier, *lapsed* with one before and
    none now. Product categories of fewer than `minimum` customers are called "others". A customer with
    returns alone is in no group; their money stands in the move "returned".

    Source: Fader, Hardie & Ross, *The Customer-Base Audit* (2022), ch. 4; new / repeating / lapsed as in
    openretailscience.
    """
    totals = compare_periods(base, span)
    if totals is None:
        return None
    middle = earlier_day(base.day, span)
    start = middle - timedelta(days=totals.span_days)
    table = base.materialise(_by_customer(base, start, middle))
    groups = _groups(base, table)
    repeating = groups.set_index("group")["customers"]
    buyers = int(repeating["repeating"] + repeating["lapsed"])
    kept = int(repeating["repeating"])
    return Change(
        start,
        middle,
        base.day,
        totals,
        groups,
        _moves(base, table),
        _tree(base, table, start, middle),
        gain_loss_by(base, span, minimum=minimum),
        (kept / buyers if buyers else 0.0, *wilson(kept, buyers), buyers),
    )


def new_repeating_lapsed(base: CustomerBase, span: Span = "-52w") -> pd.DataFrame | None:
    """Only the `groups` of `change`: who is new, came back, stayed or lapsed; None without two whole periods.

    >>> from crm_analytics.tables.customer_base import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "c"], "unit_spend": [5.0, 6.0, 7.0, 8.0],
    ...     "transaction_date": ["2025-01-01", "2025-01-20", "2025-01-05", "2025-01-28"]}),
    ...     today="2025-02-01")
    >>> new_repeating_lapsed(base, "-14d").set_index("group")["customers"].to_dict()
    {'new': 1, 'reactivated': 0, 'repeating': 1, 'lapsed': 1}
    """
    middle = earlier_day(base.day, span)
    start = middle - (base.day - middle)
    if middle >= base.day or start < shift(base.first_day, "-1d"):
        return None
    return _groups(base, base.materialise(_by_customer(base, start, middle)))


def _by_customer(base: CustomerBase, start: date, middle: date) -> ir.Table:
    days = base.customer_days
    is_now, is_before = days.day > ibis.literal(middle), days.day > ibis.literal(start)
    nothing = ibis.literal(0).cast(MONEY)
    before = is_before & ~is_now
    table = days.group_by("customer_id").aggregate(
        orders_now=days.is_occasion.sum(where=is_now).fill_null(0).cast("int64"),
        orders_before=days.is_occasion.sum(where=before).fill_null(0).cast("int64"),
        orders_earlier=days.is_occasion.sum(where=~is_before).fill_null(0).cast("int64"),
        now=days.spend.sum(where=is_now).fill_null(nothing).cast(MONEY),
        before=days.spend.sum(where=before).fill_null(nothing).cast(MONEY),
    )
    now, then, early = table.orders_now > 0, table.orders_before > 0, table.orders_earlier > 0
    group = ibis.cases(
        (now & then, "repeating"),
        (now & early, "reactivated"),
        (now, "new"),
        (then, "lapsed"),
        else_="returned",
    )
    table = table.mutate(group=group)
    rise = table.now - table.before
    move = (table.group == "repeating").ifelse(
        (rise >= 0).ifelse(ibis.literal("increased"), ibis.literal("decreased")), table.group
    )
    table = table.mutate(move=move, rise=rise.cast(MONEY))
    return table.filter((table.group != "returned") | (table.rise != 0))


def _groups(base: CustomerBase, table: ir.Table) -> pd.DataFrame:
    sums = table.group_by("group").aggregate(
        customers=table.count(), revenue_before=table.before.sum(), revenue_now=table.now.sum()
    )
    found = base.collect(sums).set_index("group").reindex(GROUPS).fillna(0).reset_index()
    return found.astype({"customers": "int64"})


def _moves(base: CustomerBase, table: ir.Table) -> pd.DataFrame:
    sums = table.group_by("move").aggregate(customers=table.count(), change=table.rise.sum())
    found = base.collect(sums).set_index("move")
    order = [*MOVES, *(["returned"] if "returned" in found.index and found["change"]["returned"] else [])]
    found = found.reindex(order).fillna(0).reset_index()
    return found.astype({"customers": "int64"})


def _tree(base: CustomerBase, table: ir.Table, start: date, middle: date) -> RevenueTree | None:
    items = _items(base, start, middle)
    sums = table.aggregate(
        buyers_now=(table.orders_now > 0).sum(),
        buyers_before=(table.orders_before > 0).sum(),
        orders_now=table.orders_now.sum(),
        orders_before=table.orders_before.sum(),
        now=table.now.sum().cast("float64"),
        before=table.before.sum().cast("float64"),
    )
    row = sums.to_pyarrow().to_pylist()[0]
    periods = [
        Period(row[f"buyers_{when}"], row[f"orders_{when}"], row[when], items.get(when))
        for when in ("before", "now")
    ]
    if any(min(p.customers, p.orders) <= 0 or p.revenue <= 0 for p in periods):
        return None
    return revenue_tree(*periods)


def _items(base: CustomerBase, start: date, middle: date) -> dict[str, float]:
    """Pieces sold in both periods, returns taken off; empty where lines have no quantity."""
    lines = base.transactions
    if "unit_quantity" not in lines.columns:
        return {}
    lines = lines.filter(lines.customer_id.notnull())
    day = lines.transaction_date.date()
    pieces = lines.unit_quantity.cast("decimal(18, 4)")
    now = day > ibis.literal(middle)
    sums = lines.aggregate(
        now=pieces.sum(where=now), before=pieces.sum(where=~now & (day > ibis.literal(start)))
    )
    return {k: float(v) for k, v in sums.to_pyarrow().to_pylist()[0].items() if v}
