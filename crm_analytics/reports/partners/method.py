"""How the partners report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.kpis import FACTS_VERSION, measure
from crm_analytics.pages import blocks, words
from crm_analytics.reports.partners.report import PartnerReport, facts_of
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

TERMS = ("tokens", "consent", "hidden", "again", "alike", "lists", "not_here")
KPIS = ("partners",)


@section(small=small_form.method)
def method(report: PartnerReport) -> Block:
    """Tokens, consent, what is hidden and why, lists, limits."""
    t, base = report.t, report.base
    said = {t("method.data"): t("method.data_text", day=base.day)}
    said |= {t(f"method.{term}"): t.of(f"method.{term}_text", {"k": report.k}) for term in TERMS}
    for last in report.handed.previous[:1]:
        text = t("method.previous_text", day=last["day"], headline=words.clean(last["headline"], 200))
        said[t("method.previous")] = text
    return blocks.method(said | wrong(t, "partners"))


@section(small=small_form.record)
def record(report: PartnerReport) -> Block:
    """What was published, for the next run; no count that the page hides."""
    figures = measure(report.given, KPIS)
    facts = {name: value for kpi in figures.values() for name, value in kpi.facts().items()}
    cells = {} if report.counts is None else facts_of(report.counts)
    return blocks.record(facts_version=FACTS_VERSION, **report.facts, **facts, least=report.k, **cells)
