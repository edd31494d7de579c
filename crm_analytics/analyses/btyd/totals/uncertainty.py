"""Intervals for totals: how much parameters and chance together can move a forecast.

Parameters: their logarithms are drawn from the normal distribution at the optimum (Laplace), also where two
of them trade off against each other: a total hardly moves along such a ridge. On CDNOW draws weighted by the
likelihood itself give the same ends to 2 % (BG/NBD, MBG/NBD) and to 5 % (Pareto/NBD, where the normal draws
are the wider). Of the single parameters that trade off, `parameter_intervals` gives profile intervals.
Where the fit has no best point or is loose (a factor of four each way), parameters are drawn from their
posterior under a weak prior instead (`parameter_posterior`).
Chance: every customer's future is drawn from what the model knows of that customer: whether still there, at
what rate buying and how soon leaving, given the history (x, t_x, T).

Up to `EXACT_UP_TO` customers every future is drawn. Above, the total is a sum of so many independent
parts that it is normal: its variance is estimated from `SAMPLED` customers (every k-th), its mean follows the
parameters by a quadratic in their logarithms, so that the time does not grow with the base.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
EXACT_UP_TO = 8_000
SAMPLED = 50_000


class Estimated(Protocol):
    """Anything that was fitted."""

    @property
    def LABEL(self) -> str:  # noqa: N802 - as all models call it
        """Its name."""

    @property
    def diagnosis(self) -> Diagnosis:
        """Whether the optimum can be trusted."""

    @property
    def covariance(self) -> pd.DataFrame:
        """Of what was estimated."""


@dataclass(frozen=True)
class Interval:
    """What is wanted of an interval.

    level : its probability, 0..1
    draws : of parameters and futures, >= 100
    seed : whole number; equal seeds give equal intervals

    Raises
    ------
    ParameterError : level or draws make no interval.
    """

    level: float = 0.95
    draws: int = 400
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ParameterError(f"level must lie between 0 and 1, got {self.level}")
        if self.draws < 100:
            raise ParameterError(f"draws must be 100 or more for an interval, got {self.draws}")


@dataclass(frozen=True)
class TotalForecast(ObjectCard):
    """A total with its interval.

    mean : the forecast at the fitted parameters
    lower, upper : interval from parameters and chance together
    level : its probability, 0..1
    parameter_lower, parameter_upper : what the interval would be if only parameters were unknown
    customers : summed over
    draws, seed : of the simulation; equal seeds give equal intervals
    note : what to know when reading it, empty if nothing
    """

    mean: float
    lower: float
    upper: float
    level: float
    parameter_lower: float
    parameter_upper: float
    customers: int
    draws: int
    seed: int
    note: str = ""

    def times(self, factor: float) -> TotalForecast:
        """The same forecast in another measure: money less what is sent back, or in another currency."""
        names = ("mean", "lower", "upper", "parameter_lower", "parameter_upper")
        return replace(self, **{name: getattr(self, name) * factor for name in names})

    def covers(self, actual: float) -> bool:
        """Whether what came lies inside the interval."""
        return self.lower <= actual <= self.upper


def note_of(model: Estimated, integrated: bool = False) -> str:
    """What to know of the intervals of a model, empty if nothing; `integrated` over what data leave open."""
    if model.covariance.empty:
        return f"{model.LABEL}: parameters were given, so the interval holds chance alone."
    if not model.diagnosis.converged:
        if integrated:
            return f"{model.LABEL} did not converge: the interval runs over all parameters that fit the data."
        return f"{model.LABEL} did not converge: the interval holds chance alone and is too narrow."
    return ""


def row_of_each(weight: Array) -> NDArray[np.intp]:
    """The cell of each customer."""
    return np.repeat(np.arange(len(weight)), np.rint(weight).astype(np.int64))


def as_forecast(
    mean: float, totals: Array, means: Array, wanted: Interval, *, customers: int, note: str
) -> TotalForecast:
    """Totals drawn, and means at drawn parameters, as an interval around the mean."""
    cut = [(1 - wanted.level) / 2, (1 + wanted.level) / 2]
    low, high = (float(v) for v in np.quantile(totals, cut))
    parameter_low, parameter_high = (float(v) for v in np.quantile(means, cut))
    return TotalForecast(
        mean,
        max(low, 0.0),
        high,
        wanted.level,
        parameter_low,
        parameter_high,
        customers,
        len(totals),
        wanted.seed,
        note,
    )
