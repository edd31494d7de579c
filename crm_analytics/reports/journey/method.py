"""How the journey report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.journey.report import JourneyReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: JourneyReport) -> Block:
    """Definitions of step, journey, visit and stage, what is left out, what it cannot tell."""
    t, now, counts = report.t, report.now, report.base.counts
    said = {
        "data": t("method.data_text", rows=counts["rows"], first=report.base.first_day,
                  last=report.base.day, rejected=counts["rejected"]),
        "period": t("method.period_text", first=now.after, last=report.base.day),
        "step": t("method.step_text"),
        "journey": t("method.journey_text", n=now.visitors, of=now.journey.count()),
        "visit": t("method.visit_text", minutes=now.journey.session_minutes),
        "stages": t("method.stages_text"),
        "goes_on": t("method.goes_on_text", days=report.within),
        "funnel": t("method.funnel_text", days=report.within),
        "intervals": t("method.intervals_text"),
        "worth": t("method.worth_text", effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "journey", (*report.own_actions, *report.plan.actions)),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "journey"))


@section(small=small_form.record)
def record(report: JourneyReport) -> Block:
    """The key numbers, for machines and for tests."""
    now = report.now
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    facts |= {"visitors": now.visitors, "steps": int(now.events["steps"].sum())}
    for row in now.map.stages.to_dict("records"):
        facts[f"{row['stage']}_reached"] = int(row["reached"])
        facts[f"{row['stage']}_of"] = int(row["of"])
        facts[f"{row['stage']}_went_on"] = int(row["went_on"])
    if now.funnel is not None:
        facts |= {f"funnel_{k}": int(n) for k, n in enumerate(now.funnel["reached"], 1)}
    return blocks.record(**facts)
