"""What happened with one customer, from every table, the newest first.

The customer's id is the first filter of every table, so that the engine reads the rows of one person and
skips the rest; nothing is joined or counted before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

COLUMNS = ("at", "what", "team", "channel", "detail", "amount", "reference")
SHOP, MARKETING, SERVICE, RESEARCH, SOCIAL, RECORDS, WEBSITE, SALES = TEAMS = (
    "shop", "marketing", "service", "research", "social media", "records", "website", "sales",
)  # fmt: skip
OUT = "out"  # direction of an event that somebody of ours began
# table -> moments: column of the time, what happened, team, column of the channel, of the detail, the amount,
# the reference; empty where there is none.
MOMENTS: dict[str, tuple[tuple[str, str, str, str, str, str, str], ...]] = {
    "customers": (
        ("created_at", "became known", RECORDS, "acquisition_channel", "", "", ""),
        ("closed_at", "closed the account", RECORDS, "", "", "", ""),
    ),
    "events": (("timestamp", "", WEBSITE, "channel", "event", "value", "event_id"),),
    "campaign_members": (
        ("sent_at", "was sent a campaign", MARKETING, "", "treatment", "", "campaign_id"),
        ("opened_at", "opened it", MARKETING, "", "", "", "campaign_id"),
        ("clicked_at", "clicked it", MARKETING, "", "", "", "campaign_id"),
        ("responded_at", "responded", MARKETING, "", "", "response_value", "campaign_id"),
        ("unsubscribed_at", "unsubscribed", MARKETING, "", "", "", "campaign_id"),
    ),
    "tickets": (
        ("created_at", "opened a ticket", SERVICE, "channel", "subject", "", "ticket_id"),
        ("first_reply_at", "got a first reply", SERVICE, "channel", "", "", "ticket_id"),
        ("last_solved_at", "ticket was solved", SERVICE, "channel", "resolution", "", "ticket_id"),
    ),
    "survey_responses": (
        ("responded_at", "answered a survey", RESEARCH, "", "instrument", "", "response_id"),
    ),
    "mentions": (("created_timestamp", "wrote in public", SOCIAL, "platform", "message", "", "mention_id"),),
    "subscriptions": (
        ("start_date", "subscribed", SHOP, "", "product_id", "amount", "subscription_id"),
        ("cancelled_at", "cancelled a subscription", SHOP, "", "cancel_reason", "", "subscription_id"),
    ),
    "customer_identities": (("valid_from", "was recognised", RECORDS, "", "id_type", "", ""),),
}
CONTROL, HELD_BACK = "control", "was held back from a campaign"
TIES = ("what", "reference", "detail")


def of_customer(base: CustomerBase, name: str, customer_id: str) -> ir.Table | None:
    """The rows of a table that are about one customer; None where there is no such table.

    Events of a visitor are the customer's where an identity of the type "anonymous_id" says so.
    """
    table = base.tables.get(name)
    if table is None or "customer_id" not in table.columns:
        return None
    mine = table.customer_id == customer_id
    known = base.tables.get("customer_identities")
    if name == "events" and known is not None and "anonymous_id" in table.columns:
        wanted = known.filter(known.customer_id == customer_id, known.id_type.lower() == "anonymous_id")
        visitor = wanted.select("id_value").to_pyarrow()["id_value"].to_pylist()
        if visitor:
            mine |= table.customer_id.isnull() & table.anonymous_id.isin(sorted(visitor))
    return table.filter(mine)


def timeline(base: CustomerBase, customer_id: str, limit: int = 200) -> pd.DataFrame:
    """Everything that happened with a customer up to the base's day, the newest first.

    Parameters
    ----------
    limit : at most so many rows

    Returns
    -------
    at (timestamp), what, team, channel, detail, amount (money), reference (key in its table). Purchases are
    one row per receipt; a customer who was held back from a campaign is shown as such

    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [9.0, -2.0, 5.0],
    ...     "transaction_date": ["2026-01-05", "2026-01-09", "2026-01-06"]}), today="2026-02-01")
    >>> timeline(base, "a")[["what", "amount"]].values.tolist()
    [['sent goods back', -2.0], ['bought', 9.0]]
    """
    return moments(base, customer_id).head(limit)


def last_contacts(base: CustomerBase, customer_id: str) -> pd.DataFrame:
    """The last moment of each team: team, at, what, channel. Being held back is no contact."""
    return last_of_each_team(moments(base, customer_id))


def last_of_each_team(found: pd.DataFrame) -> pd.DataFrame:
    """As `last_contacts`, from `moments`."""
    met = found[~found["what"].str.startswith(HELD_BACK) & (found["team"] != RECORDS)]
    first = met.drop_duplicates("team")[["team", "at", "what", "channel"]]
    return first.sort_values(["at", "team"], ascending=[False, True], ignore_index=True)


def moments(base: CustomerBase, customer_id: str) -> pd.DataFrame:
    """The whole `timeline` in one query; what else is asked of one customer is asked of this small frame."""
    return base.collect(_moments(base, customer_id).order_by([ibis.desc("at"), *TIES]))


def _moments(base: CustomerBase, customer_id: str) -> ir.Table:
    parts = [_purchases(base, customer_id), *_referrals(base, customer_id)]
    for name, moments in MOMENTS.items():
        table = of_customer(base, name, customer_id)
        parts += [_moment(table, *one) for one in moments if table is not None and one[0] in table.columns]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def _moment(  # noqa: PLR0917
    table: ir.Table, at: str, what: str, team: str, channel: str, detail: str, amount: str, reference: str
) -> ir.Table:
    def column(name: str, kind: str) -> ir.Value:
        return table[name].cast(kind) if name in table.columns else ibis.null(kind)

    said = ibis.literal(what) if what else table.event
    if what == "was sent a campaign" and "treatment" in table.columns:
        said = (table.treatment == CONTROL).ifelse(HELD_BACK, what)
    who: ir.Value = ibis.literal(team)
    if team == WEBSITE and "direction" in table.columns:
        who = (table.direction.fill_null("") == OUT).ifelse(SALES, WEBSITE)
    kept = table.select(
        at=table[at].cast("timestamp"),
        what=said,
        team=who,
        channel=column(channel, "string"),
        detail=column(detail, "string") if what else ibis.null("string"),
        amount=column(amount, "float64"),
        reference=column(reference, "string"),
    )
    return kept.filter(kept["at"].notnull())


def _purchases(base: CustomerBase, customer_id: str) -> ir.Table:
    """Receipts: one row per transaction key and time, or per time where lines have no key."""
    lines = base.transactions.filter(base.transactions.customer_id == customer_id)
    has = set(lines.columns)
    key = lines.transaction_id if "transaction_id" in has else ibis.null("string")
    back = lines.unit_spend < 0
    if "is_return" in has:
        back |= lines.is_return.fill_null(False)
    marked = lines.mutate(
        receipt=key.fill_null(""), back=back, where=lines.channel if "channel" in has else ibis.null("string")
    )
    receipts = marked.group_by("receipt", "back", at=marked.transaction_date).aggregate(
        amount=marked.unit_spend.sum(), n=marked.count(), where=marked["where"].min()
    )
    return receipts.select(
        at=receipts["at"].cast("timestamp"),
        what=receipts.back.ifelse("sent goods back", "bought"),
        team=ibis.literal(SHOP),
        channel=receipts["where"],
        detail=ibis.null("string"),
        amount=receipts.amount.cast("float64"),
        reference=receipts.receipt.nullif(""),
    )


def _referrals(base: CustomerBase, customer_id: str) -> list[ir.Table]:
    table = base.tables.get("referrals")
    if table is None:
        return []
    gave = table.filter(table.referrer_customer_id == customer_id)
    parts = [_moment(gave, "invited_at", "invited somebody", MARKETING, "channel", "", "", "referral_id")]
    if {"converted_at", "referred_customer_id"} <= set(table.columns):
        came = table.filter(table.referred_customer_id == customer_id)
        parts.append(
            _moment(came, "converted_at", "came by referral", MARKETING, "channel", "", "", "referral_id")
        )
    return parts
