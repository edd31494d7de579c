"""How many customers will stand in each stage, and how well that was predicted before.

A chain over (stage, periods spent in it so far): the stages end after fixed days without a purchase, which
a chain over stages alone cannot know. R. A. Howard (1971), *Dynamic Probabilistic Systems* 2, ch. 11
(semi-Markov processes, written as a chain with the time in the state as part of it). All in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.lifecycle.stage_history import Stages, in_order, stages
from crm_analytics.analyses.lifecycle.stage_ways import (
    OLDEST,
    RECENT,
    carried,
    carry,
    chances,
    move_tables,
)
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.days import Span, forward, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

WINDOW = 13  # periods learned from: a year of four weeks each, so that every season counts once
MINIMUM_PERIODS = 4
MOST = 36  # periods looked back at: two years to learn from, and days to try the forecast at


@dataclass(frozen=True)
class Forecast(ObjectCard):
    """Stage sizes to come.

    Attributes
    ----------
    sizes : stage, period (1, 2, ...), day, customers (expected), lower, upper (95 %), now
    check : the forecast that would have been made as many periods ago: stage, expected, lower, upper,
        actual, inside (the interval holds the actual size), unchanged (the size then); None where the
        data are too short for it
    newcomers : expected a period, on average
    every, learned_from : days of a period, and how many periods the chances come from
    """

    sizes: pd.DataFrame
    check: pd.DataFrame | None
    newcomers: float
    every: int
    learned_from: int

    plot = Plots("crm_analytics.analyses.lifecycle.pictures", "forecast")

    @property
    def errors(self) -> tuple[float, float] | None:
        """Customers misplaced by the checked forecast, and by "as it was": half the sums of differences."""
        if self.check is None:
            return None
        ours = (self.check["expected"] - self.check["actual"]).abs().sum() / 2
        naive = (self.check["unchanged"] - self.check["actual"]).abs().sum() / 2
        return float(ours), float(naive)


def forecast(
    base: CustomerBase | Stages, periods: int = 3, *, every: Span = "4w", window: int = WINDOW
) -> Forecast:
    """Carry the stages forward by what customers of each stage and age in it did lately.

    Parameters
    ----------
    base : a base, or the stages already found
    periods : how many periods ahead, 1..26
    every : length of a period in days or weeks, e.g. ``"4w"``
    window : periods learned from, at most

    Customers move as they did lately, or as in the same weeks of last year where these are in the data: the
    ways are weighed by their errors at earlier days. The interval holds the chance of each customer's move,
    of newcomers, how much the chances differed from period to period (jackknife), and what the forecast was
    off by at earlier days (`stage_ways`). `docs/forecast-worlds.md` tells how often it held.

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM_PERIODS` whole periods.
    ParameterError : periods, every or window are not usable.
    """
    if not 1 <= periods <= 26:
        raise ParameterError(f"periods must lie between 1 and 26, got {periods}")
    if window < MINIMUM_PERIODS:
        raise ParameterError(f"window must be at least {MINIMUM_PERIODS} periods, got {window}")
    staged = base if isinstance(base, Stages) else stages(base)
    day = staged.base.day
    length = (shift(day, forward(every)) - day).days
    have = (day - staged.base.first_day).days // length
    if have < MINIMUM_PERIODS:
        raise NotEnoughData("A forecast of stage sizes", have, MINIMUM_PERIODS, f"periods of {every}")
    moves = _moves(staged, length, min(have, MOST + periods))
    order = in_order({*moves["stage"], *moves["from_stage"]} - {""}, staged.rules)
    sizes, arrivals, learned = _ahead(moves, 0, periods, window, order, length=length)
    sizes["day"] = [day + timedelta(days=length * int(k)) for k in sizes["period"]]
    checked = None
    if have >= MINIMUM_PERIODS + periods:
        past, _, _ = _ahead(moves, periods, periods, window, order, length=length)
        checked = _checked(past[past["period"] == periods], sizes[sizes["period"] == 1])
    columns = ["stage", "period", "day", "customers", "lower", "upper", "now"]
    return Forecast(sizes[columns], checked, arrivals, length, learned)


def _moves(staged: Stages, length: int, periods: int) -> pd.DataFrame:
    """Counted moves from one end of a period to the next: back (0: the last period), from, to."""
    day = staged.base.day
    ends = [day - timedelta(days=length * back) for back in range(periods + 1)]
    grid = staged.base.to_engine(pd.DataFrame({"back": range(periods + 1), "at": pd.to_datetime(ends)}))
    grid = grid.mutate(at=grid["at"].cast("date"), back=grid.back.cast("int64"))
    held = staged.spells.join(
        grid,
        [
            staged.spells.entered_on <= grid["at"],
            staged.spells.left_on.isnull() | (staged.spells.left_on > grid["at"]),
        ],
    )
    age = held["at"].delta(held.entered_on, unit="day").cast("int64") // length
    held = held.select("customer_id", "stage", "back", age=ibis.least(age, OLDEST).cast("int64"))
    by = ibis.window(group_by="customer_id", order_by=ibis.desc("back"))
    held = held.mutate(from_stage=held.stage.lag().over(by), from_age=held.age.lag().over(by))
    seen = held.filter(held.back < periods)  # the first end has nothing before it
    keys = ["back", "from_stage", "from_age", "stage", "age"]
    table = staged.base.collect(seen.group_by(keys).aggregate(n=seen.count()).order_by(keys))
    table["from_stage"] = table["from_stage"].fillna("")
    table["from_age"] = table["from_age"].fillna(-1).astype("int64")
    return table


def _ahead(
    moves: pd.DataFrame, start: int, periods: int, window: int, order: list[str], *, length: int = 28
) -> tuple[pd.DataFrame, float, int]:
    """The forecast made `start` periods ago, from what was known then."""
    known = move_tables(moves, order, length).after(start, MOST)
    recent, used = min(RECENT, len(known.counts)), known.counts[:window]
    total, came, now = used.sum(axis=0), known.came[:recent], known.now(0)
    chance = _variance(now, chances(total, known.states), came.mean(axis=0), known.member, periods)
    without = []
    for k, own in enumerate(used):
        others = np.delete(came, k, axis=0).mean(axis=0) if k < recent else came.mean(axis=0)
        step = chances(total - own, known.states)
        without.append(carry(now, [step] * periods, [others] * periods, known.member))
    spread = np.stack(without) - np.mean(without, axis=0)
    chance += (len(used) - 1) / len(used) * (spread**2).sum(axis=0)
    found = carried(known, periods, window, chance, MINIMUM_PERIODS)
    whole, low, high = (one.round(6) for one in (found.sizes, found.low, found.high))  # as on any processor
    before = now @ known.member
    rows = [
        (name, t + 1, whole[t, i], min(low[t, i], whole[t, i]), high[t, i], int(before[i]))
        for t in range(periods)
        for i, name in enumerate(order)
    ]
    columns = ["stage", "period", "customers", "lower", "upper", "now"]
    return pd.DataFrame(rows, columns=columns), (found.sizes[-1].sum() - now.sum()) / periods, len(used)


def _variance(
    now: NDArray[np.float64],
    step: NDArray[np.float64],
    arrivals: NDArray[np.float64],
    member: NDArray[np.float64],
    periods: int,
) -> NDArray[np.float64]:
    """Of stage sizes after 1..periods by chance alone (multinomial, Poisson)."""
    variance, share, came = [], member, np.zeros(member.shape[1])
    for _ in range(periods):
        came = came + arrivals @ share
        share = step @ share  # chance of each state's customer to be in each stage by then
        variance.append(now @ (share * (1 - share)) + came)
    return np.stack(variance)


def _checked(past: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    actual = now.set_index("stage")["now"]
    table = past.rename(columns={"customers": "expected", "now": "unchanged"})
    table = table.assign(actual=table["stage"].map(actual).astype("int64"))
    table["inside"] = table["actual"].between(table["lower"], table["upper"])
    names = ["stage", "expected", "lower", "upper", "actual", "inside", "unchanged"]
    return table[names].reset_index(drop=True)
