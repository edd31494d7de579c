"""Two ways to carry stage sizes forward, and what each was off by at earlier days.

Customers may move as they did lately, or as they did in the same weeks of last year: the first knows the
newest habits, the second the season. Both are tried at every earlier end of a period, knowing only what lay
before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.forecasting.doubt import doubt_of

Array = NDArray[np.float64]
State = tuple[str, int]
OLDEST = 13  # periods in a stage from which on all are alike
RECENT = 3  # periods that newcomers are counted over: when winning customers stops, so must the forecast
YEAR_DAYS = 364
LATELY, LAST_YEAR = "lately", "last year"
DRAWN = 10.0  # customers that what moves lately counts for, where a state of last year is rare
MOST_GROWTH = 2.0  # newcomers that doubled within a year are no trend
FEW = 10.0  # customers added on both sides of an error, so that small stages have one
EXPECTED_ERRORS = 4.0  # errors that what is assumed of a way counts for when ways are weighed
UNTRIED: Mapping[str, float] = {LATELY: 0.06, LAST_YEAR: 0.08}  # assumed error of a period, on logarithms
APART = 0.5  # of the variance between the ways, that is added to what their errors say
LEFT_OUT, ONE_CYCLE, LESS = 0.03, 0.05, 0.08  # of a period: two cycles seen, one, not even one


@dataclass(frozen=True, eq=False)
class MoveTables:
    """Counted moves by period back (first axis; 0 is the last period), and who came from outside.

    Attributes
    ----------
    states : (stage, periods in it so far)
    member : (states, stages) whether a state is of a stage
    counts, came : (periods, states, states), (periods, states)
    year : periods of a year; 0 where a period is longer
    """

    states: list[State]
    member: Array
    counts: Array
    came: Array
    year: int

    def now(self, back: int) -> Array:
        """Customers by state at the end of a period."""
        return np.asarray(self.counts[back].sum(axis=0) + self.came[back])

    def after(self, back: int, most: int) -> MoveTables:
        """What was known at the end of a period, `most` periods at most."""
        known = slice(back, back + most)
        return MoveTables(self.states, self.member, self.counts[known], self.came[known], self.year)


def move_tables(moves: pd.DataFrame, order: list[str], length: int) -> MoveTables:
    """From moves counted as back, from_stage, from_age, stage, age, n; periods without any are left out."""
    states = _states(moves)
    place = {state: i for i, state in enumerate(states)}
    size, periods = len(states), int(moves["back"].max()) + 1
    counts, came = np.zeros((periods, size, size)), np.zeros((periods, size))
    for back, name, age, to, to_age, n in moves.itertuples(index=False):
        if name:
            counts[back, place[name, age], place[to, to_age]] += n
        else:
            came[back, place[to, to_age]] += n
    member = np.array([[float(state[0] == name) for name in order] for state in states])
    year = round(YEAR_DAYS / length) if length <= YEAR_DAYS // 4 else 0
    return MoveTables(states, member, counts, came, year)


def _states(moves: pd.DataFrame) -> list[State]:
    """Every state seen; ages close up to the oldest, so that who stays has a place to go to."""
    names = sorted({*moves["stage"], *(name for name in moves["from_stage"] if name)})
    return [(name, age) for name in names for age in range(OLDEST + 1)]


def chances(counts: Array, states: list[State]) -> Array:
    """Rows of counts to chances; a state never left lends its stage's chances, one period older."""
    place = {state: i for i, state in enumerate(states)}
    names = np.array([name for name, _ in states])
    found = counts.copy()
    for i in np.flatnonzero(counts.sum(axis=1) == 0):
        name, age = states[i]
        own = names == name
        older = place[name, min(age + 1, OLDEST)]
        of_stage = counts[own].sum(axis=0)
        found[i] = np.where(own, 0.0, of_stage)
        found[i, older] = of_stage[own].sum() or float(not of_stage.any())
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def as_lately(known: MoveTables, periods: int, window: int) -> Array:
    """Sizes after 1..periods if customers move as in the last `window` periods."""
    same = chances(known.counts[:window].sum(axis=0), known.states)
    come = known.came[:RECENT].mean(axis=0)
    return carry(known.now(0), [same] * periods, [come] * periods, known.member)


def as_last_year(known: MoveTables, periods: int, window: int) -> Array | None:
    """The same as in the same periods of last year; None where they are not whole in the data."""
    year = known.year
    if not year or periods > year or len(known.counts) < year:
        return None
    lately = chances(known.counts[:window].sum(axis=0), known.states)
    growth = _growth(known)
    steps, come = [], []
    for step in range(1, periods + 1):
        then = known.counts[year - step] + DRAWN * lately
        steps.append(then / then.sum(axis=1, keepdims=True))
        come.append(known.came[year - step] * growth)
    return carry(known.now(0), steps, come, known.member)


