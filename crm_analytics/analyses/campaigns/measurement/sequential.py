"""Intervals that may be read every night: the chance of an error is spent over the planned nights.

An interval of 95 % that is read once is wrong in 5 of 100 campaigns without an effect; read on each of thirty
nights, in about 20 of 100 it shows an effect on some night. Here the 5 % are spent little by little: nearly
nothing on the first nights, nearly all at the end, so that the last interval is hardly wider than a fixed
one.

Sources: Lan & DeMets (1983), Biometrika 70, 659-663 (spending; the function of O'Brien and Fleming's kind);
Armitage, McPherson & Rowe (1969), JRSS A 132, 235-244 (the recursion); Jennison & Turnbull (2000), *Group
Sequential Methods with Applications to Clinical Trials*, ch. 7 and 19.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves, running_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import TOO_LITTLE, differences
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
POINTS = 121  # of the density between the bounds, odd
_SIMPSON = np.r_[1.0, np.tile([4.0, 2.0], (POINTS - 3) // 2), 4.0, 1.0]
LEAST = 15  # orders in each arm, below which an interval by Student's law is too narrow
FAR = 8.0  # standard errors: beyond, nothing is spent that a float could hold


@lru_cache(maxsize=4096)
def bounds(nights: int, level: float = 0.95, clock: tuple[float, ...] = ()) -> tuple[float, ...]:
    """How many standard errors wide to either side an interval is on each night.

    What may be spent by a night hangs on the calendar, and is known beforehand. How alike the intervals of
    two nights are hangs on how much had come by each (Lan & DeMets 1989, Biometrics 45, 1017-1020).

    Parameters
    ----------
    nights : planned; 1 or more
    level : with which no interval of any night leaves out the truth
    clock : orders by the end of each night so far, of both arms, at most `nights` numbers; default evenly
        many each night

    Returns
    -------
    one number for each night of the clock; on a night that brings no order, that of the night before

    Examples
    --------
    Five looks, Jennison & Turnbull's table for the O'Brien-Fleming type of spending at 5 %:

    >>> [round(z, 2) for z in bounds(5)]
    [4.88, 3.36, 2.68, 2.29, 2.03]

    Where most orders come late, the last interval is wider:

    >>> round(bounds(5, clock=(1, 2, 3, 4, 20))[-1], 2)
    2.19
    """
    arguments.whole("nights", nights, 1)
    arguments.level(level)
    z = float(stats.norm.ppf(0.75 + level / 4))  # each side spends its half
    steps = np.arange(1, nights + 1) / nights
    spent = 4 * stats.norm.sf(z / np.sqrt(steps))
    known = np.asarray(clock, dtype=float) if clock else steps
    found: list[float] = []
    before, last = 0.0, 0.0
    grid, mass = np.zeros(1), np.ones(1)
    for now, due in zip(known / max(known[-1], 1e-12), spent, strict=False):
        if now <= before:  # nothing came: the interval is that of the night before
            found.append(found[-1] if found else FAR)
            continue
        wide, far = np.sqrt(now - before), FAR * np.sqrt(now)
        limit = _limit(grid, mass, wide, due - last, far)
        found.append(float(limit / np.sqrt(now)))
        before, last = float(now), float(due)
        inside = np.linspace(-limit, limit, POINTS)
        mass = _SIMPSON * (inside[1] - inside[0]) / 3 * (stats.norm.pdf(inside[:, None], grid, wide) @ mass)
        grid = inside
    return tuple(found)


def _limit(grid: Array, mass: Array, wide: float, spend: float, far: float) -> float:
    """Where the sum, not yet beyond a bound, crosses with the chance that may be spent now."""

    def over(limit: float) -> float:
        chance = stats.norm.sf((limit - grid) / wide) + stats.norm.sf((limit + grid) / wide)
        return float(mass @ chance) - spend

    if over(far) >= 0:
        return far
    return float(optimize.brentq(over, 1e-9, far, xtol=1e-10))


def nightly_level(night: int, nights: int, level: float = 0.95, clock: tuple[float, ...] = ()) -> float:
    """The level of an interval read on one of the planned nights, so that those of all nights hold together.

    Parameters
    ----------
    clock : of `bounds`; its last number is of this night

    >>> round(nightly_level(30, 30), 3), nightly_level(1, 30) > 0.999999
    (0.968, True)
    """
    reached = min(max(night, 1), nights)
    known = bounds(nights, level, clock[:reached])
    return float(min(1 - 1e-15, 1 - 2 * stats.norm.sf(known[min(reached, len(known)) - 1])))


def clocks(waves: Waves) -> dict[str, tuple[float, ...]]:
    """By campaign, the orders of its members by the end of each night of the window; empty without any."""
    days = waves.base.exact_occasions
    rows = waves.rows.select("campaign_id", "customer_id", "sent_day", "window_days")
    joined = rows.inner_join(days.select("customer_id", "day"), "customer_id")
    night = joined.day.delta(joined.sent_day, unit="day").cast("int64")
    inside = joined.mutate(night=night).filter(night >= 0, night <= joined.window_days)
    counted = waves.base.collect(inside.group_by("campaign_id", "night").aggregate(n=inside.count()))
    found = {}
    campaigns = waves.campaigns
    for campaign, window in zip(campaigns["campaign_id"], campaigns["window_days"], strict=True):
        mine = counted[counted["campaign_id"] == campaign].set_index("night")["n"]
        by_night = mine.reindex(range(int(window) + 1), fill_value=0).cumsum().to_numpy(dtype=float)
        found[str(campaign)] = tuple(by_night[1:]) if by_night[-1] else ()
    return found


def running(base: CustomerBase, *, level: float = 0.95) -> pd.DataFrame:
    """Campaigns whose window is not over yet, as they may be read on this night.

    Returns
    -------
    campaign_id, campaign_name, night, nights (planned), treated, control, effect (orders added by a contact
    so far), lower, upper (with `level` for all nights and all running campaigns together; NaN before `LEAST`
    orders in each arm), verdict. Empty where none runs with both arms.
    """
    arguments.level(level)
    waves, rows = running_waves(base), []
    for row in waves.to_dict("records"):
        night, nights = int(row["passed"]), int(row["window_days"])
        try:
            members = past_waves(base, str(row["campaign_id"]), window=night)
        except DataError:  # an arm is too small, or there is none
            continue
        clock = clocks(members)[str(row["campaign_id"])]
        now = nightly_level(night, nights, 1 - (1 - level) / len(waves), clock)
        pairs = {"orders": members.outcomes["orders"]}
        found = differences(base, members.rows, pairs, level=now).iloc[0]
        came = [found[arm] * found[f"{arm}_mean"] for arm in ("treated", "control")]
        if min(came) < LEAST:
            found = found.mask(found.index.isin(["adjusted_lower", "adjusted_upper"]), np.nan)
            found["verdict"] = TOO_LITTLE
        name = members.campaigns["campaign_name"].iloc[0]
        ends = (found["adjusted"], found["adjusted_lower"], found["adjusted_upper"])
        arms = (int(found["treated"]), int(found["control"]))
        rows.append((row["campaign_id"], name, night, nights, *arms, *ends, found["verdict"]))
    columns = ["campaign_id", "campaign_name", "night", "nights", "treated", "control"]
    return pd.DataFrame(rows, columns=[*columns, "effect", "lower", "upper", "verdict"])
