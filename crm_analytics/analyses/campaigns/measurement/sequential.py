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

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves, running_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
POINTS = 401  # of the density between the bounds
FAR = 8.0  # standard errors: beyond, nothing is spent that a float could hold


@cache
def bounds(nights: int, level: float = 0.95) -> tuple[float, ...]:
    """How many standard errors wide to either side an interval is on each planned night.

    Parameters
    ----------
    nights : planned, evenly spaced in what is known; 1 or more
    level : with which no interval of any night leaves out the truth

    Examples
    --------
    Five looks, Jennison & Turnbull's table for the O'Brien-Fleming type of spending at 5 %:

    >>> [round(z, 2) for z in bounds(5)]
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    arguments.whole("nights", nights, 1)
    arguments.level(level)
    z = float(stats.norm.ppf(0.75 + level / 4))  # each side spends its half
    share = np.arange(1, nights + 1) / nights
    spent = 4 * stats.norm.sf(z / np.sqrt(share))
    found, last = [], 0.0
    grid, density, step = np.zeros(1), np.ones(1), np.ones(1)
    for k, t in enumerate(share):
        wide = np.sqrt(t - (share[k - 1] if k else 0.0))
        limit = _limit(grid, density * step, wide, spent[k] - last, FAR * np.sqrt(t))
        found.append(float(limit / np.sqrt(t)))
        last = float(spent[k])
        inside = np.linspace(-limit, limit, POINTS)
        density = stats.norm.pdf(inside[:, None], grid[None, :], wide) @ (density * step)
        grid, step = inside, np.full(POINTS, inside[1] - inside[0])
        step[[0, -1]] /= 2
    return tuple(found)


def _limit(grid: Array, mass: Array, wide: float, spend: float, far: float) -> float:
    """Where the sum, not yet beyond a bound, crosses with the chance that may be spent now."""

    def over(limit: float) -> float:
        chance = stats.norm.sf((limit - grid) / wide) + stats.norm.sf((limit + grid) / wide)
        return float(mass @ chance) - spend

    if over(far) >= 0:
        return far
    return float(optimize.brentq(over, 1e-9, far, xtol=1e-10))


def nightly_level(night: int, nights: int, level: float = 0.95) -> float:
    """The level of an interval read on one of the planned nights, so that those of all nights hold together.

    >>> round(nightly_level(30, 30), 3), nightly_level(1, 30) > 0.999999
    (0.968, True)
    """
    reached = min(max(night, 1), nights)
    return float(min(1 - 1e-15, 1 - 2 * stats.norm.sf(bounds(nights, level)[reached - 1])))


def running(base: CustomerBase, *, level: float = 0.95) -> pd.DataFrame:
    """Campaigns whose window is not over yet, as they may be read on this night.

    Returns
    -------
    campaign_id, campaign_name, night, nights (planned), treated, control, effect (orders added by a contact
    so far), lower, upper (with `level` for all nights and all running campaigns together), verdict. Empty
    where none runs with both arms.
    """
    arguments.level(level)
    columns = [
        "campaign_id",
        "campaign_name",
        "night",
        "nights",
        "treated",
        "control",
        "effect",
        "lower",
        "upper",
    ]
    waves, rows = running_waves(base), []
    for row in waves.to_dict("records"):
        night, nights = int(row["passed"]), int(row["window_days"])
        try:
            members = past_waves(base, str(row["campaign_id"]), window=night)
        except DataError:  # an arm is too small, or there is none
            continue
        now = nightly_level(night, nights, 1 - (1 - level) / len(waves))
        pairs = {"orders": members.outcomes["orders"]}
        found = differences(base, members.rows, pairs, level=now).iloc[0]
        name = members.campaigns["campaign_name"].iloc[0]
        ends = (found["adjusted"], found["adjusted_lower"], found["adjusted_upper"])
        arms = (int(found["treated"]), int(found["control"]))
        rows.append((row["campaign_id"], name, night, nights, *arms, *ends, found["verdict"]))
    columns = ["campaign_id", "campaign_name", "night", "nights", "treated", "control"]
    return pd.DataFrame(rows, columns=[*columns, "effect", "lower", "upper", "verdict"])
