"""How the churn report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.churn.training import LEARNERS
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.churn.first_screen import tested
from crm_analytics.reports.churn.report import ChurnReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.group_sizes import group_facts
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.analyses.churn.training import Churn
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: ChurnReport) -> Block:
    """What falling silent is, how the model was learnt and judged, what is assumed."""
    t, base, counts = report.t, report.base, report.base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "words": t("method.words_text", gaps=report.plan.given.definitions.gaps),
    }  # fmt: skip
    trained = report.trained
    if trained is not None:
        said["windows"] = _windows(report, trained)
        said["expected"] = t("method.expected_text")
        said["model"] = _model(report, trained)
        said["list"] = t("method.list_text")
    said |= {
        "worth": t("method.worth_text", effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "churn", report.own_actions),
        "not_here": t("method.not_here_text"),
    }
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "churn"))


def _windows(report: ChurnReport, trained: Churn) -> str:
    message = "method.windows_text" if tested(trained) else "method.windows_one"
    return report.t(message, n=len(trained.windows), days=trained.window, last=trained.held_out.day)


def _model(report: ChurnReport, trained: Churn) -> str:
    t = report.t
    if trained.model is None:
        return t("method.rule_text", days=trained.rule.cut_days)
    n = len(trained.model.features_)
    if trained.method not in LEARNERS:
        return t("method.model_own", n=n, name=trained.method)
    return t("method.model_text", n=n)


@section(small=small_form.record)
def record(report: ChurnReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    facts |= {"contact_effect": report.plan.effect.value, "contact_cost": report.plan.cost.amount}
    trained, silence = report.trained, report.silence
    if trained is not None and silence is not None:
        facts |= {
            "window": trained.window,
            "method": trained.method,
            "spent_by_them": round(silence.spent, 2),
        }
        if silence.year_ago is not None:
            facts |= {"fell_silent_year_ago": silence.year_ago[0], "active_year_ago": silence.year_ago[1]}
        last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
        row = last[last["method"] == trained.method].iloc[0]
        facts |= {f"auc{end}": float(row[f"auc{end}"]) for end in ("", "_lower", "_upper")}
        if trained.grade is not None:
            facts["grade"] = trained.grade.letter
    if report.complaint is not None:
        facts["complaint_hazard_ratio"] = float(report.complaint.hazards.table.iloc[0]["hazard_ratio"])
    if report.groups is not None:
        facts |= group_facts(report.groups.table[["attribute", "group", "n"]].itertuples(index=False))
    return blocks.record(**facts)
