"""How the profiles report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.audiences import WORKS
from crm_analytics.analyses.disclosure import settled_days
from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks, words
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: ProfilesReport) -> Block:
    """Rules of groups and reasons, cut points, what is not in it."""
    t, counts, margin = report.t, report.base.counts, report.plan.given.margin
    cuts = report.scores.cuts.set_index("measure")["cuts"]
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=report.base.first_day, last=report.base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "segments": t(
            "method.segments_text",
            recency=", ".join(words.number(v) for v in cuts["recency_days"]),
            orders=", ".join(words.number(v) for v in cuts["order_count"]),
            revenue=", ".join(report.money(v) for v in cuts["revenue"]),
        ),
    }  # fmt: skip
    if report.migration:
        said["moves"] = t("method.moves_text", then=report.migration.then, now=report.migration.now)
    if report.portfolio:
        said["portfolio"] = t("method.portfolio_text")
    if report.needs:
        steps = report.needs.stability.to_dict("records")
        tried = "; ".join(f"{row['clusters']:.0f}: {words.number(row['stability'], 2)}" for row in steps)
        said["clusters"] = t("method.clusters_text", tried=tried)
    if report.habits or not report.people.empty:
        said["people"] = t("method.people_text", day=settled_days(report.base.day)[0])
    said |= {
        "favourites": t("method.favourites_text"),
        "worth": t(
            "method.worth_text", weeks=WORKS[0], effect=effect_words(t, report.plan),
            margin=t("method.margin_unknown") if margin is None else t("method.margin_known", margin=margin),
        ),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "profiles", report.actions),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "profiles"))


def _small_record(report: SmallReport) -> Block:
    return blocks.record(**report.facts, facts_version=FACTS_VERSION)


@section(small=_small_record)
def record(report: ProfilesReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts: dict[str, Any] = report.facts | {"facts_version": FACTS_VERSION}
    for kpi in report.kpis.values():
        facts |= kpi.facts()
    facts["clear_traits"] = (
        0 if report.traits is None else int(told(report.traits["clear"], "profiles.segment_habit").sum())
    )
    if report.portfolio:
        for row in report.portfolio.groups.to_dict("records"):
            name = str(row["group"]).lower().replace(" ", "_")
            facts[f"{name}_customers"] = int(row["customers"])
            facts[f"{name}_value"] = round(float(row["value"]), 2)
    if report.significant:
        facts["significant"] = report.significant.count
    if report.migration:
        facts["stayed"] = report.migration.stayed[0]
    if report.needs:
        facts["clusters"] = len(report.needs.profile)
    return blocks.record(**facts)
