"""What the rules of campaign lists go by: one row per customer, as known at the end of the base's day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.products.next_product import NextOffers, next_offers
from crm_analytics.analyses.rfm.rules import Rhythm, rhythm_of
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

YEAR = 365
LATEST = 31  # days: what fell due earlier than so is told too late


@dataclass(frozen=True)
class Previous:
    """The wave before this one: the day it was made on, and how many days it reached ahead."""

    day: date
    days: int

    def __post_init__(self) -> None:
        arguments.whole("days of the wave before", self.days, 1)


@dataclass(frozen=True, eq=False)
class Known(ObjectCard):
    """The base, its buyers, and the days of the wave.

    Attributes
    ----------
    buyers : one row each who has bought: customer_id, first_day, last_day, recency_days, tenure_days,
        order_count, recent_orders (of the last `recent` days), mean_gap (days between purchases; NULL
        before the second), order_value (mean, DECIMAL), last_value (of the last order's day),
        year_value (of the last 365 days)
    days : of the wave
    late : days before the wave that no wave reached, because its data came late; at most `LATEST`
    recent : days back in which something counts as new: as many as the wave has, or all since the last wave
    scores : of `churn.score`, or None
    rhythm : how long customers of this base take to come back
    offered : customer_id, product, day: what earlier waves offered; None without any
    """

    base: CustomerBase
    buyers: ir.Table
    days: int
    scores: ir.Table | None
    rhythm: Rhythm | None
    late: int
    recent: int
    offered: pd.DataFrame | None = None

    @cached_property
    def offers(self) -> NextOffers | None:
        """The next products of everybody; None where the data tell too little."""
        try:
            return next_offers(self.base, self.offered)
        except NotEnoughData:
            return None

    @property
    def day(self) -> date:
        """The base's."""
        return self.base.day

    def since(self, column: ir.Value) -> ir.IntegerValue:
        """Whole days from a date to the base's day."""
        return ibis.literal(self.day).delta(column, unit="day").cast("int64")

    def coming(self) -> ir.Table:
        """The days of the wave: ahead (1, 2, ... from the base's day), due_on, due_key (month and day).

        They follow the base's day, after those that were missed, if any (ahead 0, -1, ...).
        Who was born on 29 February has their day on the 28th where a year has none.
        """
        rows = []
        for ahead in range(1 - self.late, self.days + 1):
            due = self.day + timedelta(days=ahead)
            keys = [due.month * 100 + due.day]
            if keys == [228] and (due + timedelta(days=1)).month == 3:
                keys.append(229)
            rows += [{"ahead": ahead, "due_on": pd.Timestamp(due), "due_key": key} for key in keys]
        found = self.base.to_engine(pd.DataFrame(rows))
        return found.mutate(due_on=found.due_on.cast("date"))


def known(
    base: CustomerBase,
    days: int,
    scores: ir.Table | None = None,
    previous: Previous | None = None,
    offered: pd.DataFrame | None = None,
) -> Known:
    """Reduce the base to what the rules need; computed once."""
    late, recent = 0, days
    if previous is not None:
        passed = (base.day - previous.day).days
        late = min(max(passed - previous.days, 0), LATEST)
        recent = max(days, min(passed, days + LATEST))
    buyers = base.materialise(_buyers(base, recent))
    return Known(base, buyers, days, scores, rhythm_of(base), late, recent, offered)


def _buyers(base: CustomerBase, recent_days: int) -> ir.Table:
    end = ibis.literal(base.day)
    history = base.purchase_history
    history = history.filter(history.first_day.notnull())
    each = base.customer_days
    ago = end.delta(each.day, unit="day").cast("int64")
    recent = each.group_by("customer_id").aggregate(
        recent_orders=(each.is_occasion & (ago < recent_days)).sum().cast("int64"),
        year_value=each.spend.sum(where=ago < YEAR),
        last_value=each.spend.argmax(each.day, where=each.is_occasion),
    )
    joined = history.left_join(recent, "customer_id").drop("customer_id_right")
    span = joined.last_day.delta(joined.first_day, unit="day").cast("float64")
    more = joined.order_count > 1
    return joined.select(
        "customer_id", "first_day", "last_day", "order_count", "recent_orders", "last_value",
        recency_days=end.delta(joined.last_day, unit="day").cast("int64"),
        tenure_days=end.delta(joined.first_day, unit="day").cast("int64"),
        mean_gap=more.ifelse(span / (joined.order_count - 1).nullif(0), None),
        order_value=(joined.revenue.cast("float64") / joined.order_count).round(4).cast(MONEY),
        year_value=joined.year_value.fill_null(0).cast(MONEY),
    )  # fmt: skip


Who = Callable[[Known], "ir.Table"]


def columns_of(found: ir.Table, names: Iterable[str]) -> dict[str, ir.Value]:
    """The optional columns of a rule's answer, NULL where it has none."""
    types = {"due_on": "date", "expected_margin": MONEY}
    return {
        name: found[name] if name in found.columns else ibis.null(types.get(name, "string")) for name in names
    }
