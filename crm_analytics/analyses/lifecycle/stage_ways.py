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
FEW = 10.0  # moves added to those of a stage, so that a still one has some
EXPECTED_ERRORS = 4.0  # errors that what is assumed of a way counts for when ways are weighed
UNTRIED: Mapping[str, float] = {LATELY: 0.20, LAST_YEAR: 0.25}  # assumed error, as a share of the moves
COMPARABLE = 0.25  # of today's moves: an error of a day on which a stage moved less tells nothing of today
APART = 0.5  # of the variance between the ways, that is added to what their errors say
LEFT_OUT, ONE_CYCLE, LESS = 0.10, 0.15, 0.25  # of the moves: two cycles seen, one, not even one


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


def moving(known: MoveTables, periods: int, window: int) -> Array:
    """Expected moves into and out of each stage within 1..periods: what its size can be wrong by."""
    step = chances(known.counts[:window].sum(axis=0), known.states)
    come, at, member = known.came[:RECENT].mean(axis=0), known.now(0), known.member
    found, total = [], np.zeros(member.shape[1])
    to = step @ member
    for _ in range(periods):
        stay = ((at[:, None] * member) * to).sum(axis=0)
        total = total + (at @ to - stay) + (at @ member - stay) + come @ member
        at = at @ step + come
        found.append(total + FEW)
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
    seen, moves = len(known.counts), moving(known, periods, window)
    earlier = [known.after(back, seen) for back in range(1, seen - least + 1)]
    tried = [(_said(one, periods, window), moving(one, periods, window)) for one in earlier]
    said = _said(known, periods, window)
    left_out = LEFT_OUT if known.year and seen >= 2 * known.year else ONE_CYCLE if seen >= 13 else LESS
    sizes, half = np.zeros_like(variance), np.zeros_like(variance)
    weights = {way: np.zeros(periods) for way in said}
    for at in range(periods):
        errors = {way: _errors(known, tried, way, at, COMPARABLE * moves[at]) for way in said}
        for way, weight in _weights(errors, at + 1.0).items():
            weights[way][at] = weight
        own = {way: weights[way][at] for way in said}
        sizes[at] = sum(own[way] * said[way][at] for way in said)
        apart = APART * sum(own[way] * ((said[way][at] - sizes[at]) / moves[at]) ** 2 for way in said)
        together, chance = _combined(errors, own), np.sqrt(variance[at]) / moves[at]
        for i in range(len(chance)):
            own_errors = together[~np.isnan(together[:, i]), i]
            doubt = doubt_of(own_errors, at + 1.0, float(chance[i]), left_out, float(apart[i]))
            half[at, i] = doubt.half() * moves[at, i]
    return Carried(sizes, np.maximum(sizes - half, 0.0), sizes + half, weights)


Said = dict[str, Array]


def _said(known: MoveTables, periods: int, window: int) -> Said:
    found: Said = {LATELY: as_lately(known, periods, window)}
    if (last := as_last_year(known, periods, window)) is not None:
        found[LAST_YEAR] = last
    return found


def _errors(known: MoveTables, tried: list[tuple[Said, Array]], way: str, at: int, least: Array) -> Array:
    """What came less what was said, over the moves expected, by day tried (`at` + 1 periods lie after it).

    NaN for stages with fewer than `least` moves then.
    """
    rows = []
    for back, (said, moves) in enumerate(tried, start=1):
        if back > at and way in said:
            came = known.now(back - at - 1) @ known.member
            rows.append(np.where(moves[at] < least, np.nan, (came - said[way][at]) / moves[at]))
    return np.array(rows).reshape(len(rows), known.member.shape[1])


def _weights(errors: Mapping[str, Array], overlap: float) -> dict[str, float]:
    """By the mean square of the errors, drawn towards what is assumed of a way that was never tried."""
    weights = {}
    for way, one in errors.items():
        kept = one[~np.isnan(one)]
        free = len(kept) / overlap / max(one.shape[1], 1)
        seen = float((kept**2).mean()) if len(kept) else 0.0
        weights[way] = (EXPECTED_ERRORS + free) / (EXPECTED_ERRORS * UNTRIED[way] ** 2 + free * seen)
    total = sum(weights.values())
    return {way: one / total for way, one in weights.items()}


def _combined(errors: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Errors of the weighed ways, by day; the ways that could be tried at a day share its weight."""
    longest = max(len(one) for one in errors.values())
    stages = next(iter(errors.values())).shape[1]
    top, below = np.zeros((longest, stages)), np.zeros((longest, stages))
    for way, one in errors.items():
        top[: len(one)] += weights[way] * np.nan_to_num(one)
        below[: len(one)] += weights[way] * ~np.isnan(one)
    return np.where(below > 0, top / np.maximum(below, 1e-12), np.nan)
