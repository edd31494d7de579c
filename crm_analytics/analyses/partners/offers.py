"""Whom a partner may be offered to, and the reverse: lists of those who have said yes, and of nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.campaigns.lists.contact_policy import Terms
from crm_analytics.analyses.campaigns.lists.suppression import reachable
from crm_analytics.analyses.definitions import LAPSED
from crm_analytics.analyses.partners.likeness import Likeness
from crm_analytics.analyses.partners.matching import CUSTOMER, OPPORTUNITY, PROSPECT, UNKEYED
from crm_analytics.analyses.partners.overlap import NEW, SHARED, number
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.partners.matching import Matched
    from crm_analytics.tables.customer_base import CustomerBase

TOP = 0.2  # share of those a partner does not know that is offered, the most alike first
OURS = ["customer_id", "partner_id", "known_there", "likeness", "standing"]
THEIRS = ["partner_id", "token", "population", "likeness"]


@dataclass(frozen=True, eq=False)
class Offers(ObjectCard):
    """The two lists.

    Attributes
    ----------
    ours : one row per customer of ours and partner: customer_id, partner_id, known_there (population in
        which the partner has them; empty: not at all), likeness (NaN where it is no better than chance),
        standing. Whom we may offer a partner's goods to: our own consent is recorded, they are not lapsed,
        and they are not the partner's customer yet. One offer per customer
    theirs : partner_id, token, population, likeness: whom a partner may offer our goods to. They are the
        partner's customers, so the list holds tokens alone. Empty for partners whose tokens are plain hashes
    """

    ours: pd.DataFrame
    theirs: pd.DataFrame


def offers(  # noqa: PLR0917
    base: CustomerBase,
    matched: Matched,
    standings: ir.Table,
    ours: dict[str, Likeness],
    theirs: dict[str, Likeness],
    counts: pd.DataFrame,
) -> Offers:
    """Make both lists.

    Parameters
    ----------
    standings : customer_id, standing, of every buyer
    ours, theirs : by partner, of `like_partner` and `like_our_best`, where they can be told
    counts : of `overlap`. A partner whose count of shared prospects or of new records is hidden is left out
        of the list, because its length would tell something of that count
    """
    may = reachable(base, Terms())
    may = may.filter(may.channel.notnull(), ~may.closed, ~may.barred).select("customer_id")
    alive = standings.filter(standings.standing != LAPSED).select("customer_id", "standing")
    free = base.materialise(may.inner_join(alive, "customer_id"))
    mine, back = [], []
    for row in matched.partners.to_dict("records"):
        partner = str(row["partner_id"])
        if not _hidden(counts, partner, "population", SHARED, [PROSPECT, OPPORTUNITY]):
            mine.append(_ours(base, matched, free, partner, ours.get(partner)))
        if row["tokens"] != UNKEYED and not _hidden(counts, partner, "known", NEW, [NEW]):
            back.append(_theirs(base, matched, partner, theirs.get(partner)))
    once = _joined(mine, OURS).drop_duplicates("customer_id", ignore_index=True)
    return Offers(once, _joined(back, THEIRS))


def _hidden(counts: pd.DataFrame, partner: str, attribute: str, known: str, values: list[str]) -> bool:
    return any(number(counts, partner, **{"known": known, attribute: value}) is None for value in values)


def _ours(
    base: CustomerBase, matched: Matched, free: ir.Table, partner: str, alike: Likeness | None
) -> pd.DataFrame:
    records = matched.records.filter(matched.records.partner_id == partner)
    known = records.filter(records.customer_id.notnull())
    there = known.group_by("customer_id").aggregate(
        is_customer=(known.population == CUSTOMER).any(), known_there=known.population.min()
    )
    table = free.left_join(there, "customer_id").drop("customer_id_right")
    table = table.filter(~table.is_customer.fill_null(False))
    if alike is None or not alike.is_shown:
        wanted = table.filter(table.known_there.notnull()).mutate(likeness=ibis.null("float64"))
    else:
        scored = table.inner_join(alike.scored, "customer_id")
        place = ibis.percent_rank().over(order_by=[ibis.desc("likeness"), "customer_id"])
        ranked = scored.mutate(place=place)
        wanted = ranked.filter((ranked.place < TOP) | ranked.known_there.notnull())
    chosen = wanted.mutate(partner_id=ibis.literal(partner)).select(*OURS)
    return base.collect(chosen.order_by([ibis.desc("likeness"), "customer_id"]))


def _theirs(base: CustomerBase, matched: Matched, partner: str, alike: Likeness | None) -> pd.DataFrame:
    if alike is None or not alike.is_shown:
        records = matched.records.filter(matched.records.partner_id == partner)
        table = records.mutate(likeness=ibis.null("float64"))
    else:
        table = alike.scored
    new = table.filter(table.customer_id.isnull()).mutate(partner_id=ibis.literal(partner))
    return base.collect(new.select(*THEIRS).order_by([ibis.desc("likeness"), "token"]))


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    whole = [part for part in parts if len(part)]
    return pd.concat(whole, ignore_index=True) if whole else pd.DataFrame(columns=columns)
