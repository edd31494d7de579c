"""Drift: do models fitted some time ago still hold for what customers do now, or is it time to fit again?"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.checks.frozen_models import (
    SPREAD_BY,
    FrozenModels,
    Spread,
    hash_of_cells,
    spread_of,
)
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.summary import Summary, summarize
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.forecasts.simulated_total import forecast_total
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

GIVEN_AGE = "frequency given T"
MOVED, FAR = 0.10, 0.25  # population stability: usual bounds of "look" and "act" (Siddiqi 2006)
LIMIT = 3.5  # standard errors; looked at in every period, which are far from independent
PERIODS_FROM = 4  # after the fit; fewer say nothing of a trend
LOOKS = 7  # periods at which the standard error is simulated; between them it is interpolated
LEVEL, DRAWS = 0.9, 400


@dataclass(frozen=True, eq=False)
class Drift(ObjectCard):
    """How far customers have moved from what was fitted.

    stability : of (frequency, recency and T against the fit; "frequency given T": what the model expects
        of customers as old as these against what they did), psi, reading ("stable", "moved", "far")
    tracking : period, day (its last), actual, expected, cusum (actual less expected purchases since the fit),
        standard_error (of it), alarm (beyond `LIMIT` standard errors); customers known at the fit
    past_changed : the base's past is not the one the models were fitted on
    reasons : why to fit again; empty if there is none
    """

    stability: pd.DataFrame
    tracking: pd.DataFrame
    past_changed: bool
    reasons: tuple[str, ...]

    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "cusum")

    @property
    def refit(self) -> bool:
        """Whether there is a reason to fit again."""
        return bool(self.reasons)


def psi(then: Spread, now: Spread) -> float:
    """Population stability index: the sum of (now - then) ln (now / then) over bands, 0 and more.

    Half a customer is added to each band, so that an empty one has a logarithm.

    >>> psi(Spread((0.0,), (50, 50)), Spread((0.0,), (500, 500)))
    0.0
    >>> round(psi(Spread((0.0,), (500, 500)), Spread((0.0,), (300, 700))), 2)
    0.17
    """
    if then.edges != now.edges:
        raise ParameterError("the two are not in the same bands")
    a, b = ((np.array(s.customers) + 0.5) / (sum(s.customers) + 0.5 * len(s.customers)) for s in (then, now))
    return float(((b - a) * np.log(b / a)).sum())


def drift(frozen: FrozenModels, base: CustomerBase) -> Drift:
    """Compare a later day with what was fitted.

    Purchases: of the customers known at the fit, the sum of actual less expected ones, period by period
    (the cumulated sum of Page 1954, Biometrika 41), where expected is what each history lets expect. Limits
    come from the forecast itself: parameters and chance together, so that what one cohort has in common (how
    many have left, how keen they are) is no alarm. A season is one: read an alarm beside the same months of
    the year before.

    Histories: bands of frequency, recency and T now against then (population stability index). All three
    grow with every day of a base that is only added to, so they are shown but are no reasons; frequency
    given T is one.

    Parameters
    ----------
    frozen : what `freeze` kept
    base : cut at a later day; it must reach back over the window of the fit

    Raises
    ------
    ParameterError : the base ends before the fit
    NotEnoughData : fewer than 4 periods have passed
    """
    if base.day <= frozen.day:
        raise ParameterError(
            f"the models were fitted at {frozen.day}; the base ends at {base.day}: no time has passed"
        )
    past, future = base.as_of(frozen.day), base.between(frozen.day, base.day)
    then = summarize(past, frozen.unit)
    moved = _stability(frozen, base)
    watched = _watched(frozen, then, future)
    changed = hash_of_cells(then) != frozen.cells_hash
    return Drift(moved, watched, changed, tuple(_reasons(moved, watched, changed, frozen)))


def _stability(frozen: FrozenModels, base: CustomerBase) -> pd.DataFrame:
    cells = summarize(base, frozen.unit).cells
    now = {c: spread_of(cells, c, frozen.spreads[c]) for c in SPREAD_BY}
    values = {c: psi(frozen.spreads[c], now[c]) for c in SPREAD_BY}
    values[GIVEN_AGE] = psi(_expected(frozen, cells), now["frequency"])
    reading = ["far" if v > FAR else "moved" if v > MOVED else "stable" for v in values.values()]
    return pd.DataFrame({"of": list(values), "psi": list(values.values()), "reading": reading})


def _expected(frozen: FrozenModels, cells: pd.DataFrame) -> Spread:
    """Customers in the bands of frequency, if all had been drawn from the model at their ages."""
    edges = frozen.spreads["frequency"].edges
    ages = cells.groupby("T")["customers"].sum()
    each = [float(ages.to_numpy() @ frozen.purchases.probability_of(n, ages.index.to_numpy())) for n in edges]
    counts = [round(n) for n in (*each, max(float(ages.sum()) - sum(each), 0.0))]
    return Spread(edges, tuple(counts))


def _watched(frozen: FrozenModels, then: Summary, future: CustomerBase) -> pd.DataFrame:
    """The whole periods after the fit, with the sum of actual less expected and its standard error."""
    scale, model = days_per_unit(frozen.unit), frozen.purchases
    periods = int((future.day - frozen.day).days / scale + 1e-9)
    if periods < PERIODS_FROM:
        raise NotEnoughData("The drift watch", periods, PERIODS_FROM, "whole periods after the fit")
    known = future.occasions.semi_join(then.history, "customer_id")
    days = future.collect(known.group_by("day").aggregate(bought=known.count()))
    after = (pd.to_datetime(days["day"]) - pd.Timestamp(frozen.day)).dt.days.to_numpy()
    times = np.arange(1.0, periods + 1)
    actual = np.array([days["bought"].to_numpy(float)[after <= t * scale].sum() for t in times])
    n = then.cells["customers"].to_numpy(float)
    expected = n @ model.purchases(History.of(then.cells), times)
    looks = np.unique(np.linspace(1, periods, LOOKS).round())
    totals = [forecast_total(then, model, float(t), level=LEVEL, draws=DRAWS) for t in looks]
    errors = [(one.upper - one.lower) / (2 * NormalDist().inv_cdf(0.5 + LEVEL / 2)) for one in totals]
    error = np.interp(times, looks, errors)
    ends = [(pd.Timestamp(frozen.day) + pd.Timedelta(days=int(t * scale + 1e-9))).date() for t in times]
    return pd.DataFrame(
        {
            "period": times.astype(np.int64),
            "day": ends,
            "actual": np.diff(actual, prepend=0.0),
            "expected": np.diff(expected, prepend=0.0),
            "cusum": actual - expected,
            "standard_error": error,
            "alarm": np.abs(actual - expected) > LIMIT * error,
        }
    )


def _reasons(moved: pd.DataFrame, watched: pd.DataFrame, changed: bool, frozen: FrozenModels) -> list[str]:
    found = []
    if watched["alarm"].any():
        first = watched[watched["alarm"]].iloc[0]
        way = "more" if first["cusum"] > 0 else "less"
        found.append(
            f"since {first['day']} customers have bought {way} than the model expects, beyond chance"
        )
    given_age = moved.set_index("of").loc[GIVEN_AGE]
    if given_age["reading"] == "far":
        found.append(
            f"customers of these ages have bought otherwise than the model expects (stability index "
            f"{given_age['psi']:.2f})"
        )
    if changed:
        found.append(f"the history up to {frozen.day} is not the one the models were fitted on")
    return found
