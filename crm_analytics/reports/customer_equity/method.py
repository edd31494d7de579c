"""How the customer-equity report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.customer_equity.report import EquityReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.report import Report
    from crm_analytics.reports.shared.small_form import SmallReport


@section(small=small_form.method)
def method(report: EquityReport) -> Block:
    """Definitions, models, intervals, what is missing."""
    t, base, firm = report.t, report.base, report.firm
    counts = base.counts
    said = {
        "data": t("method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
                  rejected=counts["rejected"]),
        "not_rlz": t("method.not_rlz_text"),
        "future": t("method.future_text"),
        "intervals": t("method.intervals_text"),
        "brands": t("method.brands_text"),
        "taste": t("method.taste_text"),
        "budget": t("method.budget_text"),
        "contracts": t("method.contracts_text"),
        "premium": t("method.premium_text"),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    if firm is not None:
        said["model"] = t(
            "method.model_text", model=firm.model, years=firm.years, rate=firm.rate,
            margin=t("method.margin_unknown") if firm.margin is None
            else t("method.margin_known", margin=firm.margin),
        )  # fmt: skip
    return blocks.method(
        {t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "customer_equity")
    )


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**_common(report))


def _common(report: Report) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts}


@section(small=_small_record)
def record(report: EquityReport) -> Block:
    """The key figures, for machines and for tests."""
    facts: dict[str, Any] = {}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    if report.brands is not None:
        own = report.brands.table.iloc[0]
        facts |= {"brand_share": own["share"], "brand_inertia": report.brands.fitted.inertia,
                  "brand_respondents": report.brands.fitted.survey.respondents}  # fmt: skip
    if report.budget is not None:
        facts |= {"budget": report.budget.budget, "budget_profit": report.budget.profit,
                  "channels_not_measured": len(report.budget.tests)}  # fmt: skip
    return blocks.record(**_common(report), **facts)
