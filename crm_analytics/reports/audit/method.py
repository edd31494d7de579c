"""How the audit was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.audit.cohort_words import definitions
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.plans import WORKS
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

OF_A_PERIOD = ("revenue", "buyers")  # key figures whose period is longer here than on other pages


@section(small=small_form.method)
def method(report: AuditReport) -> Block:
    """Definitions of periods, groups, profit and cohorts; what is not in it."""
    t, counts, change = report.t, report.base.counts, report.change
    margin = report.plan.given.margin
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=report.base.first_day, last=report.base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
    }  # fmt: skip
    if counts["anonymous_rows"]:
        value, n = counts["anonymous_spend"], counts["anonymous_rows"]
        said["anonymous"] = t("method.anonymous_text", n=n, value=value)
    if change:
        said["periods"] = t(
            "method.periods_text", days=change.totals.span_days, day=change.day, middle=change.middle
        )
        said["groups"] = t("method.groups_text")
    said["profit"] = t("method.profit_text")
    said |= definitions(t, report.cohorts)
    said |= {
        "intervals": t("method.intervals_text"),
        "drivers": t("method.drivers_text"),
        "dates": t("method.dates_text"),
        "worth": t(
            "method.worth_text", weeks=WORKS[0], effect=effect_words(t, report.plan),
            margin=t("method.margin_unknown") if margin is None else t("method.margin_known", margin=margin),
        ),
        "source": t("method.source_text"),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "audit", report.actions),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "audit"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**report.facts, facts_version=FACTS_VERSION)


@section(small=_small_record)
def record(report: AuditReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts: dict[str, Any] = report.facts | {"facts_version": FACTS_VERSION}
    for name, kpi in report.kpis.items():
        facts |= kpi.facts() if name not in OF_A_PERIOD else {}
    if report.change:
        total = report.change.totals.revenue
        facts |= {f"moved_{group}": report.change.customers(group) for group in report.change.groups["group"]}
        facts |= {
            "period_days": report.change.totals.span_days,
            "revenue_of_period": round(total.now, 2),
            "revenue_of_period_before": round(total.before, 2),
        }
    if report.spread:
        facts["gini_of_window"] = report.spread.concentration.gini
        if report.spread.below_zero:
            facts["customers_below_zero"] = report.spread.below_zero[0]
    if report.drivers is not None:
        facts["drivers_shown"] = int(told(report.drivers["clear"], "audit.driver").sum())
    if report.dates is not None:
        facts["dates_shown"] = sum(one.evidence.is_news for one in report.dates)
    return blocks.record(**facts)
