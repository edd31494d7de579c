"""How the voice report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words
from crm_analytics.reports.voice.report import VoiceReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: VoiceReport) -> Block:
    """What was counted, and how."""
    t, found, counts = report.t, report.answers, report.base.counts
    said = {"data": t("method.data_text", rows=counts["rows"], first=report.base.first_day,
                      last=report.base.day, rejected=counts["rejected"])}  # fmt: skip
    if found is not None:
        said["answers"] = t(
            "method.answers_text", n=found.given, repeated=found.repeated, off=found.off_scale,
            bare=found.without_scale,
        )  # fmt: skip
    said |= {name: t(f"method.{name}_text") for name in ("scales", "scores", "bias", "drivers", "texts")}
    said["worth"] = t("method.worth_text", effect=effect_words(t, report.plan))
    said["not_here"] = t("method.not_here_text")
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "voice"))


@section(small=small_form.record)
def record(report: VoiceReport) -> Block:
    """The key numbers of the page."""
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    if report.answers is not None:
        facts |= {"answers": report.answers.given, "answers_repeated": report.answers.repeated}
    if report.bias is not None and report.bias.weighted is not None:
        facts["net_promoter_score_weighted"] = report.bias.weighted.value
    return blocks.record(**facts)
