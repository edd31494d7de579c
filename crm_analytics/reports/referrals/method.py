"""How the referrals report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.referrals.report import ReferralReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.small_form import SmallReport

TERMS = ("counts", "k", "value", "compared", "next", "lists", "not_here")


@section(small=small_form.method)
def method(report: ReferralReport) -> Block:
    """Which invitations count, how K, value and the comparison were made, what is not in it."""
    t, counts = report.t, report.base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=report.base.first_day, last=report.base.day,
            invitations=int(report.sent.rows.count().to_pyarrow().as_py()),
        ),
        **{term: t.of(f"method.{term}_text", {"days": report.spread.ripe_days}) for term in TERMS},
        "previous": earlier_run(t, report.handed),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "referrals"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(facts_version=FACTS_VERSION, **report.facts)


@section(small=_small_record)
def record(report: ReferralReport) -> Block:
    """The key figures, for machines and for tests."""
    figures: dict[str, Any] = {}
    for kpi in report.kpis.values():
        figures |= kpi.facts()
    return blocks.record(
        facts_version=FACTS_VERSION,
        **report.facts,
        **figures,
        invitations=report.spread.invitations,
        set_aside=sum(report.sent.set_aside.values()),
        k=report.spread.k,
        likely_by=report.likely.used if report.likely else None,
        reward_return=report.value.reward_return.value if report.value else None,
    )
