"""How the segments report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks, words
from crm_analytics.reports.segments.report import QUIET, SegmentReport, repeat_buyers
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SmallReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block


@section(small=small_form.method)
def method(report: SegmentReport) -> Block:
    """Definitions, cut points, exclusions, how changes were measured, what is missing."""
    scores = report.scores
    cuts = scores.cuts.set_index("measure")["cuts"]
    worded = {
        "recency_days": ("R, days since the last purchase", lambda v: words.number(v, 0)),
        "order_count": ("F, orders", lambda v: words.number(v, 0)),
        "revenue": ("M, revenue", report.money),
    }
    said = "; ".join(f"{name}: {', '.join(fmt(v) for v in cuts[key])}" for key, (name, fmt) in worded.items())
    compare = "There is no earlier period in the data."
    if report.earlier:
        compare = (
            f"Segments against {words.date(report.earlier.base.day)}, by the same rules. Revenue and buyers "
            "of a period against the period before, with the 95 % interval over customers. The change of the "
            "repeat share takes both days as independent, which is cautious."
        )
    return blocks.method(
        {
            **report.method,
            "Scores": f"Each customer scores 1 to {scores.bins} by quantiles of this base; equal customers "
            f"score equal. Cut points: {said}.",
            "Segments": "The first rule that fits, in the order of the table above. Rules take time from the "
            "base's own rhythm, so that a whole base that went silent is not called recent.",
            "Change": compare,
            "Intervals": "95 %. Shares by Wilson; the top fifth's share by its influence function.",
            "Not in here": "Margin, contact cost and response: no value is promised for an action, only what "
            "these customers brought so far. A control group would measure what an offer brings.",
        }
    )


def _small_record(report: SmallReport) -> Block:
    seen = report.seen
    return blocks.record(**report.facts, orders=seen.orders, revenue=seen.revenue, returning=seen.returning)


@section(small=_small_record)
def record(report: SegmentReport) -> Block:
    """The key numbers, for machines and for tests."""
    people, again = repeat_buyers(report.scores)
    quiet = report.segment(QUIET)
    return blocks.record(
        **report.facts,
        buyers=people,
        repeat_buyers=again,
        revenue=report.scores.segments["revenue"].sum(),
        top_fifth_share=report.spread.top_share,
        gini=report.spread.gini,
        quiet_customers=int(quiet["customers"]),
        quiet_revenue=quiet["revenue"],
    )
