"""What is known of each customer's referrals on a day: features of churn, and facts for rules of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


def referral_facts(past: CustomerBase) -> ir.Table | None:
    """Invitations and referrals of each customer up to the base's day; None without the table.

    Returns
    -------
    customer_id, invitations (sent), referrals (different customers they brought), was_referred (0 or 1);
    invitations of oneself are not counted. Late conversions are invisible before they came.
    """
    sent = past.tables.get("referrals")
    if sent is None:
        return None
    other = sent.referred_customer_id if "referred_customer_id" in sent.columns else ibis.null("string")
    rows = sent.select(giver=sent.referrer_customer_id, other=other)
    rows = rows.filter(rows.giver.notnull() & (rows.other.isnull() | (rows.other != rows.giver)))
    given = rows.select(customer_id=rows.giver, sent=ibis.literal(1), came=rows.other, got=ibis.literal(0))
    got = rows.filter(rows.other.notnull()).select(
        customer_id="other", sent=ibis.literal(0), came=ibis.null("string"), got=ibis.literal(1)
    )
    both = given.union(got)
    return both.group_by("customer_id").aggregate(
        invitations=both.sent.sum(), referrals=both.came.nunique(), was_referred=both.got.max()
    )
