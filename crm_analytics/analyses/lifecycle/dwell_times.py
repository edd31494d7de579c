"""How long customers stay in a stage, and where they go from it.

Sources: E. L. Kaplan & P. Meier (1958), *JASA* 53, 457-481 (time in a stage; spells that still
last count up to the day); O. O. Aalen & S. Johansen (1978), *Scandinavian Journal of Statistics* 5, 141-150
(where they go); intervals by Greenwood's variance on the log-log scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.lifecycle.stage_history import Stages, in_order, stages
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span, days_in
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

HORIZON = 365  # days: a year says more than "in the long run"
FEW_SPELLS = 30


@dataclass(frozen=True)
class Dwell(ObjectCard):
    """Times in the stages.

    Attributes
    ----------
    stages : stage, spells, ended, median_days, lower, upper (95 %; NaN: not reached yet), left_within
        (share that has left the stage within `horizon` days), left_lower, left_upper, thin
    exits : stage, to_stage, moves (seen), spells (the denominator), share_within (share of spells that go
        there within `horizon` days, spells still open counted rightly)
    curves : stage, days, at_risk, ended, staying (share still in the stage after so many days)
    horizon : days
    """

    stages: pd.DataFrame
    exits: pd.DataFrame
    curves: pd.DataFrame
    horizon: int

    card_frame = "stages"
    plot = Plots("crm_analytics.analyses.lifecycle.pictures", "curves", "medians")


def dwell(base: CustomerBase | Stages, horizon: Span | int = HORIZON) -> Dwell:
    """Measure the time in each stage over all spells of the base.

    Parameters
    ----------
    base : a base, or the stages already found
    horizon : days within which the shares of leaving are given

    Raises
    ------
    ParameterError : the horizon is not a positive number of days.
    """
    horizon = days_in(horizon, "horizon")
    if horizon < 1:
        raise ParameterError(f"horizon must be at least one day, got {horizon}")
    staged = base if isinstance(base, Stages) else stages(base)
    spells = _lengths(staged)
    order = in_order(spells["stage"], staged.rules)
    rows, exits, curves = [], [], []
    for stage in order:
        own = spells[spells["stage"] == stage]
        curve = survival(own)
        rows.append({"stage": stage, **_row(own, curve, horizon)})
        exits.append(_exits(stage, own, curve, horizon))
        curves.append(curve.assign(stage=stage))
    columns = ["stage", "days", "at_risk", "ended", "staying"]
    return Dwell(
        pd.DataFrame(rows),
        pd.concat(exits, ignore_index=True),
        pd.concat(curves, ignore_index=True)[columns],
        horizon,
    )


def _lengths(staged: Stages) -> pd.DataFrame:
    """Spells counted by stage, length in days and the next stage ("" while they last)."""
    spells = staged.spells
    until = spells.left_on.coalesce(ibis.literal(staged.base.day))
    counted = spells.select(
        "stage",
        to_stage=spells.to_stage.fill_null(""),
        days=until.delta(spells.entered_on, unit="day").cast("int64"),
    )
    counted = counted.group_by("stage", "to_stage", "days").aggregate(spells=counted.count())
    return staged.base.collect(counted.order_by("stage", "days", "to_stage"))


def survival(spells: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier over counted spells: days, at_risk, ended, staying, greenwood (sum of d / n(n-d)).

    Parameters
    ----------
    spells : days, to_stage ("" for a spell that still lasts), spells (how many)

    >>> days, to_stage = [6, 6, 7, 10], ["x", "", "x", "x"]
    >>> spells = pd.DataFrame({"days": days, "to_stage": to_stage, "spells": [3, 1, 1, 1]})
    >>> [round(float(s), 4) for s in survival(spells)["staying"]]
    [0.5, 0.25, 0.0]
    """
    by_day = spells.groupby("days")["spells"].sum().sort_index()
    at_risk = by_day[::-1].cumsum()[::-1]
    ended = spells[spells["to_stage"] != ""].groupby("days")["spells"].sum().reindex(by_day.index).fillna(0)
    table = pd.DataFrame({"at_risk": at_risk, "ended": ended.astype("int64")}).reset_index()
    table = table[table["ended"] > 0].reset_index(drop=True)
    n, d = table["at_risk"].to_numpy(dtype=float), table["ended"].to_numpy(dtype=float)
    table["staying"] = np.cumprod(1 - d / n)
    with np.errstate(divide="ignore"):
        table["greenwood"] = np.cumsum(d / (n * (n - d)))
    return table


def _band(curve: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the staying share at every day of the curve, on the log-log scale."""
    share = curve["staying"].to_numpy(dtype=float)
    inside = (share > 0) & (share < 1)
    lower, upper = share.copy(), share.copy()
    log = np.log(share[inside])
    half = Z95 * np.sqrt(curve["greenwood"].to_numpy(dtype=float)[inside]) / -log
    lower[inside], upper[inside] = np.exp(log * np.exp(half)), np.exp(log * np.exp(-half))
    return lower, upper


def _row(spells: pd.DataFrame, curve: pd.DataFrame, horizon: int) -> dict[str, float]:
    count = int(spells["spells"].sum())
    lower, upper = _band(curve)
    days, staying = curve["days"].to_numpy(), curve["staying"].to_numpy()

    def reaches(half: np.ndarray) -> float:
        below = days[half <= 0.5 + 1e-12]
        return float(below[0]) if len(below) else math.nan

    at = int(np.searchsorted(days, horizon, side="right")) - 1
    left = (1 - staying[at], 1 - upper[at], 1 - lower[at]) if at >= 0 else (0.0, 0.0, 0.0)
    return {
        "spells": count,
        "ended": int(curve["ended"].sum()),
        "median_days": reaches(staying),
        "lower": reaches(lower),
        "upper": reaches(upper),
        "left_within": left[0],
        "left_lower": left[1],
        "left_upper": left[2],
        "thin": count < FEW_SPELLS,
    }


def _exits(stage: str, spells: pd.DataFrame, curve: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Aalen-Johansen: the chance of going to each stage within the horizon."""
    before = np.concatenate([[1.0], curve["staying"].to_numpy()[:-1]]) if len(curve) else np.array([])
    weight = pd.Series(before / curve["at_risk"].to_numpy(), index=curve["days"])
    gone = spells[spells["to_stage"] != ""]
    near = gone[gone["days"] <= horizon]
    share = (near["spells"] * near["days"].map(weight)).groupby(near["to_stage"]).sum()
    moves = gone.groupby("to_stage")["spells"].sum()
    table = pd.DataFrame({"moves": moves, "share_within": share.reindex(moves.index).fillna(0.0)})
    table = table.sort_values(["share_within"], ascending=False, kind="stable").reset_index(names="to_stage")
    table.insert(0, "stage", stage)
    table["spells"] = int(spells["spells"].sum())
    return table[["stage", "to_stage", "moves", "spells", "share_within"]]
