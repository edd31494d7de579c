"""What is known of a running contract on a day, and whether it ended soon after."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from crm_analytics.analyses.contract_lives import MONTH, end_of, is_over, lives
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import as_day

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"subscriptions": ("customer_id", "start_date")}
GRACE = 30  # days


def features(past: CustomerBase) -> ir.Table:
    """What is known of each running contract at the end of the day: one row per contract.

    Columns: subscription_id (where there is one), customer_id, age_days, recurrence_months, amount,
    is_recurring, days_to_renewal (NULL without a recurrence), other_contracts (of the customer, before the
    day), ended_before (those of them that were over), days_since_purchase (NULL: never), purchases_90_days,
    tickets_90_days and complaints_90_days (where there are tickets).

    The end date is no feature: sources write it when a contract is cancelled, and then it tells the future.
    So renewals are counted from the start and the recurrence alone.
    """
    past.require(NEEDS)
    table = past.tables["subscriptions"]
    over = is_over(table, end_of(past.day))
    running, day = table.filter(~over), ibis.literal(past.day)
    age = day.delta(running.start_date.date(), unit="day").cast("int64")
    own = [
        c for c in ("subscription_id", "recurrence_months", "amount", "is_recurring") if c in table.columns
    ]
    one = running.select("customer_id", *own, age_days=age)
    if "amount" in own:
        one = one.mutate(amount=one.amount.cast("float64"))
    if "recurrence_months" in own:
        period = one.recurrence_months.nullif(0) * ibis.literal(MONTH)
        done = one.age_days / period
        one = one.mutate(days_to_renewal=((done.floor() + 1 - done) * period).cast("float64"))
    counts = table.group_by("customer_id").aggregate(held=table.count(), over=over.cast("int64").sum())
    one = _beside(one, counts)
    one = one.mutate(other_contracts=one.held - 1, ended_before=one.over).drop("held", "over")
    return _with_purchases_and_tickets(past, one)


def labels(base: CustomerBase, day: str | date, window: int, *, grace: int = GRACE) -> ir.Table:
    """Which contracts running at the end of a day ended in the `window` days after it.

    Parameters
    ----------
    base : a base that knows what came
    day : the day of the features
    window : days
    grace : as in `contracts`

    Returns
    -------
    Ibis table: subscription_id (where there is one), customer_id, left (bool). The contracts are those of
    ``features(base.as_of(day))``.

    Raises
    ------
    ParameterError : window or grace is no number of days, or the window and the grace of contracts that
        run out in it end after the base.
    """
    start = as_day(day, "day")
    if window < 1 or grace < 0:
        raise ParameterError(f"window must be 1 day or more and grace 0 or more, got {window} and {grace}")
    base.require(NEEDS)
    until = start + timedelta(days=window)
    dated = "end_date" in base.tables["subscriptions"].columns
    known = until + timedelta(days=grace if dated else 0)
    if known > base.day:
        raise ParameterError(
            f"the labels of {start} are known on {known} ({window} days, and {grace if dated else 0} of "
            f"grace), but the data end on {base.day}: choose an earlier day or a shorter window"
        )
    found = lives(base, grace)
    running = (found.started_at < end_of(start)) & (found.stopped_at >= end_of(start)).fill_null(True)
    there = found.filter(running)
    left = there.ended & (there.until < end_of(until))
    own = [c for c in ("subscription_id",) if c in found.columns]
    return there.select(*own, "customer_id", left=left)


def _beside(one: ir.Table, counts: ir.Table) -> ir.Table:
    return one.left_join(counts, "customer_id").drop("customer_id_right")


def _with_purchases_and_tickets(past: CustomerBase, one: ir.Table) -> ir.Table:
    day = ibis.literal(past.day)
    days = past.exact_occasions
    near = day.delta(days.day, unit="day") < 90
    bought = days.group_by("customer_id").aggregate(last=days.day.max(), near=near.cast("int64").sum())
    one = _beside(one, bought)
    one = one.mutate(
        days_since_purchase=day.delta(one["last"], unit="day").cast("int64"),
        purchases_90_days=one.near.fill_null(0),
    ).drop("last", "near")
    if "tickets" not in past.tables:
        return one
    tickets = past.tables["tickets"]
    tickets = tickets.filter(day.delta(tickets.created_at.date(), unit="day") < 90)
    bad = tickets.is_complaint.fill_null(False) if "is_complaint" in tickets.columns else ibis.literal(False)
    ticket_counts = tickets.group_by("customer_id").aggregate(
        tickets_90_days=tickets.count(), complaints_90_days=bad.cast("int64").sum()
    )
    one = _beside(one, ticket_counts)
    return one.mutate(
        tickets_90_days=one.tickets_90_days.fill_null(0),
        complaints_90_days=one.complaints_90_days.fill_null(0),
    )
