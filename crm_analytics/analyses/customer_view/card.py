"""The card of one customer: what everybody who talks to them should know before they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.customer_view.timeline import last_of_each_team, moments, of_customer
from crm_analytics.errors import ParameterError
from crm_analytics.tables.customer_days import customer_days

if TYPE_CHECKING:
    from crm_analytics.analyses.customer_view.standing import Standing
    from crm_analytics.tables.customer_base import CustomerBase

CONSENTS = ("consent_email", "consent_phone", "consent_sms", "consent_post")
NAMES = ("first_name", "last_name")
DETAILS = ("customer_type", "email", "phone", "city", "region", "country", "language", "birth_date",
           "loyalty_tier", "needs_segment", "account_manager")  # fmt: skip
SOLVED = ("solved", "closed", "resolved")


@dataclass(frozen=True, eq=False)
class Card:
    """What is known of one customer at the base's day.

    Attributes
    ----------
    customer_id, name : the name is empty where there is none
    details : field of the customers table -> value, those that are filled
    revenue, orders, first_day, last_day, silence_days : net of returns; days on which they bought
    favourites : "product", "category", "channel" -> what they take most
    products : product, bought (lines), last_day, tickets (about it), open (of these)
    open_issues : opened_at, channel, subject, reference: tickets without a solution
    consents : channel -> True, False, or None where it is not recorded
    do_not_contact : they asked to be left alone
    last_contacts : team, at, what, channel: the last of each team
    events : the timeline
    standing : of the whole base; None where it was not asked
    """

    customer_id: str
    name: str
    details: dict[str, Any]
    revenue: float
    orders: int
    first_day: date | None
    last_day: date | None
    silence_days: int | None
    favourites: dict[str, str]
    products: pd.DataFrame
    open_issues: pd.DataFrame
    consents: dict[str, bool | None]
    do_not_contact: bool
    last_contacts: pd.DataFrame
    events: pd.DataFrame
    standing: Standing | None = field(default=None)


def card(base: CustomerBase, customer_id: str, *, standing: Standing | None = None, limit: int = 200) -> Card:
    """The card of a customer, from their own rows alone.

    Parameters
    ----------
    standing : of `customer_view.standing`, which asks the models of the whole base
    limit : rows of the timeline

    Raises
    ------
    ParameterError : no table knows this customer. The message does not repeat the id.

    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [9.0, 4.0, 5.0],
    ...     "transaction_date": ["2026-01-05", "2026-01-09", "2026-01-16"]}), today="2026-02-01")
    >>> found = card(base, "a")
    >>> found.revenue, found.orders, found.silence_days
    (13.0, 2, 7)
    """
    person = _person(base, customer_id)
    events = moments(base, customer_id)
    if person is None and events.empty:
        raise ParameterError(
            "no table of these data knows this customer up to the day. Ids are compared letter by letter; "
            "`crm reveal` turns a pseudonym back"
        )
    about = person or {}
    # `base.customer_days` would be made for everybody
    days = customer_days(base.transactions.filter(base.transactions.customer_id == customer_id))
    row = days.aggregate(
        revenue=days.spend.sum().cast("float64"), orders=days.is_occasion.sum(),
        first=days.day.min(where=days.is_occasion), last=days.day.max(where=days.is_occasion),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    silence = (base.day - row["last"]).days if row["last"] else None
    products, favourites = _bought(base, customer_id)
    return Card(
        customer_id=customer_id,
        name=" ".join(str(about[n]) for n in NAMES if about.get(n)),
        details={name: about[name] for name in DETAILS if about.get(name) is not None},
        revenue=float(row["revenue"] or 0.0),
        orders=int(row["orders"] or 0),
        first_day=row["first"],
        last_day=row["last"],
        silence_days=silence,
        favourites=favourites,
        products=products,
        open_issues=_open_issues(base, customer_id),
        consents={name.removeprefix("consent_"): about.get(name) for name in CONSENTS},
        do_not_contact=bool(about.get("do_not_contact")),
        last_contacts=last_of_each_team(events),
        events=events.head(limit),
        standing=standing,
    )


def _person(base: CustomerBase, customer_id: str) -> dict[str, Any] | None:
    table = of_customer(base, "customers", customer_id)
    rows = [] if table is None else table.limit(1).to_pyarrow().to_pylist()
    return rows[0] if rows else None


def _bought(base: CustomerBase, customer_id: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Products with their tickets, and what is taken most; from this customer's lines alone, in one query."""
    lines = base.transactions.filter(base.transactions.customer_id == customer_id)
    lines = lines.filter(lines.unit_spend > 0)
    names = base.tables.get("products")
    if "product_id" in lines.columns and names is not None:
        kept = [c for c in ("product_name", "category_0_name") if c in names.columns]
        lines = lines.left_join(names.select("product_id", *kept), "product_id").drop("product_id_right")
    has = set(lines.columns)
    none = ibis.null("string")
    code = lines.product_id if "product_id" in has else none
    named = lines.product_name if "product_name" in has else none
    wanted = {
        "product_id": code,
        "product": named.fill_null(code),
        "category": lines.category_0_name if "category_0_name" in has else none,
        "channel": lines.channel if "channel" in has else none,
    }
    counted = lines.group_by(**wanted).aggregate(
        bought=lines.count(), last_day=lines.transaction_date.max().date()
    )
    found = base.collect(counted)
    favourites = {name: top for name in ("product", "category", "channel") if (top := _most(found, name))}
    columns = ["product", "bought", "last_day", "tickets", "open"]
    if "product_id" not in has or found.empty:
        return pd.DataFrame(columns=columns), favourites
    each = found.groupby(["product_id", "product"], as_index=False, dropna=False)
    found = each.agg(bought=("bought", "sum"), last_day=("last_day", "max"))
    found = found.sort_values(["bought", "last_day", "product"], ascending=[False, False, True])
    tickets = _tickets_of_products(base, customer_id)
    found = found.merge(tickets, on="product_id", how="left").fillna({"tickets": 0, "open": 0})
    found = found.sort_values(["open", "tickets"], ascending=False, kind="stable", ignore_index=True)
    return found[columns].astype({"tickets": "int64", "open": "int64"}), favourites


