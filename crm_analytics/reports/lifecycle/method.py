"""How the lifecycle report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.lifecycle.report import LifecycleReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.plans import WORKS
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: LifecycleReport) -> Block:
    """Rules, periods, models, what is left out."""
    t, counts, flows, chain = report.t, report.base.counts, report.flows, report.chain
    margin = report.plan.given.margin
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=report.base.first_day, last=report.base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "words": t("method.words_text", gaps=report.plan.given.definitions.gaps),
        "stages": t("method.stages_text"),
    }  # fmt: skip
    if report.staged.undated:
        said["undated"] = t("method.undated_text", n=report.staged.undated)
    if flows and flows.before:
        said["period"] = t("method.period_two", first=flows.before, then=flows.then, now=flows.now)
    elif flows:
        said["period"] = t("method.period_one", then=flows.then, now=flows.now)
    said["change"] = t("method.change_text")
    if report.forecast:
        said["forecast"] = t("method.forecast_text")
    if chain:
        said["chain"] = t(
            "method.chain_text", states=len(chain.states), weeks=chain.period_days // 7,
            spend=chain.spend_per_purchase, n=chain.purchases, rate=report.terms.rate,
            margin=t(f"method.margin_{report.terms.margin.source.replace(' ', '_')}", share=chain.margin),
            cost=t(f"method.cost_{report.terms.cost_source}", cost=report.terms.contact_cost),
        )  # fmt: skip
    said |= {
        "worth": t(
            "method.worth_text", weeks=WORKS[0], effect=effect_words(t, report.plan),
            margin=t("method.plan_margin_unknown")
            if margin is None
            else t("method.plan_margin", margin=margin),
        ),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "lifecycle", report.actions),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "lifecycle"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**report.facts, facts_version=FACTS_VERSION)


@section(small=_small_record)
def record(report: LifecycleReport) -> Block:
    """The key numbers, for machines and for tests."""
    found = report.plan.given.definitions
    facts: dict[str, Any] = report.facts | {"facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    facts |= {"at_risk_days": found.at_risk_days, "lapsed_days": found.lapsed_days}
    facts["staged"] = int(report.staged.sizes["customers"].sum())
    for stage, n in zip(report.staged.sizes["stage"], report.staged.sizes["customers"], strict=True):
        facts[f"stage_{str(stage).lower().replace(' ', '_')}"] = int(n)
    if report.forecast and report.forecast.errors:
        facts["forecast_misplaced"], facts["unchanged_misplaced"] = (
            round(x, 1) for x in report.forecast.errors
        )
    if report.chain:
        facts["value_just_bought"] = round(float(report.chain.states["ahead"].iloc[0]), 2)
        facts["best_stop"] = report.chain.chain.best_stop()
    return blocks.record(**facts)
