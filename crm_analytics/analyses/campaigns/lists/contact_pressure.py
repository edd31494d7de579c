"""Who was contacted of late, and who must not be because a wave that is still running measures by them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.campaigns.measurement.campaign_arms import WINDOW, planned

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.campaigns.lists.contact_policy import Terms
    from crm_analytics.tables.customer_base import CustomerBase

OURS = "list:"  # how the ids of campaigns begin that are waves of ours, come back as tables


def contacts(base: CustomerBase, terms: Terms, issued: ir.Table | None) -> ir.Table | None:
    """Contacts of the last `cap_days`, from past campaigns and lists issued.

    A control of a wave whose window is not over holds a place as if it had been contacted. So other lists
    reach both arms alike, and what differs between them is this wave alone.

    Returns
    -------
    customer_id, contacts (as treated, each counted), held (as control of a wave that is still running);
    None where neither campaigns nor lists are known
    """
    parts = [part for part in (_of_campaigns(base, issued), _of_lists(issued)) if part is not None]
    if not parts:
        return None
    each = ibis.union(*parts) if len(parts) > 1 else parts[0]
    ago = ibis.literal(base.day).delta(each.day, unit="day").cast("int64")
    recent = each.filter(each.day >= ibis.literal(base.day - timedelta(days=terms.cap_days - 1)))
    recent = recent.mutate(running=ago < recent.window)
    return recent.group_by("customer_id").aggregate(
        contacts=recent.treated.sum().cast("int64"),
        held=(~recent.treated & recent.running).sum().cast("int64"),
    )


def _of_lists(issued: ir.Table | None) -> ir.Table | None:
    if issued is None:
        return None
    return issued.select(
        "customer_id",
        day=issued.issued_on,
        treated=issued.treatment == "treated",
        window=ibis.literal(WINDOW).cast("int64"),
    )


def _of_campaigns(base: CustomerBase, issued: ir.Table | None) -> ir.Table | None:
    """Members by their own time of sending, else their campaign's: its first, or its start."""
    members = base.tables.get("campaign_members")
    if members is None:
        return None
    sent = members.sent_at.date() if "sent_at" in members.columns else ibis.null("date")
    each = members.select("campaign_id", "customer_id", arm=members.treatment, sent=sent)
    each = each.filter(each.arm.isin(["treated", "control"]))
    if issued is not None and "lists" in issued.columns:  # a wave that came back is one contact, not two
        words = (OURS, issued["lists"], ":", issued["list"], ":", issued.issued_on.cast("string"))
        back = issued.select("customer_id", campaign_id=ibis.literal("").concat(*words)).distinct()
        each = each.anti_join(back, ["campaign_id", "customer_id"])
    first = each.group_by("campaign_id").aggregate(first_sent=each.sent.min())
    contacts = planned(base, each.left_join(first, "campaign_id").drop("campaign_id_right"))
    return contacts.select(
        "campaign_id",
        "customer_id",
        day=ibis.coalesce(contacts.sent, contacts.first_sent, contacts.start_day),
        treated=contacts.arm == "treated",
        window=contacts.planned_days.fill_null(WINDOW),
    ).distinct().drop("campaign_id")  # fmt: skip
