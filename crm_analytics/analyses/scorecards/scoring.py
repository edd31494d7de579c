"""A framework measured: each key figure against its target, each block, the weakest links.

A key figure scores 0 at its floor, 1 at its target, and evenly between. A block's score is the weighted mean
of the figures that are known; what is not known is grey and counts neither for nor against. What people
judge stands beside it and is not mixed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.scorecards.framework import BEFORE, DOWN, RELATIVE_FLOOR, UP, YEAR_AGO

if TYPE_CHECKING:
    from crm_analytics.analyses.scorecards.assessments import Assessments, Judgement
    from crm_analytics.analyses.scorecards.framework import Framework, FrameworkBlock, Measure

GREEN, AMBER, RED, GREY = "green", "amber", "red", "grey"
AMBER_FROM, GREEN_FROM = 0.5, 1.0
BETTER, WORSE, SAME, NO_TREND = "better", "worse", "same", ""
UNKNOWN_KPI = "this version does not compute it"
NO_TARGET = "there is no earlier period to set the target by"
LATER = "later"  # needed where this version does not compute a figure
LEAST_KNOWN = 0.5  # share of blocks, below which a framework prints only what to bring


@dataclass(frozen=True)
class Line:
    """One key figure of one block.

    Attributes
    ----------
    block, measure : where it belongs
    kpi : None where no such figure is computed
    target, floor : in the figure's unit; None where they are relative and nothing earlier is known
    score : 0 to 1; None is grey
    status : "green", "amber", "red" or "grey"
    trend : "better", "worse", "same" (within chance), or "" where nothing earlier is known
    """

    block: str
    measure: Measure
    kpi: Kpi | None
    before: float | None
    target: float | None
    floor: float | None
    score: float | None
    status: str
    trend: str

    @property
    def refusal(self) -> str:
        """Why it is grey; empty where it is not."""
        if self.score is not None:
            return ""
        if self.kpi is None:
            return UNKNOWN_KPI
        return self.kpi.refusal or NO_TARGET


@dataclass(frozen=True)
class BlockScore:
    """One block.

    Attributes
    ----------
    block : of the framework
    lines : its key figures
    score : weighted mean of known figures, 0 to 1; None where none is known
    known : share of the weight that is known
    status : of the score
    judgement : of people; None where nobody judged it
    """

    block: FrameworkBlock
    lines: tuple[Line, ...]
    score: float | None
    known: float
    status: str
    judgement: Judgement | None

    @property
    def is_judged(self) -> bool:
        """Whether people said what is done."""
        return self.judgement is not None and self.judgement.reality is not None

    @property
    def level(self) -> float | None:
        """What the block is ranked by: data where they speak, else reality as judged."""
        if self.score is not None:
            return self.score
        return None if self.judgement is None else self.judgement.reality


@dataclass(frozen=True, eq=False)
class Scorecard:
    """A framework, measured."""

    framework: Framework
    blocks: tuple[BlockScore, ...]

    @property
    def known(self) -> float:
        """Share of the blocks that is known: whole where people judged them, else the weight data tell."""
        return sum(1.0 if b.is_judged else b.known for b in self.blocks) / len(self.blocks)

    @property
    def speaks(self) -> bool:
        """Whether enough is known to print more than what to bring."""
        return self.known >= LEAST_KNOWN

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every key figure of every block."""
        return tuple(line for block in self.blocks for line in block.lines)

    @cached_property
    def score(self) -> float | None:
        """Mean of the blocks that data score."""
        known = [b.score for b in self.blocks if b.score is not None]
        return sum(known) / len(known) if known else None

    @cached_property
    def judged(self) -> tuple[float | None, float | None, int]:
        """Intention and reality over all judged blocks, each on its own, and how many blocks."""
        judged = [b.judgement for b in self.blocks if b.judgement is not None]
        plans = [j.intention for j in judged if j.intention is not None]
        deeds = [j.reality for j in judged if j.reality is not None]
        return _mean(plans), _mean(deeds), len(judged)

    def weakest(self, count: int = 3) -> list[Line]:
        """The known figures that lose most: shortfall times weight; ties in the framework's order."""
        short = [x for x in self.lines if x.score is not None and x.score < GREEN_FROM]
        return sorted(short, key=lambda x: -(1 - (x.score or 0.0)) * x.measure.weight)[:count]

    def needed(self) -> pd.DataFrame:
        """What to bring: needs (table or "assessments"), figures, blocks; most figures first."""
        rows = [
            {
                "needs": LATER if line.kpi is None else line.measure.needs,
                "block": line.block,
                "kpi": line.measure.kpi,
                "why": line.refusal,
            }
            for line in self.lines
            if line.score is None
        ]
        rows += [
            {"needs": "assessments", "block": b.block.id, "kpi": "", "why": "nobody was asked"}
            for b in self.blocks
            if b.block.assessed_as and b.judgement is None
        ]
        return pd.DataFrame(rows, columns=["needs", "block", "kpi", "why"])

    def table(self) -> pd.DataFrame:
        """One row per key figure, as it is published: every score recomputes from its row.

        Returns
        -------
        block, kpi, weight, value, lower, upper, n, target, floor, previous, score, status, trend, owner,
        explained_in
        """
        return pd.DataFrame([_row(line) for line in self.lines], columns=list(_COLUMNS))


_COLUMNS = ("block", "kpi", "weight", "value", "lower", "upper", "n", "target", "floor", "previous", "score",
            "status", "trend", "owner", "explained_in")  # fmt: skip


