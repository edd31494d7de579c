"""How the service report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.service.report import ServiceReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: ServiceReport) -> Block:
    """What was counted, and how."""
    t, known = report.t, report.tickets
    counts = report.base.counts
    said = {"data": t("method.data_text", rows=counts["rows"], first=report.base.first_day,
                      last=report.base.day, rejected=counts["rejected"])}  # fmt: skip
    if known is not None:
        summary = report.summary
        broken = summary.broken if summary is not None else 0
        said["tickets"] = t("method.tickets_text", n=known.count, broken=broken)
        schedules = "; ".join(f"{s.name} ({s.hours_a_week:g} h, {s.zone})" for s in known.schedules)
        said["clock"] = t("method.clock_text", schedules=schedules) if schedules else t("method.clock_none")
    said |= {name: t(f"method.{name}_text") for name in ("targets", "products", "recovery", "texts")}
    said["worth"] = t("method.worth_text", effect=effect_words(t, report.plan))
    said["not_here"] = t("method.not_here_text")
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "service"))


@section(small=small_form.record)
def record(report: ServiceReport) -> Block:
    """The key numbers of the page."""
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    if report.recovery is not None:
        effect = report.recovery.effect
        facts |= {"recovery_effect": effect.value, "recovery_lower": effect.lower,
                  "recovery_upper": effect.upper}  # fmt: skip
    if report.leaving is not None:
        row = report.leaving.hazards.table.iloc[0]
        facts["complaint_hazard_ratio"] = float(row["hazard_ratio"])
    return blocks.record(**facts)
