"""Who answers campaigns: by recency, frequency and value at the sending, and by region, age and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.disclosure import OTHERS
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.campaigns.placement import FEW, names_of, without, without_constant
from crm_analytics.reports.campaigns.placement import verdict as said_of
from crm_analytics.reports.campaigns.report import HUNDRED, CampaignsReport
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns import Evaluation
    from crm_analytics.pages.blocks import Block


@section(part="waves", needs=without("measured"), small=FEW)
def who_answers(report: CampaignsReport, found: Evaluation) -> Block:
    """Share that bought in the window by score and by group: treated beside those held back."""
    t = report.t
    scores = found.response[found.response["outcome"] == "conversion"]
    best = scores[scores["measure"] == "r_score"].nlargest(1, "score").iloc[0]
    scores = scores.assign(
        who=[
            t(f"answer.{measure}", score=int(score))
            for measure, score in zip(scores["measure"], scores["score"], strict=True)
        ]
    )
    recency = scores[scores["measure"] == "r_score"].reset_index(drop=True)
    table = _rows(report, pd.concat([scores, _named(report, report.groups)]))
    bounds = interval(t, HUNDRED * best["adjusted_lower"], HUNDRED * best["adjusted_upper"], "number:1")
    few = pd.isna(best["adjusted_lower"])
    slots = {"treated": best["treated_mean"], "control": best["control_mean"], "interval": bounds}
    return blocks.chart(
        figures.bars(recency, "who", "treated_mean", context="control_mean", fmt="percent:0"),
        finding=t.of("answer.few" if few else "answer.finding", slots),
        data=table,
        caption=t("answer.caption" if report.groups.empty else "answer.caption_groups"),
        formats=dict.fromkeys(("treated_mean", "control_mean", "adjusted"), "percent")
        | {"points": "interval:number:1"},
        names=names_of(report, *table.columns),
    ).under(t("answer.label")).anchored("answer").in_appendix()  # fmt: skip


def _rows(report: CampaignsReport, table: pd.DataFrame) -> pd.DataFrame:
    points = blocks.together(HUNDRED * table["adjusted_lower"], HUNDRED * table["adjusted_upper"])
    verdicts = [said_of(report, one) for one in table["verdict"]]
    shown = table.assign(points=points, verdict=verdicts)
    columns = ["who", "treated", "control", "treated_mean", "control_mean", "adjusted", "points", "verdict"]
    return without_constant(shown[columns].reset_index(drop=True), "verdict")


def _named(report: CampaignsReport, groups: pd.DataFrame) -> pd.DataFrame:
    if groups.empty:
        return groups
    t = report.t
    known = {OTHERS: t("others"), "not known": t("kpi.not_known")}
    return groups.assign(
        who=[
            t(f"group.{a}", group=words.clean(known.get(g, g), 40))
            for a, g in zip(groups["attribute"], groups["group"], strict=True)
        ]
    )
