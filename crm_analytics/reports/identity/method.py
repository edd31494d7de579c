"""How the identity report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.identity.report import IdentityReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.report import Report
    from crm_analytics.reports.shared.small_form import SmallReport

_TERMS = ("rules", "model", "threshold", "kept", "consent", "ids", "orders", "not_here")


@section(small=small_form.method)
def method(report: IdentityReport) -> Block:
    """The rules, the model, which value is kept, what ids do, what is not in it."""
    t, counts = report.t, report.base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=report.base.first_day, last=report.base.day,
            rejected=counts["rejected"], records=report.found.records if report.found else 0,
        ),
        **{name: t(f"method.{name}_text") for name in _TERMS},
    }  # fmt: skip
    if report.found is not None and report.found.without_model:
        said["missing"] = t(
            "method.no_extra_text" if "extra" in report.found.without_model else "method.rules_only_text"
        )
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "identity"))


def _common(report: Report) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts}


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**_common(report))


@section(small=_small_record)
def record(report: IdentityReport) -> Block:
    """The key figures, for machines and for tests."""
    figures = [kpi.facts() for kpi in report.kpis.values()]
    changed = {f"{name}_if_not_merged": before for name, (before, _) in report.effect.items()}
    return blocks.record(
        **_common(report),
        **{name: value for facts in figures for name, value in facts.items()},
        **changed,
        remembered=bool(report.found and report.found.remembered),
        consents_narrowed=report.found.narrowed if report.found else 0,
    )
