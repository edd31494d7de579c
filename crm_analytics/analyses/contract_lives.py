"""Each contract from its start to its end: by a word, by a date, or not yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MONTH = DAYS_PER_YEAR / 12  # days
MINUTE = 60  # seconds: a contract that ends with its month belongs to it, however its stamp was rounded


def lives(base: CustomerBase, grace: int) -> ir.Table:
    """One row per contract, as `contracts.Contracts` says; with stopped_at (NULL while it is open)."""
    table, end = base.tables["subscriptions"], end_of(base.day)
    stop = _stop(table)
    word = ibis.literal(False)
    if "cancelled_at" in table.columns:
        word = (table.cancelled_at <= stop).fill_null(False)
    kept = [
        c for c in ("subscription_id", "amount", "is_recurring", "recurrence_months") if c in table.columns
    ]
    one = table.select("customer_id", *kept, started_at=table.start_date, stopped_at=stop, by_word=word)
    if "recurrence_months" not in kept:
        one = one.mutate(recurrence_months=ibis.null("float64"))
    # contracts of one customer in the order of their starts: the next one may continue this one
    order = ibis.window(group_by=one.customer_id, order_by=one.started_at)
    one = one.mutate(following=one.started_at.lead(1).over(order))
    one = one.filter(one.stopped_at.isnull() | (one.stopped_at > one.started_at))
    reached = (one.stopped_at < end).fill_null(False)
    again = (seconds(one.following) <= seconds(one.stopped_at) + grace * 86_400).fill_null(False)
    decided = (seconds(one.stopped_at) + grace * 86_400 < seconds(end)).fill_null(False)
    ended = reached & (one.by_word | (decided & ~again))
    one = one.mutate(until=reached.ifelse(one.stopped_at, end), ended=ended)
    passed = (seconds(one.until) - seconds(one.started_at)).cast("float64")
    month = ibis.literal(MONTH * 86_400)
    months = one.ended.ifelse(((passed - MINUTE) / month).floor() + 1, ((passed + MINUTE) / month).floor())
    return one.mutate(months=months.cast("int64"), recurrence=_recurrence(one.recurrence_months)).drop(
        "following", "by_word"
    )


def _stop(table: ir.Table) -> ir.Value:
    """When a contract stopped, by word or by date, whichever came first; NULL while it is open."""
    named = [table[c].cast("timestamp") for c in ("cancelled_at", "end_date") if c in table.columns]
    if not named:
        return ibis.null("timestamp")
    first, *others = named
    for other in others:
        first = ibis.least(first.coalesce(other), other.coalesce(first))
    # a stop before the start is a mistake of the source: the contract never ran
    return first.notnull().ifelse(ibis.greatest(first, table.start_date), ibis.null("timestamp"))


def is_over(table: ir.Table, end: ir.Value) -> ir.Value:
    """Whether a contract stopped before a moment, for whatever reason."""
    return (_stop(table) < end).fill_null(False)


def end_of(day: date) -> ir.TimestampScalar:
    """The first moment after a day."""
    return ibis.literal(pd.Timestamp(day + timedelta(days=1)).to_pydatetime())


def seconds(moment: ir.Value) -> ir.Value:
    """Seconds since 1970."""
    return moment.cast("timestamp").epoch_seconds()


def _recurrence(months: ir.Value) -> ir.Value:
    known = [(months == 1, "monthly"), (months == 3, "quarterly"), (months == 12, "yearly")]
    other = months.round(2).cast("string").fill_null("")
    words = ibis.literal("every ") + other + ibis.literal(" months")
    return ibis.cases(*known, (months.isnull(), "no recurrence"), else_=words)
