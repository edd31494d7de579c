"""What people judge: intention and reality of each practice, the newest assessment and the one before.

Intention (it is decided, written down) and reality (it is done, with evidence) are two results and are never
averaged with each other: a firm that plans well and does nothing would look as good as its opposite.
Woodcock, Stone & Foss (2003), The Customer Management Scorecard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

SCALE = 5.0  # scores are 0 to 5
COLUMNS = ["framework", "block", "practice", "intention_score", "reality_score", "weight", "assessed_at"]


@dataclass(frozen=True)
class Judgement:
    """One block as people judge it, shares of the scale.

    Attributes
    ----------
    intention, reality : weighted means over practices; None where no practice has a score
    intention_before, reality_before : of the assessment before
    practices : how many were judged
    """

    intention: float | None
    reality: float | None
    intention_before: float | None
    reality_before: float | None
    practices: int


@dataclass(frozen=True, eq=False)
class Assessments(ObjectCard):
    """All assessments of a base up to its day.

    Attributes
    ----------
    rows : framework and block in small letters, practice, intention_score, reality_score, weight, round
        (0 the newest of its practice, 1 the one before)
    """

    rows: pd.DataFrame

    def of(self, framework: str, block: str) -> Judgement | None:
        """A block's judgement; None where nobody judged it."""
        rows = self.rows
        here = rows[rows["framework"].eq(_plain(framework)) & rows["block"].eq(_plain(block))]
        if here.empty:
            return None
        newest, before = here[here["round"].eq(0)], here[here["round"].eq(1)]
        return Judgement(
            _mean(newest, "intention_score"), _mean(newest, "reality_score"),
            _mean(before, "intention_score"), _mean(before, "reality_score"), len(newest),
        )  # fmt: skip


def of_base(base: CustomerBase) -> Assessments:
    """The assessments of a base; none where it has no such table."""
    table = base.tables.get("assessments")
    if table is None:
        return Assessments(pd.DataFrame(columns=[*COLUMNS, "round"]))
    present = [name for name in COLUMNS if name in table.columns]
    frame = base.collect(table.select(*present).order_by(present)).reindex(columns=COLUMNS)
    return of_frame(frame)


def of_frame(frame: pd.DataFrame) -> Assessments:
    """The same from a frame: framework, block, practice, intention_score, reality_score [, weight]
    [, assessed_at].
    """
    rows = frame.reindex(columns=COLUMNS).copy()
    rows["framework"], rows["block"] = rows["framework"].map(_plain), rows["block"].map(_plain)
    rows["weight"] = pd.to_numeric(rows["weight"]).fillna(1.0).clip(lower=0)
    rows["assessed_at"] = pd.to_datetime(rows["assessed_at"])
    newest_first = rows.sort_values("assessed_at", ascending=False, kind="stable", na_position="last")
    rows["round"] = newest_first.groupby(["framework", "block", "practice"], dropna=False).cumcount()
    return Assessments(rows)


def _mean(rows: pd.DataFrame, column: str) -> float | None:
    known = rows[rows[column].notna() & rows["weight"].gt(0)]
    if known.empty:
        return None
    score = pd.to_numeric(known[column]).clip(0, SCALE)
    return float((score * known["weight"]).sum() / known["weight"].sum() / SCALE)


def _plain(name: object) -> str:
    return " ".join(str(name).lower().split())
