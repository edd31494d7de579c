"""From purchase lines to one row per (cohort, period), in the engine.

Sums are of whole numbers and DECIMAL only, so that no order of rows changes them. For the spread over
customers the engine also sums squares: of a customer's revenue in the period, and what the period adds to
the square of the customer's revenue so far. The square so far stands still while nobody buys, so its
increments add up over the periods to the sum of squares at any age, customers who never came back included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.cohorts.periods import Calendar
from crm_analytics.analyses.margin import margin_lines
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

WIDER = "decimal(19, 4)"


@dataclass(frozen=True)
class Reduced(ObjectCard):
    """What is left of the base: a few rows for each pair of periods.

    Attributes
    ----------
    cells : cohort, period (numbers of `calendar`), active (customers with a purchase), orders, revenue,
        squares, squares_so_far [, margin, costed]. A missing cohort is revenue of customers before their
        first purchase in view: of the cohort nobody
    people : cohort, last (period of the last purchase), back (period of the second purchase day, or
        missing), customers
    registered : cohort, known (customers whose `created_at` is known), older (created before the data
        begin); empty without that column
    """

    calendar: Calendar
    cells: pd.DataFrame
    people: pd.DataFrame
    registered: pd.DataFrame


def reduce(base: CustomerBase, calendar: Calendar) -> Reduced:
    """Place every customer-day in its cohort and period, and sum."""
    days = base.customer_days
    days = days.mutate(period=calendar.number_of(days.day))
    spans = days.group_by("customer_id", "period").aggregate(
        orders=days.is_occasion.sum().cast("int64"), revenue=days.spend.sum().cast(MONEY)
    )
    spans = base.materialise(_with_margin(base, spans, calendar))
    people = base.materialise(_people(spans))
    return Reduced(
        calendar,
        _cells(base, spans, people),
        base.collect(
            people.filter(people.cohort.notnull())
            .group_by("cohort", "last", "back")
            .aggregate(customers=ibis._.count())
            .order_by("cohort", "last", "back")
        ),
        _registered(base, people, calendar),
    )


def _people(spans: ir.Table) -> ir.Table:
    """Cohort, last period and period of the second purchase day of each customer."""
    bought = spans.orders > 0
    first = spans.group_by("customer_id").aggregate(
        cohort=spans.period.min(where=bought),
        last=spans.period.max(where=bought),
    )
    placed = spans.inner_join(first, "customer_id")
    again = (placed.orders > 1) | ((placed.orders > 0) & (placed.period > placed.cohort))
    return placed.group_by("customer_id", "cohort", "last").aggregate(back=placed.period.min(where=again))


def _cells(base: CustomerBase, spans: ir.Table, people: ir.Table) -> pd.DataFrame:
    placed = spans.inner_join(people.select("customer_id", "cohort"), "customer_id")
    # Before the first purchase in view lie only returns of what was bought before the data begin.
    placed = placed.mutate(cohort=(placed.period >= placed.cohort).ifelse(placed.cohort, ibis.null("int64")))
    window = ibis.cumulative_window(group_by=[placed.customer_id, placed.cohort], order_by=placed.period)
    placed = placed.mutate(so_far=placed.revenue.sum().over(window).cast(MONEY))
    earlier = (placed.so_far - placed.revenue).cast(MONEY)
    placed = placed.mutate(square=_squared(placed.revenue), step=_squared(placed.so_far) - _squared(earlier))
    sums = {
        "active": (placed.orders > 0).sum().cast("int64"),
        "orders": placed.orders.sum().cast("int64"),
        "revenue": placed.revenue.sum(),
        "squares": placed.square.sum(),
        "squares_so_far": placed.step.sum(),
    }
    if "margin" in placed.columns:
        sums |= {"margin": placed.margin.sum(), "costed": placed.costed.sum()}
    cells = placed.group_by("cohort", "period").aggregate(**sums)
    return base.collect(cells.order_by("cohort", "period"))


def _squared(money: ir.DecimalValue) -> ir.DecimalValue:
    # A digit more on one side: DuckDB then multiplies in 128 bits, and Spark still keeps every decimal.
    return money.cast(MONEY) * money.cast(WIDER)


def _with_margin(base: CustomerBase, spans: ir.Table, calendar: Calendar) -> ir.Table:
    """Margin and the revenue whose cost is known, where lines or products carry a `unit_cost`."""
    lines = margin_lines(base)
    if lines is None:
        return spans
    known = lines.mutate(period=calendar.number_of(lines.day))
    known = known.group_by("customer_id", "period").aggregate(
        margin=known.margin.sum().cast(MONEY), costed=known.costed.sum().cast(MONEY)
    )
    joined = spans.left_join(known, ["customer_id", "period"])
    nothing = ibis.literal(0).cast(MONEY)
    return joined.select(
        *spans.columns, margin=joined.margin.fill_null(nothing), costed=joined.costed.fill_null(nothing)
    )


def _registered(base: CustomerBase, people: ir.Table, calendar: Calendar) -> pd.DataFrame:
    """Who was in the customers table before the data begin, by cohort."""
    columns = ["cohort", "known", "older"]
    listed = base.tables.get("customers")
    if listed is None or "created_at" not in listed.columns:
        return pd.DataFrame(columns=columns)
    created = listed.select("customer_id", created=listed.created_at.date())
    joined = people.filter(people.cohort.notnull()).inner_join(created, "customer_id")
    older = joined.created < ibis.literal(calendar.begin)
    found = joined.group_by("cohort").aggregate(
        known=joined.created.notnull().sum().cast("int64"), older=older.sum().fill_null(0).cast("int64")
    )
    return base.collect(found.order_by("cohort"))
