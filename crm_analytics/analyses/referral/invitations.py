"""Invitations of customers, and which of them count: each referred customer once, no circle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.referral.forest import Forest, circles, grown
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"referrals": ("referrer_customer_id", "invited_at")}
COUNTS = "counts"
BY_THEMSELVES = "invited themselves"
NO_REFERRER = "referrer unknown"
TOO_EARLY = "invited before the referrer was a customer"
CAME_BEFORE = "was a customer before the invitation"
BACKWARDS = "joined before the invitation"
AGAIN = "was referred already"
CIRCLE = "part of a circle"
SET_ASIDE = (BY_THEMSELVES, NO_REFERRER, TOO_EARLY, CAME_BEFORE, BACKWARDS, AGAIN, CIRCLE)


@dataclass(frozen=True, eq=False)
class Invitations(ObjectCard):
    """The invitations of a base at its day.

    Attributes
    ----------
    rows : Ibis, one row per invitation: referrer, referred (NULL: not known or not converted), invited_at,
        converted_at, invited_day, days (from invitation to conversion; NULL without), reward (DECIMAL, 0
        where none is told), p_type_two (share, or NULL), standing (`COUNTS` or one of `SET_ASIDE`)
    set_aside : standing -> rows, of those that do not count
    forest : who brought whom, counted conversions alone
    nodes : Ibis: code, customer_id of everybody in the forest
    """

    base: CustomerBase
    rows: ir.Table
    set_aside: Mapping[str, int]
    forest: Forest
    nodes: ir.Table

    @property
    def counted(self) -> ir.Table:
        """Invitations that count, converted or not."""
        return self.rows.filter(self.rows.standing == COUNTS)

    @property
    def converted(self) -> ir.Table:
        """Counted invitations that brought a customer: one row per referred customer who is known."""
        rows = self.counted
        return rows.filter(rows.converted_at.notnull())

    @property
    def tree(self) -> ir.Table:
        """customer_id, referrer_code, code, depth (0: nobody referred them), direct, downstream."""
        return self.base.to_engine(self.forest.frame).inner_join(self.nodes, "code")


def invitations(base: CustomerBase) -> Invitations:
    """Read the table of referrals and say of each row whether it counts.

    Of several invitations of one customer the one that was converted first counts, and of these the earliest
    sent. An invitation whose referred customer is not named counts as an invitation; whether it was converted
    is taken from `converted_at`.

    Raises
    ------
    DataError : the source has no referrals.
    NotEnoughData : there is none on the day.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> sales = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": ["2026-01-01", "2026-02-01"],
    ...                       "unit_spend": [5.0, 9.0]})
    >>> sent = pd.DataFrame({"referrer_customer_id": ["a", "a"], "referred_customer_id": ["b", "a"],
    ...     "invited_at": ["2026-01-20", "2026-01-21"], "converted_at": ["2026-02-01", "2026-01-22"]})
    >>> found = invitations(CustomerBase.open({"transactions": sales, "referrals": sent}, today="2026-03-01"))
    >>> dict(found.set_aside), found.forest.referred
    ({'invited themselves': 1}, 1)
    """
    base.require(NEEDS)
    rows = base.materialise(_judged(base, _rows(base)))
    if not rows.count().to_pyarrow().as_py():
        raise NotEnoughData("Referrals", 0, 1, "invitations")
    nodes, edges = _coded(base, rows)
    parent = np.full(int(nodes.count().to_pyarrow().as_py()), -1, np.int64)
    parent[edges["child"].to_numpy(np.int64)] = edges["parent"].to_numpy(np.int64)
    closed = circles(parent)
    if closed.size:
        bad = base.to_engine(pd.DataFrame({"code": closed})).inner_join(nodes, "code")
        bad = bad.select(referred=bad.customer_id, closed=ibis.literal(True))
        joined = rows.left_join(bad, "referred").drop("referred_right")
        in_circle = (joined.standing == COUNTS) & joined.closed.fill_null(False)
        rows = base.materialise(
            joined.mutate(standing=in_circle.ifelse(ibis.literal(CIRCLE), joined.standing)).drop("closed")
        )
        parent[closed] = -1
    counted = base.collect(rows.group_by("standing").aggregate(n=rows.count()))
    n = dict(zip(counted["standing"], counted["n"].astype(int), strict=True))
    aside = MappingProxyType({name: n[name] for name in SET_ASIDE if name in n})
    return Invitations(base, rows, aside, grown(parent), nodes)


def _rows(base: CustomerBase) -> ir.Table:
    sent = base.tables["referrals"]
    has = set(sent.columns)
    referred = sent.referred_customer_id if "referred_customer_id" in has else ibis.null("string")
    rows = sent.select(
        referrer=sent.referrer_customer_id,
        referred=referred,
        invited_at=sent.invited_at,
        converted_at=sent.converted_at if "converted_at" in has else ibis.null("timestamp"),
        reward=(sent.reward_cost if "reward_cost" in has else ibis.null("decimal(18, 4)")).fill_null(0),
        p_type_two=sent.p_would_have_joined if "p_would_have_joined" in has else ibis.null("float64"),
    )
    return rows.filter(rows.referrer.notnull(), rows.invited_at.notnull())


def known_since(base: CustomerBase) -> ir.Table:
    """customer_id, since (date: created or first bought, whichever came first; NULL: always), first_day."""
    people = base.customers
    created = people.created_at.date() if "created_at" in people.columns else ibis.null("date")
    listed = people.select("customer_id", created=created)
    bought = base.purchase_history.select("customer_id", "first_day")
    both = listed.left_join(bought, "customer_id").drop("customer_id_right")
    first = ibis.least(both.created.fill_null(both.first_day), both.first_day.fill_null(both.created))
    return both.select("customer_id", "first_day", since=first)


def _judged(base: CustomerBase, rows: ir.Table) -> ir.Table:
    known = known_since(base)
    giver = known.select(referrer=known.customer_id, giver_since=known.since, giver=ibis.literal(True))
    taker = known.filter(known.first_day.notnull()).select(
        referred=known.customer_id, taker_first="first_day"
    )
    rows = rows.left_join(giver, "referrer").drop("referrer_right")
    rows = rows.left_join(taker, "referred").drop("referred_right")
    sent = rows.invited_at.date()
    # without a time of conversion, whoever is named as referred came with their first purchase
    came = rows.converted_at.fill_null(rows.taker_first.cast("timestamp"))
    rows = rows.mutate(
        invited_day=sent,
        converted_at=came,
        fault=ibis.cases(
            (rows.referred.notnull() & (rows.referrer == rows.referred), BY_THEMSELVES),
            (rows.giver.isnull(), NO_REFERRER),
            (rows.giver_since.notnull() & (sent < rows.giver_since), TOO_EARLY),
            (rows.taker_first.notnull() & (rows.taker_first < sent), CAME_BEFORE),
            (came.notnull() & (came.date() < sent), BACKWARDS),
            else_=COUNTS,
        ),
    )
    order = ibis.window(
        group_by=[rows.referred, rows.fault],
        order_by=[rows.converted_at, rows.invited_at, rows.referrer],
    )
    repeated = rows.referred.notnull() & (ibis.row_number().over(order) > 0) & (rows.fault == COUNTS)
    hours = (rows.converted_at.epoch_seconds() - rows.invited_at.epoch_seconds()).cast("float64") / 86400.0
    return rows.select(
        "referrer", "referred", "invited_at", "converted_at", "invited_day", "reward", "p_type_two",
        days=(hours < 0.0).ifelse(0.0, hours), standing=repeated.ifelse(ibis.literal(AGAIN), rows.fault),
    )  # fmt: skip


def _coded(base: CustomerBase, rows: ir.Table) -> tuple[ir.Table, pd.DataFrame]:
    """Everybody in the forest with a number, and its edges as numbers: texts stay in the engine."""
    edges = rows.filter(rows.standing == COUNTS, rows.referred.notnull(), rows.converted_at.notnull()).select(
        "referrer", "referred"
    )
    both = edges.select(customer_id="referrer").union(edges.select(customer_id="referred"), distinct=True)
    nodes = both.select("customer_id", code=ibis.row_number().over(order_by=both.customer_id).cast("int64"))
    nodes = base.materialise(nodes)
    found = edges.inner_join(nodes.select(referrer="customer_id", parent="code"), "referrer")
    found = found.inner_join(nodes.select(referred="customer_id", child="code"), "referred")
    return nodes, base.collect(found.select("parent", "child"))
