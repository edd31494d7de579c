"""Intervals for totals: how much parameters and chance together can move a forecast.

Parameters: their logarithms are drawn from the normal distribution at the optimum (Laplace), also where two
of them trade off against each other: a total hardly moves along such a ridge. On CDNOW draws weighted by the
likelihood itself give the same ends to 2 % (BG/NBD, MBG/NBD) and to 5 % (Pareto/NBD, where the normal draws
are the wider). Of the single parameters that trade off, `parameter_intervals` gives profile intervals.
Chance: every customer's future is drawn from what the model knows of that customer: whether still there, at
what rate buying and how soon leaving, given the history (x, t_x, T).

Up to `EXACT_UP_TO` customers every future is drawn. Above, the total is a sum of so many independent
parts that it is normal: its variance is estimated from `SAMPLED` customers (every k-th), its mean follows the
parameters by a quadratic in their logarithms, so that the time does not grow with the base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.simulation import draw_models
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, cells_of
from crm_analytics.analyses.btyd.fitting.parameter_draws import log_covariance_of
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis
    from crm_analytics.analyses.btyd.fitting.summary import Summary

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
class TotalForecast:
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

    def covers(self, actual: float) -> bool:
        """Whether what came lies inside the interval."""
        return self.lower <= actual <= self.upper


def total_by_rates(
    source: Summary | pd.DataFrame,
    model: PurchaseModel,
    t: float,
    *,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
) -> TotalForecast:
    """`forecast_total` of models in which what the living buy does not hang on recency."""
    check_interval(level, draws)
    cells = cells_of(source, HISTORY, model.LABEL)
    x, recency, T, n = columns_of(cells)
    times, one = np.array([float(t)]), np.array([1.0])

    def mean_of(m: PurchaseModel, part: tuple[Array, Array, Array, Array]) -> float:
        return float((part[3] * m._alive(*part[:3])) @ (m._while_alive(part[0], part[2], times) @ one))

    def one_future(m: PurchaseModel, who: tuple[Array, Array, Array], rng: np.random.Generator) -> Array:
        return m._counts(*who, t, rng)

    mean = mean_of(model, (x, recency, T, n))
    rng = np.random.default_rng(seed)
    models = draw_models(model, draws, rng)
    ratio = ratios(model, models, cells, mean_of)
    customers = row_of_each(n)
    if len(customers) <= EXACT_UP_TO:
        who = (x[customers], recency[customers], T[customers])
        totals = np.array([one_future(m, who, rng).sum() for m in models])
    else:
        few = customers[:: max(1, len(customers) // SAMPLED)]
        who = (x[few], recency[few], T[few])
        noise = (one_future(model, who, rng) - one_future(model, who, rng)) ** 2 / 2
        totals = mean * ratio + rng.normal(0, np.sqrt(noise.mean() * len(customers)), draws)
    return as_forecast(
        mean, totals, mean * ratio, level, customers=len(customers), seed=seed, note=note_of(model)
    )


def note_of(model: Estimated) -> str:
    """What to know of the intervals of a model, empty if nothing."""
    if model.covariance.empty:
        return f"{model.LABEL}: parameters were given, so the interval holds chance alone."
    if not model.diagnosis.converged:
        return f"{model.LABEL} did not come to rest: the interval holds chance alone and is too narrow."
    return ""


def ratios(
    model: PurchaseModel,
    models: list[PurchaseModel],
    cells: pd.DataFrame,
    mean_of: Callable[[PurchaseModel, tuple[Array, Array, Array, Array]], float],
) -> Array:
    """The mean at drawn parameters over the mean at the fitted ones.

    Its logarithm is taken as a quadratic in log parameters, found by differences on a coarse grid of
    cells; 33 evaluations instead of one for each draw.
    """
    grid = model._grid(cells, bins=12)
    part = (grid.x, grid.recency, grid.T, grid.weight)
    centre = np.log(model.values)
    size = np.sqrt(np.diag(log_covariance_of(model)))
    steps = np.clip(size, 1e-4, 0.5)

    def log_mean(shift: Array) -> float:
        params = dict(zip(model.NAMES, np.exp(centre + shift * steps), strict=True))
        return float(np.log(max(mean_of(replace(model, params=params), part), 1e-300)))

    unit = np.eye(len(centre))
    here = log_mean(np.zeros(len(centre)))
    up, down = (np.array([log_mean(sign * e) for e in unit]) for sign in (1, -1))
    slope, curve = (up - down) / 2, np.diag(up + down - 2 * here)
    for i in range(len(centre)):
        for j in range(i):
            mixed = [log_mean(s * unit[i] + w * unit[j]) for s, w in ((1, 1), (-1, -1), (1, -1), (-1, 1))]
            curve[i, j] = curve[j, i] = (mixed[0] + mixed[1] - mixed[2] - mixed[3]) / 4
    moved = (np.log([m.values for m in models]) - centre) / steps
    return np.asarray(np.exp(moved @ slope + 0.5 * np.einsum("di,ij,dj->d", moved, curve, moved)))


def columns_of(cells: pd.DataFrame) -> tuple[Array, Array, Array, Array]:
    """Frequency, recency, T and customers."""
    x, recency, T, n = (cells[c].to_numpy(float) for c in (*HISTORY, "customers"))
    return x, recency, T, n


def row_of_each(weight: Array) -> NDArray[np.intp]:
    """The cell of each customer."""
    return np.repeat(np.arange(len(weight)), np.rint(weight).astype(np.int64))


def check_interval(level: float, draws: int) -> None:
    """Refuse what makes no interval."""
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, got {level}")
    if draws < 100:
        raise ParameterError(f"draws must be 100 or more for an interval, got {draws}")


def as_forecast(
    mean: float, totals: Array, means: Array, level: float, *, customers: int, seed: int, note: str
) -> TotalForecast:
    """Totals drawn, and means at drawn parameters, as an interval around the mean."""
    cut = [(1 - level) / 2, (1 + level) / 2]
    low, high = (float(v) for v in np.quantile(totals, cut))
    parameter_low, parameter_high = (float(v) for v in np.quantile(means, cut))
    return TotalForecast(
        mean, max(low, 0.0), high, level, parameter_low, parameter_high, customers, len(totals), seed, note
    )
