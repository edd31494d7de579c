"""Who answers: how many of those who could, and how they differ from those who do not.

Nobody knows who was asked, unless a source says so; so the buyers of the same days stand for them. The shares
of each group among those who answer and among the others are compared, and the score is weighted back to the
groups of all buyers (post-stratification): where that moves it, the plain score is that of the people who
like to answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.intervals import Z95, share_difference, wilson
from crm_analytics.analyses.voice.answers import NPS, Answers
from crm_analytics.analyses.voice.scores import GROUP, Score, counted_by_group, net_promoter_score
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, eq=False)
class ResponseBias(ObjectCard):
    """Who answers.

    Attributes
    ----------
    buyers, answered : people of the days; of those who answered, buyers alone
    rate, lower, upper : answered of buyers, 95 %
    groups : segment, buyers, answered, rate, share_of_buyers, share_of_answers, difference (of the shares),
        lower, upper (95 %, Newcombe), clear (0 lies outside the interval of as many groups as are shown,
        Bonferroni)
    plain, weighted : NPS as answered, and weighted to the groups of all buyers; None where there is none
    """

    buyers: int
    answered: int
    rate: float
    lower: float
    upper: float
    groups: pd.DataFrame
    plain: Score | None
    weighted: Score | None


def response_bias(given: Answers, groups: ir.Table, start: date) -> ResponseBias:
    """Compare buyers of ``(start, day]`` who answered in these days with those who did not.

    Parameters
    ----------
    given : answers of the same days
    groups : customer_id, segment

    Raises
    ------
    NotEnoughData : nobody bought in these days, or nobody answered.
    """
    base = given.base
    days = base.exact_occasions
    days = days.filter(days.day > ibis.literal(start))
    buyers = days.select("customer_id").distinct()
    said = given.each.filter(given.each.customer_id.notnull()).select("customer_id").distinct()
    said = said.mutate(said=ibis.literal(1))
    both = buyers.left_join(said, "customer_id").drop("customer_id_right")
    both = both.inner_join(groups.select("customer_id", "segment"), "customer_id")
    frame = base.collect(
        both.group_by("segment").aggregate(buyers=both.count(), answered=both.said.count())
    ).sort_values(["buyers", "segment"], ascending=[False, True], ignore_index=True)
    n, k = int(frame["buyers"].sum()), int(frame["answered"].sum())
    if not n or not k:
        raise NotEnoughData("who answers", k, 1, "buyers who answered")
    looks = max(int((frame["buyers"] >= GROUP).sum()), 1)
    rows = [_bias(int(r["buyers"]), int(r["answered"]), n, k, looks) for r in frame.to_dict("records")]
    frame = pd.concat([frame, pd.DataFrame(rows)], axis=1)
    low, high = wilson(k, n)
    plain, weighted = _weighted(given, groups, frame)
    shown = frame[frame["buyers"] >= GROUP].reset_index(drop=True)
    return ResponseBias(n, k, k / n, low, high, shown, plain, weighted)


def _bias(buyers: int, answered: int, n: int, k: int, looks: int) -> dict[str, float]:
    silent, others = buyers - answered, n - k
    (low, high), (least, most) = (
        share_difference(answered, k, silent, others, level) for level in (0.95, 1 - 0.05 / looks)
    )
    return {
        "rate": answered / buyers, "share_of_buyers": buyers / n, "share_of_answers": answered / k,
        "difference": answered / k - (silent / others if others else math.nan), "lower": low, "upper": high,
        "clear": least > 0 or most < 0,
    }  # fmt: skip


def _weighted(given: Answers, groups: ir.Table, frame: pd.DataFrame) -> tuple[Score | None, Score | None]:
    """NPS plain and by the groups' shares of buyers; groups with fewer than ten answers join the others."""
    cells = counted_by_group(given, NPS, groups)
    if cells.empty or int(cells["n"].sum()) < GROUP:
        return None, None
    cells = cells.merge(frame[["segment", "buyers"]], on="segment", how="inner")
    cells["key"] = cells["segment"].where(cells["n"] >= GROUP, "")
    cells = cells.groupby("key")[["n", "promoters", "detractors", "buyers"]].sum()
    cells = cells[(cells["n"] > 1) & (cells["buyers"] > 0)]
    if cells.empty:
        return None, None
    total = cells.sum()
    n, promoters, detractors = (float(total[name]) for name in ("n", "promoters", "detractors"))
    plain = net_promoter_score(promoters, n - promoters - detractors, detractors)
    weight = cells["buyers"] / cells["buyers"].sum()
    p, d = cells["promoters"] / cells["n"], cells["detractors"] / cells["n"]
    value = float(100 * (weight * (p - d)).sum())
    variance = float((weight**2 * (p + d - (p - d) ** 2) / cells["n"]).sum())
    half = 100 * Z95 * math.sqrt(variance)
    return plain, Score(value, max(value - half, -100), min(value + half, 100), int(total["n"]))
