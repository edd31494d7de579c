"""Customers who come back with a problem: how often, and who they are today."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.intervals import Z95

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.service.tickets import Tickets

WITHIN = 30  # days after the last ticket of the same kind was opened
RECENT = 90  # days in which two complaints are a repeated problem
MANY = 2


@dataclass(frozen=True)
class Repeats:
    """How often a problem comes again.

    Attributes
    ----------
    share, lower, upper : of tickets that were followed for `within` days, those after which the same customer
        came again with the same kind of problem; 95 %, customers are the draw, because one customer with ten
        tickets is one customer
    tickets, customers : followed
    within : days
    """

    share: float | None
    lower: float | None
    upper: float | None
    tickets: int
    customers: int
    within: int


def repeats(given: Tickets, within: int = WITHIN) -> Repeats:
    """Tickets that were followed by another of the same customer and type."""
    each = given.each
    each = each.filter(each.customer_id.notnull()).mutate(kind=each.type.fill_null(""))
    order = ibis.window(group_by=["customer_id", "kind"], order_by=["created_at", "ticket_id"])
    each = each.mutate(after=each.day.lead().over(order))
    whole = each.filter(each.day <= ibis.literal(given.base.day - timedelta(days=within)))
    again = (whole.after.delta(whole.day, unit="day") <= within).fill_null(False)
    mine = whole.group_by("customer_id").aggregate(n=whole.count(), k=again.sum())
    sums = mine.aggregate(
        customers=mine.count(), n=mine.n.sum(), k=mine.k.sum(),
        kk=(mine.k * mine.k).sum(), kn=(mine.k * mine.n).sum(), nn=(mine.n * mine.n).sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n, k = int(sums["n"] or 0), int(sums["k"] or 0)
    if not n:
        return Repeats(None, None, None, 0, 0, within)
    p = k / n
    squares = float(sums["kk"] - 2 * p * float(sums["kn"]) + p * p * float(sums["nn"]))
    error = Z95 * math.sqrt(max(squares, p * (1 - p) * n)) / n
    return Repeats(p, max(p - error, 0.0), min(p + error, 1.0), n, int(sums["customers"]), within)


def with_repeated_problem(given: Tickets, recent: int = RECENT) -> ir.Table:
    """Customers with two complaints in the last days, or with two tickets open today.

    Returns
    -------
    customer_id, complaints (of the last `recent` days), open_tickets
    """
    each = given.each
    each = each.filter(each.customer_id.notnull())
    new = each.day > ibis.literal(given.base.day - timedelta(days=recent))
    mine = each.group_by("customer_id").aggregate(
        complaints=each.count(where=each.is_complaint & new), open_tickets=each.count(where=each.is_open)
    )
    return mine.filter((mine.complaints >= MANY) | (mine.open_tickets >= MANY))
