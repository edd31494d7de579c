"""The card, the products, the contacts and the timeline of one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.pages import blocks, words
from crm_analytics.reports.customer_view.view import CustomerView
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import slug

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

FIRST = 20  # products


@section()
def card(view: CustomerView) -> Block:
    """What to know before talking to them."""
    t, seen = view.t, view.seen
    facts = {
        "value": t("card.value_text", money=seen.revenue, n=seen.orders),
        "last": t("card.last_text", day=seen.last_day, n=seen.silence_days)
        if seen.last_day
        else t("card.never"),
        **_of_models(view),
        "favourites": words.listing(seen.favourites.values(), t("and")) or t("card.unknown"),
        "open": _open(view),
        "consents": _consents(view),
        **{name: words.clean(value) for name, value in seen.details.items()},
    }
    frame = pd.DataFrame(
        {
            "what": [t(f"card.{name}") for name in facts],
            "known": [words.clean(text) for text in facts.values()],
        }
    )
    names = {"what": t("column.what"), "known": t("column.known")}
    who = words.clean(seen.name or seen.customer_id, words.LONGEST_LABEL)
    return blocks.table(frame, finding=t("card.finding", who=who, day=view.base.day), names=names)


def _of_models(view: CustomerView) -> dict[str, str]:
    t, among = view.t, view.seen.standing
    if among is None:
        return {}
    said = {
        "stage": t(f"stage.{slug(among.stage)}") if among.stage else None,
        "leave": None if among.chance_to_leave is None else words.percent(among.chance_to_leave, 0),
        "to_come": None if among.value_to_come is None else view.money(among.value_to_come),
        "offer": among.next_offer,
        "deals": None if among.deal_share is None else words.percent(among.deal_share, 0),
    }
    parts = {
        "leave": "value_to_come",
        "to_come": "value_to_come",
        "offer": "next_offer",
        "deals": "deal_share",
    }
    unknown = t("card.unknown")
    return {name: text or view.why(parts.get(name, name)) or unknown for name, text in said.items()}


def _open(view: CustomerView) -> str:
    issues = view.seen.open_issues
    if issues.empty:
        return view.t("card.none")
    first = issues.iloc[0]
    subject = "" if pd.isna(first["subject"]) else words.clean(first["subject"], 60)
    return view.t("card.open_text", n=len(issues), day=first["opened_at"], subject=subject or "-")


def _consents(view: CustomerView) -> str:
    t, seen = view.t, view.seen
    if seen.do_not_contact:
        return t("card.do_not_contact")
    said = [
        t(
            f"consent.{'yes' if given else 'no' if given is False else 'unknown'}",
            channel=t(f"channel.{name}"),
        )
        for name, given in seen.consents.items()
    ]
    return ", ".join(said)


@section()
def products(view: CustomerView) -> Block:
    """What they own, with the tickets about it."""
    t, table = view.t, view.seen.products
    if table.empty:
        return blocks.note(t("products.none"))
    names = {name: t(f"column.{name}") for name in map(str, table.columns)}
    n = int(table["tickets"].gt(0).sum())
    return blocks.table(
        table.head(FIRST), finding=t("products.finding", n=len(table), tickets=n), names=names,
        formats={"last_day": "date:short"},
    )  # fmt: skip


@section()
def last_contacts(view: CustomerView) -> Block:
    """When each team was last in touch."""
    t, table = view.t, view.seen.last_contacts
    if table.empty:
        return blocks.note(t("contacts.none"))
    shown = _worded(view, table)
    names = {name: t(f"column.{name}") for name in map(str, shown.columns)}
    return blocks.table(
        shown, finding=t("contacts.finding", n=len(table)), names=names, formats={"at": "date:short"}
    )


@section()
def timeline(view: CustomerView) -> Block:
    """Everything that happened, the newest first."""
    t, table = view.t, view.seen.events
    if table.empty:
        return blocks.note(t("timeline.none"))
    shown = _worded(view, table)
    names = {name: t(f"column.{name}") for name in map(str, shown.columns)}
    formats = {"at": "date:short", "amount": view.currency}
    return blocks.table(shown, finding=t("timeline.finding", n=len(table)), names=names, formats=formats)


def _worded(view: CustomerView, table: pd.DataFrame) -> pd.DataFrame:
    """Our own words in the language of the view; what the data say stays as it is."""
    t = view.t

    def said(kind: str, text: object) -> str:
        message = f"{kind}.{slug(text)}"
        return t(message) if t.knows(message) else words.clean(text)

    columns = [name for name in ("what", "team") if name in table]
    texts = {name: [said(name, text) for text in table[name]] for name in columns}
    rest = {name: table[name].fillna("") for name in ("channel", "detail", "reference") if name in table}
    return table.assign(**texts, **rest)
