"""How the strategy report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.strategy.report import StrategyReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.report import Report
    from crm_analytics.reports.shared.small_form import SmallReport

TERMS = ("score", "lights", "targets", "previous", "people", "suits", "not_here")


@section(small=small_form.method)
def method(report: StrategyReport) -> Block:
    """How figures become scores, where targets come from, what is missing."""
    t, base, counts = report.t, report.base, report.base.counts
    said = {
        t("method.data"): t("method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
                            rejected=counts["rejected"])
    }  # fmt: skip
    said |= {t(f"method.{term}"): t(f"method.{term}_text") for term in TERMS}
    said[t("method.sources")] = " ".join(f"{c.framework.source}." for c in report.cards if c.framework.source)
    return blocks.method(said | wrong(t, "strategy"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**_common(report))


def _common(report: Report) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts}


@section(small=_small_record)
def record(report: StrategyReport) -> Block:
    """The key figures, for machines and for tests."""
    facts: dict[str, Any] = {"model": report.card.framework.id}
    for card in report.cards:
        name = card.framework.id
        plan, deed, _ = card.judged
        facts |= {f"{name}_score": card.score, f"{name}_known": card.known,
                  f"{name}_intention": plan, f"{name}_reality": deed}  # fmt: skip
    for kpi in report.figures.values():
        facts |= kpi.facts() if kpi.value is not None else {}
    return blocks.record(**_common(report), **facts)
