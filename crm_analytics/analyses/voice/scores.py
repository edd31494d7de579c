"""NPS, CSAT and CES with intervals, over all and by group.

The net promoter score (Reichheld 2003) is the share of 9 and 10 less the share of 0 to 6, in points. It is
defined on 0 to 10: answers to its question on another scale are left out and counted. Its variance is
``p + d - (p - d)²`` for the shares p of promoters and d of detractors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.evidence import LEAST, grade
from crm_analytics.analyses.exact_moments import exact_mean, exact_variance
from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.rating_scales import SATISFIED
from crm_analytics.analyses.voice.answers import CES, CSAT, NPS, Answers
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

PROMOTER, DETRACTOR = 9, 6
GROUP = 10  # people from which on a group is shown
FEWEST = 10  # answers from which on a score is said


@dataclass(frozen=True)
class Score:
    """A score with its 95 % interval.

    Attributes
    ----------
    value, lower, upper : NPS in points, -100 to 100; CSAT as the share of satisfied answers, 0 to 1; CES as
        the mean share of the scale, 0 to 1, where more is easier
    n : people
    left_out : answers on another scale
    """

    value: float
    lower: float
    upper: float
    n: int
    left_out: int = 0


def net_promoter_score(promoters: float, passives: float, detractors: float) -> Score:
    """NPS of so many promoters, passives and detractors.

    Where all answers are of one kind the variance is 0 and says nothing: the interval is then that of a share
    (Wilson), stretched to points.

    >>> found = net_promoter_score(60, 20, 20)
    >>> found.value, round(found.upper - found.value, 1)
    (40.0, 15.7)

    Raises
    ------
    NotEnoughData : nobody answered.
    """
    n = promoters + passives + detractors
    if n <= 0:
        raise NotEnoughData("a net promoter score", 0, 1, "answers")
    p, d = promoters / n, detractors / n
    variance = p + d - (p - d) ** 2
    if variance < 1e-12:
        low, _ = wilson(n, n)
        value = 100 * (p - d)
        ends = {100: (200 * low - 100, 100.0), -100: (-100.0, 100 - 200 * low)}
        low, high = ends.get(round(value), (100 * (low - 1), 100 * (1 - low)))
        return Score(value, low, high, int(n))
    half = 100 * Z95 * math.sqrt(variance / n)
    value = 100 * (p - d)
    return Score(value, max(value - half, -100.0), min(value + half, 100.0), int(n))


def score(given: Answers, instrument: str) -> Score:
    """The score of an instrument over all people.

    Raises
    ------
    NotEnoughData : fewer than 10 people answered.
    """
    frame = counted_by_group(given, instrument, None)
    if frame.empty or int(frame["n"].iloc[0]) < FEWEST:
        raise NotEnoughData(f"a score of {instrument}", 0 if frame.empty else int(frame["n"].iloc[0]),
                            FEWEST, "answers")  # fmt: skip
    return _score(frame.iloc[0], instrument)


def scores_by_group(given: Answers, instrument: str, groups: ir.Table) -> pd.DataFrame:
    """The score of each group of customers.

    Parameters
    ----------
    groups : customer_id, segment

    Returns
    -------
    segment, n, value, lower, upper, largest group first; groups of fewer than 10 people are not shown,
    so that no answer can be read off
    """
    frame = counted_by_group(given, instrument, groups)
    frame = frame[frame["n"] >= GROUP].reset_index(drop=True)
    found = [_score(row, instrument) for _, row in frame.iterrows()]
    shown = pd.DataFrame(
        {"segment": frame.get("segment", pd.Series(dtype="str")), "n": [s.n for s in found],
         "value": [s.value for s in found], "lower": [s.lower for s in found],
         "upper": [s.upper for s in found]}
    )  # fmt: skip
    return shown.sort_values(["n", "segment"], ascending=[False, True], ignore_index=True)


def apart(found: pd.DataFrame) -> tuple[pd.Series, pd.Series] | None:
    """The two groups most surely told apart, the better one first; None where chance could part them so far.

    The two that lie furthest apart are often the two smallest, of which least is known. So the pair is taken
    whose difference is largest against its own error, and the test counts every pair (Bonferroni).

    Parameters
    ----------
    found : of `scores_by_group`

    >>> groups = {"segment": ["a", "b", "c"], "value": [40.0, 20, 10], "lower": [30.0, 10, 0]}
    >>> found = pd.DataFrame(groups | {"upper": [50.0, 30, 20]})
    >>> [row["segment"] for row in apart(found)], apart(found.iloc[:2].assign(lower=[22, 2], upper=[58, 38]))
    (['a', 'c'], None)
    """
    if len(found) < 2:
        return None
    value, lower, upper = (found[name].to_numpy(float) for name in ("value", "lower", "upper"))
    gap = value[:, None] - value
    near = np.hypot((value - lower)[:, None], upper - value)
    sure = np.divide(gap, near, out=np.where(gap > 0, np.inf, 0.0), where=near > 0)
    better, worse = np.unravel_index(int(sure.argmax()), sure.shape)
    middle, half = gap[better, worse], near[better, worse]
    told = grade(
        middle, middle - half, middle + half, LEAST,
        kind="voice.segment_differs", looks=math.comb(len(found), 2),
    )  # fmt: skip
    return (found.iloc[better], found.iloc[worse]) if told.is_news else None


def counted_by_group(given: Answers, instrument: str, groups: ir.Table | None) -> pd.DataFrame:
    """Counts of a score by group: n, promoters, detractors, satisfied, mean, spread. A person counts once."""
    each = given.of(instrument)
    right = (each.high == 10) & each.low.isin([0.0, 1.0]) if instrument == NPS else ibis.literal(True)
    each = each.mutate(right=right)
    mine = (
        each.filter(each.right)
        .group_by("respondent_id")
        .aggregate(
            customer_id=each.customer_id.max(), score=exact_mean(each.score), share=exact_mean(each.share)
        )
    )
    other = int(each.count(where=~each.right).to_pyarrow().as_py() or 0)
    keys = []
    if groups is not None:
        mine = mine.inner_join(groups.select("customer_id", "segment"), "customer_id")
        keys = ["segment"]
    counted = mine.group_by(keys) if keys else mine
    frame = given.base.collect(
        counted.aggregate(
            n=mine.count(),
            promoters=mine.count(where=mine.score >= PROMOTER),
            detractors=mine.count(where=mine.score < DETRACTOR + 1),
            satisfied=mine.count(where=mine.share >= SATISFIED - 1e-9),
            mean=exact_mean(mine.share),
            spread=exact_variance(mine.share),
        )
    )
    return frame.assign(left_out=other)


def _score(row: pd.Series, instrument: str) -> Score:
    n, other = int(row["n"]), int(row["left_out"])
    if instrument == NPS:
        p, d = int(row["promoters"]), int(row["detractors"])
        found = net_promoter_score(p, n - p - d, d)
        return Score(found.value, found.lower, found.upper, n, other)
    if instrument == CSAT:
        k = int(row["satisfied"])
        return Score(k / n, *wilson(k, n), n, other)
    if instrument != CES:
        raise NotEnoughData(f"a score of {instrument}", 0, 1, "answers")
    from scipy.stats import t

    mean, spread = float(row["mean"]), float(np.nan_to_num(row["spread"]))
    half = float(t.ppf(0.975, max(n - 1, 1))) * math.sqrt(spread / n) if spread else 1 - 0.05 ** (1 / n)
    return Score(mean, max(mean - half, 0.0), min(mean + half, 1.0), n, other)


def difference(now: Score, before: Score) -> tuple[float, float, float]:
    """Change of a score and its 95 % interval, of two samples (Newcombe's way: from both intervals).

    People who answered in both spans are taken as two: where their answers hang together, the interval is a
    little too wide.
    """
    change = now.value - before.value
    low = math.hypot(now.value - now.lower, before.upper - before.value)
    high = math.hypot(now.upper - now.value, before.value - before.lower)
    return change, change - low, change + high