def _growth(known: MoveTables) -> float:
    """Newcomers of the last periods over those of the same periods a year before."""
    year = known.year
    if len(known.came) < year + RECENT:
        return 1.0
    now, then = known.came[:RECENT].sum(), known.came[year : year + RECENT].sum()
    return float(np.clip((now + FEW) / (then + FEW), 1 / MOST_GROWTH, MOST_GROWTH))


def carry(now: Array, steps: list[Array], come: list[Array], member: Array) -> Array:
    """Expected stage sizes after each step: (steps, stages)."""
    found, at = [], now
    for chance, new in zip(steps, come, strict=True):
        at = at @ chance + new
        found.append(at @ member)
    return np.stack(found)


@dataclass(frozen=True, eq=False)
class Carried:
    """Stage sizes as the weighed ways say them.

    Attributes
    ----------
    sizes, low, high : (periods, stages); 95 %
    weights : way -> weight, by period
    """

    sizes: Array
    low: Array
    high: Array
    weights: dict[str, Array]


def carried(known: MoveTables, periods: int, window: int, variance: Array, least: int) -> Carried:
    """Weigh the ways by their errors at earlier ends of periods, and widen the result by its own.

    Parameters
    ----------
    variance : (periods, stages) of chance and of what is not known of the chances
    least : periods that a trial must know
    """
    said = _said(known, periods, window)
    tried = [_said(known.after(k, len(known.counts)), periods, window) for k in range(1, len(known.counts))]
    tried = tried[: max(len(known.counts) - least, 0)]
    sizes, low, high = (np.zeros_like(variance) for _ in range(3))
    weights = {way: np.zeros(periods) for way in said}
    seen = len(known.counts)
    left_out = LEFT_OUT if known.year and seen >= 2 * known.year else ONE_CYCLE if seen >= 13 else LESS
    for at in range(periods):
        errors = {way: _errors(known, tried, way, at) for way in said}
        spread = {
            way: (EXPECTED_ERRORS * UNTRIED[way] ** 2 * (at + 1) + _squares(one) / (at + 1))
            / (EXPECTED_ERRORS + len(one) / (at + 1))
            for way, one in errors.items()
        }
        total = sum(1 / one for one in spread.values())
        for way, one in spread.items():
            weights[way][at] = 1 / one / total
        sizes[at] = sum(weights[way][at] * said[way][at] for way in said)
        logs = {way: np.log((said[way][at] + FEW) / (sizes[at] + FEW)) for way in said}
        apart = APART * sum(weights[way][at] * one**2 for way, one in logs.items())
        own = _combined(errors, {way: weights[way][at] for way in said})
        for i, size in enumerate(sizes[at]):
            chance = float(np.sqrt(variance[at, i]) / (size + FEW))
            doubt = doubt_of(own[:, i], at + 1.0, chance, left_out * np.sqrt(at + 1.0), float(apart[i]))
            half = doubt.half()
            low[at, i] = max((size + FEW) * np.exp(-half) - FEW, 0.0)
            high[at, i] = (size + FEW) * np.exp(half) - FEW
    return Carried(sizes, low, high, weights)


Said = dict[str, Array]


def _said(known: MoveTables, periods: int, window: int) -> Said:
    found: Said = {LATELY: as_lately(known, periods, window)}
    if (last := as_last_year(known, periods, window)) is not None:
        found[LAST_YEAR] = last
    return found


def _errors(known: MoveTables, tried: list[Said], way: str, at: int) -> Array:
    """Logarithms of what came over what was said, by day tried (those after which `at` + 1 periods lie)."""
    rows = []
    for k, said in enumerate(tried, start=1):
        if k <= at or way not in said:
            continue
        came = known.now(k - at - 1) @ known.member
        rows.append(np.log((came + FEW) / (said[way][at] + FEW)))
    return np.array(rows).reshape(len(rows), known.member.shape[1])


def _squares(errors: Array) -> float:
    """Sum over days of the mean square over stages."""
    return float((errors**2).mean(axis=1).sum()) if len(errors) else 0.0


def _combined(errors: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Errors of the weighed ways, by day; the ways that could be tried at a day share its weight."""
    longest = max(len(one) for one in errors.values())
    stages = next(iter(errors.values())).shape[1]
    top, below = np.zeros((longest, stages)), np.zeros((longest, 1))
    for way, one in errors.items():
        top[: len(one)] += weights[way] * one
        below[: len(one)] += weights[way]
    return np.asarray(top / np.maximum(below, 1e-12))
