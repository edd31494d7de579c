"""The manager's layer of the partners report: how many we share, what to do next, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.audiences import held_back
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.partners.matching import CUSTOMER, UNKEYED, UNKNOWN
from crm_analytics.analyses.partners.overlap import NEW, SHARED
from crm_analytics.pages import blocks, words
from crm_analytics.reports.partners.report import OURS, THEIRS, PartnerReport, offer_action
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import plain_action, with_target

if TYPE_CHECKING:
    from typing import Any

    from crm_analytics.pages.blocks import Block

NAME = 30  # letters of a partner's name in a finding
WORDS = ("shared", "new", "token", "consent", "hidden", "likeness")


def short(name: object) -> str:
    """A partner's name in a sentence."""
    return words.clean(name, NAME)


@section(small=small_form.headline)
def headline(report: PartnerReport) -> Block:
    """The partner we share most customers with; or why there is none."""
    t = report.t
    if report.matched is None:
        kind = "few" if "partner_records" in report.base.tables else "none"
        lede = t.of(f"lede.{kind}", {"k": report.k})
        return blocks.headline(t(f"headline.{kind}"), lede, language=report.language, title=t("title"))
    table = report.by_overlap
    if not table["matched"].sum():
        said, why = (
            t("headline.no_match"),
            t(f"lede.no_match_{'secret' if report.matched.has_secret else 'no_secret'}"),
        )
        return blocks.headline(said, why, language=report.language, title=t("title"))
    first = table.iloc[0]
    if pd.isna(first["shared"]):
        return blocks.headline(
            t("headline.hidden", n=len(table)), _lede(report), language=report.language, title=t("title")
        )
    share = first["shared"] / max(report.with_address, 1)
    said = t("headline.shared", partner=short(first["partner_name"]), n=first["shared"], share=share)
    return blocks.headline(said, _lede(report), language=report.language, title=t("title"))


def _lede(report: PartnerReport) -> list[str]:
    t, table = report.t, report.by_overlap
    left_out = int(table["without_consent"].sum())
    said = []
    if table["records"].notna().all():
        said.append(t("lede.records", n=table["records"].sum(), partners=len(table)))
    if left_out >= report.k:
        said.append(t("lede.without_consent"))
    if report.matched is not None and report.matched.left_out:
        said.append(t("lede.left_out", k=report.k))
    plain = table[table["tokens"] == UNKEYED]
    if len(plain):
        said.append(
            t("lede.plain", n=len(plain), names=words.listing(map(short, plain["partner_name"]), t("and")))
        )
    return said


@section(small=small_form.kpis)
def kpis(report: PartnerReport) -> Block:
    """Partners, customers who can be asked about, shared, new."""
    t = report.t
    if report.matched is None:
        return blocks.kpis(blocks.kpi(t("tile.partners"), "0", note=_of_partners(report)), _asked(report))
    table = report.by_overlap
    first = table.iloc[0]
    new = report.number(str(first["partner_id"]), known=NEW)
    name = short(first["partner_name"])
    return blocks.kpis(
        blocks.kpi(t("tile.partners"), words.count(len(table)), note=_of_partners(report)),
        _asked(report),
        blocks.kpi(t("tile.shared", partner=name), counted(report, first["shared"])),
        blocks.kpi(t("tile.new", partner=name), counted(report, new)),
    )


def _of_partners(report: PartnerReport) -> str:
    return with_target(report.t, measure(report.given, ["partners"])["partners"], _records(report))


def _records(report: PartnerReport) -> str:
    if report.matched is None:
        return ""
    records = report.by_overlap["records"]
    return report.t("tile.records", n=records.sum()) if records.notna().all() else ""


def _asked(report: PartnerReport) -> dict[str, str]:
    return blocks.kpi(
        report.t("tile.address"), words.count(report.with_address), note=report.t("tile.address_note")
    )


def counted(report: PartnerReport, value: float | None) -> str:
    """A published number, or the word for a hidden one."""
    return report.t("hidden") if value is None or pd.isna(value) else words.count(value)


@section(small=small_form.thanks)
def actions(report: PartnerReport) -> Block:
    """Ask for keyed tokens; offer partners' goods to those who may be asked; hand over the reverse list."""
    t = report.t
    items = [one for one in (_keys(report), _offer(report), _reverse(report)) if one]
    if not items:
        kind = "none" if report.matched is None else "no_match"
        items = [blocks.action(t(f"action.{kind}.do"), t(f"action.{kind}.why"), t("role.data_owner"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


def _keys(report: PartnerReport) -> dict[str, Any] | None:
    if report.matched is None:
        return None
    t, table = report.t, report.matched.partners
    plain = table[table["tokens"] == UNKEYED]
    if plain.empty:
        return None
    names = words.listing(map(short, plain["partner_name"].head(3)), t("and"))
    return plain_action(t, "keys", "data_owner", t("action.keys.do", names=names), t("action.keys.why"))


def _offer(report: PartnerReport) -> dict[str, Any] | None:
    action = offer_action(report)
    if action is None:
        return None
    t, n = report.t, action.customers
    do = t("action.offer.do", contacted=n - held_back(n), n=n)
    return blocks.action(
        do, t("action.offer.why"), t("role.campaigns"), list_name=OURS, list_count=n, fact=action.facts()
    )


def _reverse(report: PartnerReport) -> dict[str, Any] | None:
    if report.offered is None or report.offered.theirs.empty:
        return None
    t, n = report.t, len(report.offered.theirs)
    if n < report.k:
        return None
    return blocks.action(
        t("action.reverse.do"), t("action.reverse.why"), t("role.campaigns"), list_name=THEIRS, list_count=n
    )


@section(small=small_form.regulars)
def findings(report: PartnerReport) -> Block:
    """What the report found, each with the way to its proof."""
    t = report.t
    if report.matched is None:
        return blocks.findings(blocks.finding(t("finding.none")))
    table = report.by_overlap
    first = table.iloc[0]
    name, partner = short(first["partner_name"]), str(first["partner_id"])
    found = [
        blocks.finding(_of_number(report, "shared", name, first["shared"]), "shared"),
        blocks.finding(
            _of_number(report, "customers", name, report.number(partner, known=SHARED, population=CUSTOMER)),
            "shared",
        ),
        blocks.finding(_of_number(report, "new", name, report.number(partner, known=NEW)), "new"),
        blocks.finding(_alike(report, partner, name), "alike"),
    ]
    unknown = int((table["tokens"] == UNKNOWN).sum())
    plain = int((table["tokens"] == UNKEYED).sum())
    message = "finding.unknown" if unknown else "finding.plain" if plain else "finding.keyed"
    found.append(blocks.finding(t.of(message, {"n": unknown or plain, "of": len(table)}), "tokens"))
    return blocks.findings(*found)


def _of_number(report: PartnerReport, what: str, name: str, value: float | None) -> str:
    if value is None or pd.isna(value):
        return report.t(f"finding.{what}_hidden", partner=name)
    return report.t.of(f"finding.{what}", {"partner": name, "n": value})


def _alike(report: PartnerReport, partner: str, name: str) -> str:
    found = report.alike.get(partner)
    if found is None:
        return report.t("finding.alike_few", partner=name)
    return report.t("finding.alike_shown" if found.is_shown else "finding.alike_chance", partner=name)


@section(small=small_form.glossary)
def glossary(report: PartnerReport) -> Block:
    """The words of the page."""
    t = report.t
    return blocks.glossary({t(f"term.{name}"): t.of(f"term_is.{name}", {"k": report.k}) for name in WORDS})
