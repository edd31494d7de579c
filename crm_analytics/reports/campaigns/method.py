"""How the campaigns report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.campaigns.measurement.campaign_arms import MINIMUM_ARM
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks, words
from crm_analytics.reports.campaigns.placement import list_name
from crm_analytics.reports.campaigns.report import CampaignsReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.group_sizes import group_facts
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.campaigns.due import Due

SILENT = "save"  # the list of those likely to fall silent, of whom the churn report has one of its own


@section(small=small_form.method)
def method(report: CampaignsReport) -> Block:
    """How effects are measured, what is left out, what they do not say."""
    t, base, counts = report.t, report.base, report.base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
    }  # fmt: skip
    found = report.waves
    if found is not None:
        table = found.waves.campaigns
        said["campaigns"] = t(
            "method.campaigns_text", n=len(table), least=MINIMUM_ARM, first=table["sent_day"].min(),
            last=table["sent_day"].max(), days=int(table["window_days"].max()),
        )  # fmt: skip
        said["effect"] = t("method.effect_text", days=found.waves.before)
        said |= {name: t(f"method.{name}_text") for name in ("nights", "ranking")}
    if report.incentives is not None:
        said["incentives"] = t("method.incentives_text")
    if report.due is not None:
        said["lists"] = t("method.lists_text", n=len(report.due.wave.rules))
        said["other_lists"] = _other_lists(report, report.due)
    said |= {
        "worth": t("method.worth_text", effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "campaigns", report.own_actions),
        "not_here": t("method.not_here_text"),
    }
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "campaigns"))


def _other_lists(report: CampaignsReport, due: Due) -> str:
    """Why a list of another report may name another number."""
    text = report.t("method.other_lists_text")
    if SILENT not in set(due.lists["list"]):
        return text
    return f"{text} {report.t('method.other_lists_silent', list=list_name(report, SILENT))}"


@section(small=small_form.record)
def record(report: CampaignsReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    facts |= {"contact_effect": report.plan.effect.value, "contact_cost": report.plan.cost.amount}
    found = report.waves
    if found is not None:
        table = found.waves.campaigns
        facts |= {"campaigns": len(table), "contacts": int(table["treated"].sum())}
        for row in found.pooled.to_dict("records"):
            for end in ("", "_lower", "_upper"):
                if not words.is_unknown(row[f"adjusted{end}"]):
                    facts[f"{row['outcome']}_effect{end}"] = row[f"adjusted{end}"]
        if found.uplift is not None:
            facts |= {"qini": found.uplift.qini.coefficient, "qini_lower": found.uplift.qini.lower}
        if not report.groups.empty:
            facts |= group_facts(report.groups[["attribute", "group", "customers"]].itertuples(index=False))
    if report.due is not None:
        facts |= {"due": int(report.due.lists["due"].sum()), "to_contact": report.due.treated}
    told = report.incentives
    if told is not None:
        facts |= {"deals": told.deals, "discount": round(told.discount, 2)}
        if told.offers is not None:
            facts["given_away"] = round(float(told.offers.given_away["given_away"].iloc[0]), 2)
    return blocks.record(**facts)
