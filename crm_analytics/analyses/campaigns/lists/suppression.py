"""The steps that keep customers out of a list; consent, closed accounts and open tickets among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.campaigns.lists.contact_policy import CHANNELS, Terms

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

CLOSED = "account closed"
BARRED = "do not contact"
NO_CHANNEL = "no channel with consent"
TICKET = "open ticket"
CAP = "contacted lately"
AGAIN = "was on this list lately"
HELD = "control of a wave that is still running"
WORTHLESS = "not worth the contact"
OTHER = "on another list"
BEYOND = "beyond the top"
STEPS = (CLOSED, BARRED, NO_CHANNEL, TICKET, CAP, AGAIN, HELD, WORTHLESS, OTHER, BEYOND)

# What must be known of a customer to be reached, where the source has such a column.
ADDRESS = {"email": "email", "sms": "phone", "phone": "phone", "post": "postal_code"}
_DIGITAL = ("email", "sms")  # what an unsubscription ends


def reachable(base: CustomerBase, terms: Terms) -> ir.Table:
    """One row per customer: customer_id, channel (NULL: none is allowed), closed, barred.

    A consent must be recorded as true; a column that is missing counts as none unless `terms.assumed` names
    the channel. An unsubscription ends e-mail and SMS. The consents are those of today, whatever the base's
    day: nobody is contacted who has said no since.
    """
    people = base.tables.get("customers")
    everyone = base.customers
    gone = _unsubscribed(base)
    if gone is not None:
        everyone = everyone.left_join(gone, "customer_id").drop("customer_id_right")
    else:
        everyone = everyone.mutate(unsubscribed=ibis.literal(False))
    has = set(people.columns) if people is not None else set()
    allowed = []
    for channel in terms.channels:
        consent = f"consent_{channel}"
        given = everyone[consent].fill_null(False) if consent in has else None
        ok = ibis.literal(channel in terms.assumed) if given is None else given
        if ADDRESS[channel] in has:
            ok &= everyone[ADDRESS[channel]].notnull()
        if channel in _DIGITAL:
            ok &= ~everyone.unsubscribed.fill_null(False)
        allowed.append((ok, channel))
    false = ibis.literal(False)
    return everyone.select(
        "customer_id",
        channel=ibis.cases(*allowed, else_=None),
        closed=everyone.closed_at.notnull() if "closed_at" in has else false,
        barred=everyone.do_not_contact.fill_null(False) if "do_not_contact" in has else false,
    )


def consents_known(base: CustomerBase, terms: Terms) -> bool:
    """Whether any channel can be allowed at all."""
    people = base.tables.get("customers")
    has = set(people.columns) if people is not None else set()
    return any(f"consent_{one}" in has or one in terms.assumed for one in CHANNELS if one in terms.channels)


def _unsubscribed(base: CustomerBase) -> ir.Table | None:
    members = base.tables.get("campaign_members")
    if members is None or "unsubscribed_at" not in members.columns:
        return None
    gone = members.filter(members.unsubscribed_at.notnull()).select("customer_id").distinct()
    return gone.mutate(unsubscribed=ibis.literal(True))


def open_tickets(base: CustomerBase) -> ir.Table | None:
    """Customers who wait for an answer: a ticket without a solution. None where tickets tell no solution."""
    tickets = base.tables.get("tickets")
    if tickets is None:
        return None
    for column in ("last_solved_at", "first_solved_at"):
        if column in tickets.columns:
            return tickets.filter(tickets[column].isnull()).select("customer_id").distinct()
    return None
