"""How the social report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.social.report import SocialReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.small_form import SmallReport

TERMS = ("people", "brand", "sentiment", "intervals", "answers", "reach", "influence", "sales", "not_here")


@section(small=small_form.method)
def method(report: SocialReport) -> Block:
    """Who counts as a customer, what was set aside, how each number was made, what is not used."""
    t, base, said = report.t, report.base, report.said
    slots: dict[str, Any] = {
        "brand": said.brand or t("method.no_brand"), "damping": 0.5, "joined": said.joined,
        "total": said.total, "nobody": said.without_author, "aside": said.mentions_aside,
    }  # fmt: skip
    told = {
        "data": t(
            "method.data_text", rows=base.counts["rows"], first=base.first_day, last=base.day, n=said.total
        ),
        **{term: t.of(f"method.{term}_text", slots) for term in TERMS},
        "previous": earlier_run(t, report.handed),
    }
    return blocks.method({t(f"method.{term}"): text for term, text in told.items()} | wrong(t, "social"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(facts_version=FACTS_VERSION, **report.facts)


@section(small=_small_record)
def record(report: SocialReport) -> Block:
    """The key figures, for machines and for tests."""
    facts: dict[str, Any] = {}
    for kpi in report.kpis.values():
        if kpi.value is not None:
            facts |= kpi.facts()
    return blocks.record(
        facts_version=FACTS_VERSION,
        **report.facts,
        **facts,
        mentions_total=report.said.total,
        mentions_aside=report.said.mentions_aside,
        mentions_joined=report.said.joined,
        influence_by=report.influence.used if report.influence else None,
        moves_at=report.moves.clear[0] if report.moves and report.moves.clear else None,
    )
