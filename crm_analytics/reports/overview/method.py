"""How the overview was made, what the last run said, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks, words
from crm_analytics.reports.overview.first_screen import since_last_run
from crm_analytics.reports.overview.report import OverviewReport, SmallOverview
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words, say

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.folded(small_form.when_models_begin))
def last_run(report: OverviewReport) -> Block:
    """What differs from the last run of this report, figure by figure."""
    t, changed = report.t, since_last_run(report)
    if changed.empty:
        return (
            blocks.note(t("since.none"), earlier_run(t, report.handed)).under(t("since.label")).in_appendix()
        )
    last = report.handed.previous[0]
    data = pd.DataFrame(
        {
            "figure": [t(f"figure.{name}") for name in changed["id"]],
            "then": [say(t, v, u) for v, u in zip(changed["then"], changed["unit"], strict=True)],
            "now": [say(t, v, u) for v, u in zip(changed["now"], changed["unit"], strict=True)],
        }
    )
    return (
        blocks.table(
            data,
            finding=t("since.finding", n=len(data), day=last["day"]),
            caption=t("since.caption", headline=words.clean(last["headline"], 200)),
            names={name: t(f"column.{name}") for name in data.columns},
        )
        .under(t("since.label"))
        .anchored("since")
        .in_appendix()
    )


@section(small=small_form.method)
def method(report: OverviewReport) -> Block:
    """Where the figures and actions come from, how good the data are, what is missing."""
    t, base = report.t, report.base
    counts = base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "anonymous": t(
            "method.anonymous_text", n=counts["anonymous_rows"], value=counts["anonymous_spend"] or 0
        ),
        "figures": t("method.figures_text"),
        "lines": t("method.lines_text"),
        "actions": t("method.actions_text", effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
    }  # fmt: skip
    if report.agreed.disputed:
        said["disputed"] = " ".join(
            t("method.disputed_text", one=pair.contact, other=pair.spare) for pair in report.agreed.disputed
        )
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "overview"))


def _common(report: OverviewReport | SmallOverview) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts, "reports": len(report.handed.neighbours)}


def _small_record(report: SmallOverview) -> Block:
    seen = report.seen
    return blocks.record(
        **_common(report), orders=seen.orders, revenue_to_date=seen.revenue, returning=seen.returning
    )


@section(small=_small_record)
def record(report: OverviewReport) -> Block:
    """The five figures, for machines and for the next run."""
    figures = [kpi.facts() for kpi in report.figures.values()]
    found = report.plan.given.definitions
    return blocks.record(
        **_common(report),
        **{name: value for facts in figures for name, value in facts.items()},
        at_risk_days=found.at_risk_days,
        lapsed_days=found.lapsed_days,
        actions_disputed=len(report.agreed.disputed),
    )
