"""Where teams get in each other's way: contradictory contacts, hand-offs, repeated questions; as rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.collaboration.contacts import TREATED, YEAR
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import DataError, NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

WEEK = 7
REPEATED = 30  # days within which the same question counts as asked again
DURING_COMPLAINT, TWO_CAMPAIGNS, AFTER_STOP = KINDS = ("complaint", "two_campaigns", "after_stop")


@dataclass(frozen=True)
class Rate:
    """How often something happened.

    Attributes
    ----------
    name : what
    n, of : cases, and all that could have been
    lower, upper : of n / of, 95 % (Wilson); cases of one customer count as independent
    """

    name: str
    n: int
    of: int

    @property
    def share(self) -> float:
        """Of all that could have been."""
        return self.n / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        return wilson(self.n, self.of)


def contradictions(base: CustomerBase, days: int = YEAR) -> tuple[list[Rate], ir.Table]:
    """Campaign messages that contradict what another team or campaign does with the same customer.

    - "complaint": sent while a complaint of the customer was open, or within a week of its opening;
    - "two_campaigns": sent within a week after another campaign's message;
    - "after_stop": sent after the customer had unsubscribed.

    Returns
    -------
    rates over the messages of the last days, and the customers with an open complaint (customer_id) whom no
    campaign should write to now

    Raises
    ------
    DataError : no campaign members with a time of sending, or nothing was sent.
    """
    base.require({"campaign_members": ("campaign_id", "customer_id", "treatment", "sent_at")})
    table = base.tables["campaign_members"]
    first = ibis.literal(base.day - timedelta(days=days))
    stops = table.unsubscribed_at if "unsubscribed_at" in table.columns else ibis.null("timestamp")
    every = table.filter(table.treatment == TREATED, table.sent_at.notnull()).select(
        "customer_id", "campaign_id", "sent_at", stop=stops
    )
    by_customer = ibis.window(group_by="customer_id", order_by=["sent_at", "campaign_id"])
    before = ibis.window(group_by="customer_id", order_by=["sent_at", "campaign_id"], preceding=(None, 1))
    marked = every.mutate(
        last=every.sent_at.lag(1).over(by_customer),
        last_campaign=every.campaign_id.lag(1).over(by_customer),
        stopped=every.stop.min().over(before),
    )
    near = marked.sent_at.date().delta(marked["last"].date(), unit="day") < WEEK
    sent = marked.filter(marked.sent_at.date() > first).mutate(
        two_campaigns=(near & (marked.campaign_id != marked.last_campaign)).fill_null(False),
        after_stop=(marked.stopped < marked.sent_at).fill_null(False),
    )
    row = sent.aggregate(
        n=sent.count(), two_campaigns=sent.two_campaigns.sum(), after_stop=sent.after_stop.sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if not row["n"]:
        raise DataError("no campaign sent a message in the last year")
    open_, during = _complaints(base, sent)
    counts = {DURING_COMPLAINT: during, TWO_CAMPAIGNS: row["two_campaigns"], AFTER_STOP: row["after_stop"]}
    return [Rate(kind, int(counts[kind] or 0), int(row["n"])) for kind in KINDS], open_


def _complaints(base: CustomerBase, sent: ir.Table) -> tuple[ir.Table, int]:
    """Customers with an open complaint, and messages sent while one was open or young."""
    tickets = base.tables.get("tickets")
    if tickets is None:
        return base.customers.filter(ibis.literal(False)).select("customer_id"), 0
    has = set(tickets.columns)
    if "is_complaint" in has:
        tickets = tickets.filter(tickets.is_complaint.fill_null(False))
    solved = tickets.last_solved_at if "last_solved_at" in has else ibis.null("timestamp")
    mine = tickets.select("customer_id", opened=tickets.created_at, solved=solved)
    both = sent.select("customer_id", "campaign_id", "sent_at").inner_join(mine, "customer_id")
    young = both.sent_at.date().delta(both.opened.date(), unit="day") <= WEEK
    met = both.filter(
        both.sent_at >= both.opened, young | (both.solved > both.sent_at) | both.solved.isnull()
    )
    n = met.select("customer_id", "campaign_id", "sent_at").distinct().count().to_pyarrow().as_py()
    return mine.filter(mine.solved.isnull()).select("customer_id").distinct(), int(n)


def hand_offs(base: CustomerBase, days: int = YEAR) -> tuple[Rate, dict[str, float]]:
    """Tickets that went from one person to another, and how long they took against the others.

    Returns
    -------
    the rate over solved tickets of the last days; "with" and "without": median days to the solution

    Raises
    ------
    DataError : no tickets with reassignments.
    NotEnoughData : none was solved.
    """
    base.require({"tickets": ("created_at", "reassignments", "last_solved_at")})
    table = base.tables["tickets"]
    first = ibis.literal(base.day - timedelta(days=days))
    solved = table.filter(table.last_solved_at.notnull(), table.created_at.date() > first)
    took = (solved.last_solved_at.epoch_seconds() - solved.created_at.epoch_seconds()) / 86_400
    marked = solved.select(moved=solved.reassignments.fill_null(0) > 0, took=took)
    counted = marked.group_by("moved").aggregate(n=marked.count(), took=marked.took.quantile(0.5))
    found = base.collect(counted).set_index("moved")
    if found.empty:
        raise NotEnoughData("hand-offs", 0, 1, "solved tickets in the last year")
    n = int(found["n"].get(True, 0))
    medians = {name: found["took"].get(moved) for name, moved in (("with", True), ("without", False))}
    return Rate("hand_offs", n, int(found["n"].sum())), {
        name: float(value) for name, value in medians.items() if value is not None
    }


def repeated_questions(base: CustomerBase, days: int = YEAR) -> Rate:
    """Tickets that ask again what the same customer asked in the 30 days before: the same type and subject.

    Raises
    ------
    DataError : no tickets, or neither their type nor their subject.
    NotEnoughData : there were none.
    """
    base.require({"tickets": ("customer_id", "created_at")})
    table = base.tables["tickets"]
    about = [name for name in ("type", "subject") if name in table.columns]
    if not about:
        raise DataError("this needs tickets.type or tickets.subject")
    first = ibis.literal(base.day - timedelta(days=days))
    keys = {name: table[name].fill_null("").lower().strip() for name in about}
    named = table.select("customer_id", "ticket_id", "created_at", **keys)
    order = ibis.window(group_by=["customer_id", *about], order_by=["created_at", "ticket_id"])
    marked = named.mutate(last=named.created_at.lag(1).over(order))
    again = marked.created_at.date().delta(marked["last"].date(), unit="day") <= REPEATED
    late = marked.mutate(again=again.fill_null(False)).filter(marked.created_at.date() > first)
    row = late.aggregate(n=late.count(), again=late.again.sum()).to_pyarrow().to_pylist()[0]
    if not row["n"]:
        raise NotEnoughData("repeated questions", 0, 1, "tickets in the last year")
    return Rate("repeated_questions", int(row["again"] or 0), int(row["n"]))