def _most(found: pd.DataFrame, name: str) -> str:
    """What most lines are of; the first by name of equals; empty where nothing is known."""
    sums = found.groupby(name)["bought"].sum()
    return "" if sums.empty else str(sums[sums == sums.max()].index.min())


def _tickets_of_products(base: CustomerBase, customer_id: str) -> pd.DataFrame:
    """Tickets by product: of the product they name, else of those on the receipt they name."""
    table = of_customer(base, "tickets", customer_id)
    nothing = pd.DataFrame({"product_id": pd.Series(dtype="str"), "tickets": [], "open": []})
    if table is None:
        return nothing
    has = set(table.columns)
    parts = []
    solved = table.last_solved_at.notnull() if "last_solved_at" in has else ibis.literal(False)
    table = table.mutate(is_open=~solved)
    if "product_id" in has:
        named = table.filter(table.product_id.notnull())
        parts.append(named.select("ticket_id", "product_id", "is_open"))
    lines = base.transactions.filter(base.transactions.customer_id == customer_id)
    if {"transaction_id"} <= has & set(lines.columns):
        rest = table.filter(table.product_id.isnull()) if "product_id" in has else table
        sold = lines.select("transaction_id", "product_id").distinct()
        parts.append(
            rest.select("ticket_id", "transaction_id", "is_open")
            .inner_join(sold, "transaction_id")
            .select("ticket_id", "product_id", "is_open")
        )
    if not parts:
        return nothing
    whole = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    counted = whole.group_by("product_id").aggregate(
        tickets=whole.ticket_id.nunique(), open=whole.ticket_id.nunique(where=whole.is_open)
    )
    return base.collect(counted.order_by("product_id"))


def _open_issues(base: CustomerBase, customer_id: str) -> pd.DataFrame:
    table = of_customer(base, "tickets", customer_id)
    columns = ["opened_at", "channel", "subject", "reference"]
    if table is None:
        return pd.DataFrame(columns=columns)
    has = set(table.columns)
    if "last_solved_at" in has:
        table = table.filter(table.last_solved_at.isnull())
    elif "status" in has:
        table = table.filter(~table.status.fill_null("").lower().isin(list(SOLVED)))
    texts = {n: table[n] if n in has else ibis.null("string") for n in ("channel", "subject")}
    kept = table.select(opened_at=table.created_at, **texts, reference=table.ticket_id)
    return base.collect(kept.order_by([ibis.desc("opened_at"), "reference"]))
