"""How the channels report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.channels.report import DRAWS, ChannelReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: ChannelReport) -> Block:
    """Definitions of touch, path and models, what is left out, what it cannot tell."""
    t, counts = report.t, report.base.counts
    said = {"data": t("method.data_text", rows=counts["rows"], first=report.base.first_day,
                      last=report.base.day, rejected=counts["rejected"])}  # fmt: skip
    if report.now is not None:
        now, paths = report.now, report.now.paths
        said |= {
            "period": t("method.period_text", first=paths.first_day, last=now.day),
            "touch": t("method.touch_text"),
            "path": t("method.path_text", days=report.lookback, open=paths.open, anonymous=paths.anonymous,
                      n=paths.untracked, value=paths.untracked_value),
            "models": t("method.models_text", days=report.half_life),
            "credit": t("method.credit_text"),
            "measured": t("method.measured_text"),
            "test": t("method.test_text"),
            "margin": report.margin_note,
            "intervals": t("method.intervals_text", draws=DRAWS),
        }  # fmt: skip
    said |= {
        "worth": t("method.worth_text", effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "channels", (*report.own_actions, *report.plan.actions)),
        "not_here": t("method.not_here_text"),
    }
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "channels"))


@section(small=small_form.record)
def record(report: ChannelReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts: dict[str, Any] = {**report.facts, "facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    if report.now is not None:
        paths = report.now.paths
        verdicts = report.now.economics.channels["verdict"].value_counts()
        facts |= {
            "tracked_purchases": paths.conversions,
            "untracked_purchases": paths.untracked,
            **{
                f"channels_{str(name).replace(' ', '_')}": int(n)
                for name, n in sorted(verdicts.to_dict().items())
            },
        }
    if report.payback is not None:
        facts["payback_months"] = report.payback.months
    return blocks.record(**facts)
