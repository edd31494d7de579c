"""The manager's layer of the identity report: how many are counted twice, what it changes, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.definitions import definitions
from crm_analytics.pages import blocks
from crm_analytics.reports.identity.report import IdentityReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import glossary_of, plain_action, tile

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

WORDS = ("customer", "at_risk", "lapsed", "value_to_come")
SAID = {"bought_again": "again", "customers_lapsed": "lapsed"}  # what merging may change, and its sentence


@section(small=small_form.headline)
def headline(report: IdentityReport) -> Block:
    """How many records are a second one of somebody."""
    t, found = report.t, report.found
    if found is None:
        return blocks.headline(
            t("headline.no_table"), t("lede.no_table"), language=report.language, title=t("title")
        )
    if not found.merged:
        return blocks.headline(
            t("headline.none", n=found.records), _without(report), language=report.language, title=t("title")
        )
    sentence = t("headline.found", n=found.merged, of=found.records)
    lede = [t("lede.remembered" if found.remembered else "lede.proposed")]
    if "bought_again" in report.effect:
        before, after = report.effect["customers_bought"]
        changes = before != after or _changed(report)
        lede.append(t("lede.buyers", before=before, after=after) if changes else t("lede.same"))
    return blocks.headline(sentence, [*lede, *_without(report)], language=report.language, title=t("title"))


def _changed(report: IdentityReport) -> list[str]:
    """Figures of which merging makes others."""
    return [n for n in SAID if n in report.effect and report.effect[n][0] != report.effect[n][1]]


def _without(report: IdentityReport) -> list[str]:
    assert report.found is not None
    if report.found.weighed:
        return []
    key = "lede.no_extra" if "extra" in report.found.without_model else "lede.rules_only"
    return [report.t(key)]


@section(small=small_form.kpis)
def kpis(report: IdentityReport) -> Block:
    """Further records, their share, pairs to look at, revenue with a customer."""
    return blocks.kpis(*(tile(report.t, kpi, _note(report, kpi.id)) for kpi in report.kpis.values()))


def _note(report: IdentityReport, name: str) -> str:
    kpi = report.kpis[name]
    if name == "duplicate_records" and kpi.value is not None:
        return report.t("tile.of_records", n=kpi.n)
    return ""


@section(small=small_form.thanks)
def actions(report: IdentityReport) -> Block:
    """Look at pairs, count customers once, correct what differs."""
    t, found = report.t, report.found
    owner, items = t("role.data_owner"), []
    if found is None:
        items.append(blocks.action(t("action.bring.do"), t("action.bring.why"), owner))
        return blocks.actions(*items)
    if len(found.review):
        do = t("action.review.do", n=len(found.review))
        items.append(plain_action(t, "review", "data_owner", do, t("action.review.why")))
    if found.merged and not found.remembered:
        do = t("action.resolve.do", n=found.merged)
        items.append(plain_action(t, "resolve", "data_owner", do, t("action.resolve.why")))
    if len(found.conflicts):
        top = found.conflicts.iloc[0]
        slots = {"field": t(f"field.{top['field']}"), "n": int(top["customers"])}
        do = t.of("action.correct.do", slots)
        items.append(plain_action(t, "correct", "data_owner", do, t("action.correct.why")))
    if not items:
        items.append(blocks.action(t("action.none.do"), t("action.none.why")))
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


@section(small=small_form.regulars)
def findings(report: IdentityReport) -> Block:
    """What was found, each with the way to its proof."""
    t, found = report.t, report.found
    if found is None:
        return blocks.findings(blocks.finding(t("finding.no_table")))
    items = []
    if found.merged:
        items.append(blocks.finding(t("finding.merged", n=found.merged, of=found.records), "found"))
    for name in _changed(report):
        before, after = report.effect[name]
        items.append(blocks.finding(t(f"finding.{SAID[name]}", before=before, after=after), "changes"))
    if found.weighed:
        items.append(blocks.finding(t("finding.review", n=len(found.review)), "review"))
    else:
        items.append(blocks.finding(t("finding.rules_only"), "review"))
    if found.narrowed:
        items.append(blocks.finding(t("finding.consent", n=found.narrowed), "fields"))
    return blocks.findings(*items)


@section(small=small_form.glossary)
def glossary(report: IdentityReport) -> Block:
    """The words of the page."""
    t = report.t
    own = {t(f"word.{name}"): t(f"meaning.{name}") for name in ("record", "household", "bits")}
    return blocks.glossary(own | glossary_of(t, definitions(report.base), WORDS))
