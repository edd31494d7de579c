"""How the segments report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.audiences import WORKS
from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks, words
from crm_analytics.reports.segments.report import QUIET, SegmentReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport
from crm_analytics.reports.shared.tiles import effect_words

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.shared.report import Report


@section(small=small_form.method)
def method(report: SegmentReport) -> Block:
    """Definitions, cut points, exclusions, how changes were measured, what is missing."""
    t, base = report.t, report.base
    margin, counts = report.plan.given.margin, base.counts
    said = {
        "data": t(
            "method.data_text", rows=counts["rows"], first=base.first_day, last=base.day,
            rejected=counts["rejected"], returns=counts["returns"],
        ),
        "order": t("method.order_text"),
        "words": t("method.words_text", gaps=report.plan.given.definitions.gaps),
        "scores": _scores(report),
        "segments": t("method.segments_text"),
        "changes": t("method.changes_text"),
        "worth": t(
            "method.worth_text", weeks=WORKS[0], effect=effect_words(t, report.plan),
            margin=t("method.margin_unknown") if margin is None else t("method.margin_known", margin=margin),
        ),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "segments", report.plan.actions),
        "not_here": t("method.not_here_text"),
    }  # fmt: skip
    if counts["anonymous_rows"]:
        said["data"] = f"{said['data']} {t('lede.anonymous', value=counts['anonymous_spend'])}"
    return blocks.method({t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "segments"))


def _scores(report: SegmentReport) -> str:
    cuts = report.scores.cuts.set_index("measure")["cuts"]
    return report.t(
        "method.scores_text",
        bins=report.scores.bins,
        recency=", ".join(words.number(v) for v in cuts["recency_days"]),
        orders=", ".join(words.number(v) for v in cuts["order_count"]),
        revenue=", ".join(report.money(v) for v in cuts["revenue"]),
    )


def _small_record(report: SmallReport) -> Block:
    seen = report.seen
    return blocks.record(
        **_common(report), orders=seen.orders, revenue_to_date=seen.revenue, returning=seen.returning
    )


def _common(report: Report) -> dict[str, Any]:
    return {"facts_version": FACTS_VERSION, **report.facts}


@section(small=_small_record)
def record(report: SegmentReport) -> Block:
    """The key figures, for machines and for tests."""
    found = report.plan.given.definitions
    table = report.scores.segments
    quiet = table[table["segment"].isin(QUIET)][["customers", "revenue"]].sum()
    figures = [kpi.facts() for kpi in report.kpis.values()]
    return blocks.record(
        **_common(report),
        **{name: value for facts in figures for name, value in facts.items()},
        at_risk_days=found.at_risk_days,
        lapsed_days=found.lapsed_days,
        gini=report.spread.gini,
        quiet_customers=int(quiet["customers"]),
        quiet_revenue=quiet["revenue"],
        contact_effect=report.plan.effect.value,
        contact_cost=report.plan.cost.amount,
    )