def _row(line: Line) -> tuple[object, ...]:
    kpi = line.kpi
    known = kpi is not None and kpi.value is not None
    return (
        line.block, line.measure.kpi, line.measure.weight,
        kpi.value if kpi else None, kpi.lower if kpi else None, kpi.upper if kpi else None,
        kpi.n if kpi and known else None, line.target, line.floor, line.before, line.score, line.status,
        line.trend, line.measure.owner, kpi.explained_in if kpi else "",
    )  # fmt: skip


def score(
    framework: Framework,
    kpis: Mapping[str, Kpi],
    assessments: Assessments,
    earlier: Mapping[str, Kpi] | None = None,
) -> Scorecard:
    """Measure a framework.

    Parameters
    ----------
    kpis : key figures by name; a name that is missing is grey
    assessments : what people judged
    earlier : the same figures as they were known a period before
    """
    before = earlier or {}
    return Scorecard(
        framework, tuple(_block(framework, b, kpis, assessments, before) for b in framework.blocks)
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _block(
    framework: Framework,
    block: FrameworkBlock,
    kpis: Mapping[str, Kpi],
    assessments: Assessments,
    earlier: Mapping[str, Kpi],
) -> BlockScore:
    lines = tuple(_line(block, m, kpis.get(m.kpi), earlier.get(m.kpi)) for m in block.measures)
    known = sum(x.measure.weight for x in lines if x.score is not None)
    total = sum(x.measure.weight * x.score for x in lines if x.score is not None) / known if known else None
    judged = assessments.of(framework.assessed_as, block.assessed_as) if block.assessed_as else None
    return BlockScore(block, lines, total, known, status_of(total), judged)


def _line(block: FrameworkBlock, measure: Measure, kpi: Kpi | None, earlier: Kpi | None) -> Line:
    measure, before = _aimed(measure, kpi), _before(kpi, earlier)
    floor, target = _ends(measure, kpi, before)
    value = None if kpi is None else kpi.value
    if kpi is None or value is None or target is None or floor is None or not math.isfinite(value):
        return Line(block.id, measure, kpi, before, target, floor, None, GREY, NO_TREND)
    found = achieved(value, floor, target)
    best = kpi.upper if measure.direction == UP else kpi.lower
    status = status_of(found)
    if status == RED and best is not None and achieved(best, floor, target) >= GREEN_FROM:
        status = AMBER  # the target lies within the interval
    return Line(block.id, measure, kpi, before, target, floor, found, status, _trend(measure, kpi, earlier))


def _aimed(measure: Measure, kpi: Kpi | None) -> Measure:
    """The measure with the company's own target; its floor where that is worse, else a fifth short of it."""
    if kpi is None or kpi.target is None:
        return measure
    aim, way = kpi.target.value, 1 if kpi.target.at_least else -1
    floor = measure.floor
    if floor is None or (aim - floor) * way <= 0:
        floor = aim - way * (abs(aim) * RELATIVE_FLOOR or 1.0)
    return replace(measure, target=aim, floor=floor, direction=UP if way > 0 else DOWN)


def achieved(value: float, floor: float, target: float) -> float:
    """How much of the way from floor to target a value has come, 0 to 1.

    >>> achieved(0.42, 0.30, 0.60), achieved(8.0, 10.0, 5.0), achieved(70.0, 0.0, 50.0)
    (0.4, 0.4, 1.0)
    """
    if target == floor:
        return 1.0 if value == target else 0.0
    return round(min(max((value - floor) / (target - floor), 0.0), 1.0), 12)


def status_of(found: float | None) -> str:
    """The light of a score.

    >>> [status_of(x) for x in (1.0, 0.7, 0.2, None)]
    ['green', 'amber', 'red', 'grey']
    """
    if found is None:
        return GREY
    return GREEN if found >= GREEN_FROM else AMBER if found >= AMBER_FROM else RED


def _before(kpi: Kpi | None, earlier: Kpi | None) -> float | None:
    if kpi is not None and kpi.previous is not None:
        return kpi.previous
    return None if earlier is None else earlier.value


def _ends(measure: Measure, kpi: Kpi | None, before: float | None) -> tuple[float | None, float | None]:
    """Floor and target; a relative target is what was reached before, and its floor a fifth short of it."""
    if not isinstance(measure.target, str):
        return measure.floor, measure.target
    aim = before if measure.target == BEFORE else None
    if measure.target == YEAR_AGO and kpi is not None:
        aim = kpi.year_ago if kpi.year_ago is not None else before
    if aim is None or aim == 0:
        return None, None
    short = abs(aim) * RELATIVE_FLOOR
    return (aim - short if measure.direction == UP else aim + short), aim


def _trend(measure: Measure, kpi: Kpi, earlier: Kpi | None) -> str:
    change = kpi.against_previous
    if change is not None and change.change is not None:
        moved = change.now - change.before
        clear = change.is_clear
    elif earlier is not None and earlier.value is not None and kpi.value is not None:
        moved = kpi.value - earlier.value
        errors = [_error(kpi), _error(earlier)]
        clear = moved != 0 and (None in errors or abs(moved) > Z95 * math.hypot(*(e or 0.0 for e in errors)))
    else:
        return NO_TREND
    if not clear:
        return SAME
    return BETTER if (moved > 0) == (measure.direction == UP) else WORSE


def _error(kpi: Kpi) -> float | None:
    return None if kpi.lower is None or kpi.upper is None else (kpi.upper - kpi.lower) / (2 * Z95)
