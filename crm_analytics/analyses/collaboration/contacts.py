"""Contacts of all teams with known customers, in one table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

TEAMS = SHOP, WEBSITE, SALES, MARKETING, SERVICE, SOCIAL = (
    "shop", "website", "sales", "marketing", "service", "social",
)  # fmt: skip
YEAR = 365
TREATED, OUT = "treated", "out"


def contacts(base: CustomerBase, days: int = YEAR) -> ir.Table:
    """Contacts of the last days.

    A purchase is a contact of the shop; an event is one of the website, or of sales where its direction is
    "out"; a message of a campaign is one of marketing, but not for whoever was held back; a ticket is one of
    service, a public mention one of social media.

    Returns
    -------
    customer_id, day, team
    """
    tables = base.tables
    first = ibis.literal(base.day - timedelta(days=days))
    bought = base.occasions
    parts = [bought.select("customer_id", day=bought.day, team=ibis.literal(SHOP))]
    if (events := tables.get("events")) is not None and "customer_id" in events.columns:
        team: ir.Value = ibis.literal(WEBSITE)
        if "direction" in events.columns:
            team = (events.direction.fill_null("") == OUT).ifelse(SALES, WEBSITE)
        parts.append(events.select("customer_id", day=events.timestamp.date(), team=team))
    if (sent := tables.get("campaign_members")) is not None and "sent_at" in sent.columns:
        sent = sent.filter(sent.treatment == TREATED)
        parts.append(sent.select("customer_id", day=sent.sent_at.date(), team=ibis.literal(MARKETING)))
    if (tickets := tables.get("tickets")) is not None:
        parts.append(tickets.select("customer_id", day=tickets.created_at.date(), team=ibis.literal(SERVICE)))
    if (wrote := tables.get("mentions")) is not None and "customer_id" in wrote.columns:
        parts.append(
            wrote.select("customer_id", day=wrote.created_timestamp.date(), team=ibis.literal(SOCIAL))
        )
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole.filter(whole.customer_id.notnull(), whole.day.notnull(), whole.day > first)


def teams_seen(base: CustomerBase, found: ir.Table) -> pd.DataFrame:
    """Customers by the one team that sees them, or by how many do.

    Parameters
    ----------
    found : of `contacts`

    Returns
    -------
    teams (how many), team (its name where it is one, else empty), customers; most teams last
    """
    each = found.group_by("customer_id").aggregate(teams=found.team.nunique(), team=found.team.min())
    named = each.mutate(team=(each.teams == 1).ifelse(each.team, ""))
    counted = named.group_by("teams", "team").aggregate(customers=named.count())
    return base.collect(counted.order_by(["teams", "team"])).astype({"teams": "int64", "customers": "int64"})
