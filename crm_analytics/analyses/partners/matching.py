"""Which of a partner's records are our customers, and how their tokens were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.partners.secret import Secret
from crm_analytics.analyses.partners.tokens import SHORTEST, given_tokens, keyed, plain_hashes
from crm_analytics.errors import DataError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"partner_records": ("partner_id", "token", "population")}
KEYED, GIVEN, UNKEYED, UNKNOWN = "keyed", "given", "plain", "unknown"
POPULATIONS = CUSTOMER, PROSPECT, OPPORTUNITY = "customer", "prospect", "opportunity"
MOST = 12  # partners: the largest


@dataclass(frozen=True, eq=False)
class Matched(ObjectCard):
    """Partners' records with consent, and who of them is our customer.

    Attributes
    ----------
    records : Ibis: partner_id, partner_name, token, population, category, recency_days, frequency,
        monetary_band, customer_id (NULL: not one of ours); one row per partner and token, and of several
        tokens of one of our customers the first alone, so that nobody counts twice
    partners : pandas, one row per partner: partner_id, partner_name, records, without_consent, matched,
        tokens ("keyed": by the agreed secret; "given" by a third party; "plain": by a hash without a secret;
        "unknown": none is one of ours)
    has_secret : whether a secret was agreed on
    left_out : partners with too few records with consent to be named, and those beyond the twelve largest
    """

    records: ir.Table
    partners: pd.DataFrame
    has_secret: bool
    left_out: int = 0


def match(base: CustomerBase, secret: Secret | None, least: int = 10) -> Matched:
    """Hold the partners' tokens against those of our customers.

    A record whose consent is not recorded as true takes part in nothing; where a partner's file has no
    column for it, none has consent.

    Parameters
    ----------
    least : records with consent that a partner must have; a name with fewer may be a person's in the wrong
        field

    Raises
    ------
    DataError : there are no partners' records, or no partner has enough of them.
    """
    base.require(NEEDS)
    table = base.tables["partner_records"]
    consent = table.consent.fill_null(False) if "consent" in table.columns else ibis.literal(False)
    kept = {
        name: table[name] if name in table.columns else ibis.null(kind)
        for name, kind in (
            ("partner_name", "string"), ("category", "string"), ("recency_days", "float64"),
            ("frequency", "float64"), ("monetary_band", "string"),
        )
    }  # fmt: skip
    every = base.materialise(
        table.select(
            "partner_id", token=table.token.lower().strip(), population=table.population.lower(),
            consent=consent, **kept,
        )
    )  # fmt: skip
    counted = every.group_by("partner_id").aggregate(
        partner_name=every.partner_name.min(),
        records=every.consent.sum().cast("int64"),
        without_consent=(~every.consent).sum().cast("int64"),
        length=every.token.length().min(),
    )
    partners = base.collect(counted.order_by("partner_id"))
    if partners.empty:
        raise DataError("the partners' file is empty")
    enough = partners[partners["records"] >= least].nlargest(MOST, "records", keep="first")
    left_out = len(partners) - len(enough)
    partners = partners[partners["partner_id"].isin(enough["partner_id"])].reset_index(drop=True)
    if partners.empty:
        raise DataError(f"no partner has given {least} records with consent")
    partners["partner_name"] = partners["partner_name"].fillna(partners["partner_id"])
    ids = partners["partner_id"].tolist()
    allowed = every.filter(every.consent, every.partner_id.isin(ids)).drop("consent")
    return replace(_matched(base, allowed, partners, secret), left_out=left_out)


def _matched(base: CustomerBase, allowed: ir.Table, partners: pd.DataFrame, secret: Secret | None) -> Matched:
    ways = [(GIVEN, given_tokens(base)), (UNKEYED, plain_hashes(base))]
    if secret is not None:
        ways.insert(0, (KEYED, keyed(base, secret)))
    lengths = {int(n) for n in partners["length"] if n >= SHORTEST}
    parts: list[ir.Table] = []
    how, matched = dict.fromkeys(partners["partner_id"], UNKNOWN), dict.fromkeys(partners["partner_id"], 0)
    for way, ours in ways:
        cut = [ours.assign(token=ours["token"].str.lower().str[:n]) for n in sorted(lengths)]
        if ours.empty or not cut:
            continue
        both = pd.concat(cut, ignore_index=True).drop_duplicates("token")
        known = base.to_engine(both.rename(columns={"token": "cut"}))
        hits = base.materialise(_hits(allowed, known, lengths))
        found = base.collect(hits.group_by("partner_id").aggregate(n=hits.count()).order_by("partner_id"))
        new = [p for p in found["partner_id"] if how[p] == UNKNOWN]
        how |= dict.fromkeys(new, way)
        matched |= {p: int(n) for p, n in zip(found["partner_id"], found["n"], strict=True) if p in new}
        if new:
            parts.append(hits.filter(hits.partner_id.isin(new)))
    told = partners.drop(columns="length").assign(
        matched=[matched[p] for p in partners["partner_id"]],
        tokens=[how[p] for p in partners["partner_id"]],
    )
    return Matched(_with_ids(base, allowed, parts), told, secret is not None)


def _hits(allowed: ir.Table, known: ir.Table, lengths: set[int]) -> ir.Table:
    """Records whose token, or the beginning of it that the partner kept, is one of ours."""
    joins = [allowed.mutate(cut=allowed.token.left(n)) for n in sorted(lengths)]
    found = [side.inner_join(known, "cut").select("partner_id", "token", "customer_id") for side in joins]
    hits = found[0]
    for more in found[1:]:
        hits = hits.union(more)
    return hits.group_by("partner_id", "token").aggregate(customer_id=hits.customer_id.min())


def _with_ids(base: CustomerBase, allowed: ir.Table, parts: list[ir.Table]) -> ir.Table:
    if not parts:
        return base.materialise(allowed.mutate(customer_id=ibis.null("string")))
    hits = parts[0]
    for more in parts[1:]:
        hits = hits.union(more)
    joined = allowed.left_join(hits, ["partner_id", "token"]).select(*allowed.columns, "customer_id")
    first = ibis.row_number().over(
        group_by=["partner_id", "customer_id"], order_by=[joined.population != CUSTOMER, "token"]
    )
    numbered = joined.mutate(place=first)
    once = numbered.filter(numbered.customer_id.isnull() | (numbered.place == 0))
    return base.materialise(once.drop("place"))
