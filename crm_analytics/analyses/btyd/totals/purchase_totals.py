"""Purchases of all customers together, with an interval: by cells of histories, or by drawing alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, History, cells_of
from crm_analytics.analyses.btyd.fitting.optimise import LOOSE_LOG_ERROR
from crm_analytics.analyses.btyd.fitting.parameter_draws import log_covariance_of
from crm_analytics.analyses.btyd.fitting.parameter_posterior import left_open
from crm_analytics.analyses.btyd.totals.uncertainty import (
    EXACT_UP_TO,
    SAMPLED,
    Estimated,
    Interval,
    TotalForecast,
    as_forecast,
    note_of,
    row_of_each,
)

Array = NDArray[np.float64]
_SAMPLED = 20_000  # customers whose futures tell the chance in a large base
_FOLLOWED = 400  # and from whom we learn how the mean follows the parameters
_PARAMETERS = 50  # draws of parameters for that


class Cells(Protocol):
    """Histories with a weight."""

    @property
    def x(self) -> Array:
        """Repeat purchases."""

    @property
    def recency(self) -> Array:
        """From first to last purchase."""

    @property
    def T(self) -> Array:  # noqa: N802 - the papers' name
        """From first purchase to the day."""

    @property
    def weight(self) -> Array:
        """Customers of each."""


class HistoryModel(Estimated, Protocol):
    """A model to which a history is all it knows of a customer; see `PurchaseModel`."""

    @property
    def NAMES(self) -> tuple[str, ...]:  # noqa: N802 - as all models call it
        """Of the parameters."""

    @property
    def values(self) -> Array:
        """The parameters, in order."""

    def with_values(self, values: Array) -> Self:
        """The model at other parameters."""

    def drawn(self, draws: int, rng: np.random.Generator) -> Sequence[Self]:
        """Models at parameters as the fit leaves them open."""

    def merged(self, cells: pd.DataFrame, bins: int) -> Cells:
        """Cells merged on a grid of recency and T."""

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive."""

    def discounted(self, who: History, discount: Discount) -> Array:
        """Expected purchases, discounted."""

    def roughly_discounted(self, who: History, discount: Discount) -> Array:
        """The same, near enough to tell how it follows the parameters."""

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""


class RowModel(Estimated, Protocol):
    """A model whose totals are known by drawing alone: its rows hold more than a history, or other things."""

    def drawn(self, draws: int, rng: np.random.Generator) -> Sequence[Self]:
        """Models at parameters as the fit leaves them open."""

    def rows_of(self, source: Any) -> pd.DataFrame:
        """What is counted, with its weight in `customers`."""

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """What is expected of a customer of each row within `t`."""

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """What comes of a customer of each row in one drawn future."""


class Simulated(Protocol):
    """The part of a `RowModel` that `by_drawing` needs."""

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """What is expected of a customer of each row within `t`."""

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """What comes of a customer of each row in one drawn future."""


def total_of_histories(source: Any, model: HistoryModel, t: float, wanted: Interval) -> TotalForecast:
    """Where what the living buy does not depend on recency: means of cells, and their futures drawn."""
    cells = cells_of(source, HISTORY, model.LABEL)
    who, n = History.of(cells), cells["customers"].to_numpy(float)
    times, one = np.array([float(t)]), np.array([1.0])

    def mean_of(m: HistoryModel, who: History, n: Array) -> float:
        return float((n * m.alive(who)) @ (m.while_alive(who, times) @ one))

    mean = mean_of(model, who, n)
    rng = np.random.default_rng(wanted.seed)
    models, integrated = left_open(model, source, wanted.draws, rng)
    ratio = ratios(model, models, cells, mean_of)
    customers = row_of_each(n)
    if len(customers) <= EXACT_UP_TO:
        each = who.rows(customers)
        totals = np.array([m.simulate(each, t, rng).sum() for m in models])
    else:
        few = who.rows(customers[:: max(1, len(customers) // SAMPLED)])
        noise = (model.simulate(few, t, rng) - model.simulate(few, t, rng)) ** 2 / 2
        totals = mean * ratio + rng.normal(0, np.sqrt(noise.mean() * len(customers)), wanted.draws)
    return as_forecast(
        mean, totals, mean * ratio, wanted, customers=len(customers), note=note_of(model, integrated)
    )


def total_of_rows(source: Any, model: RowModel, t: float, wanted: Interval) -> TotalForecast:
    """By drawing alone; see `by_drawing`."""
    rng = np.random.default_rng(wanted.seed)
    others = model.drawn(wanted.draws, rng)
    return by_drawing(model.rows_of(source), model, others, t, wanted, rng=rng, note=note_of(model))


def by_drawing(
    rows: pd.DataFrame,
    model: Simulated,
    others: Sequence[Simulated],
    t: float,
    wanted: Interval,
    *,
    rng: np.random.Generator,
    note: str,
) -> TotalForecast:
    """The total of a model of which `others` are draws, with its interval; one row of `rows` is one cell.

    In a large base the chance is told by `_SAMPLED` customers, what parameters do by `_FOLLOWED`.
    """
    n, draws = rows["customers"].to_numpy(float), len(others)
    mean = float(n @ model.expected_of(rows, t))
    each = row_of_each(n)
    followed = rows.iloc[each[:: max(1, len(each) // _FOLLOWED)]]
    here = max(float(model.expected_of(followed, t).sum()), 1e-300)
    ratio = np.array([float(m.expected_of(followed, t).sum()) / here for m in others[:_PARAMETERS]])
    if len(each) <= EXACT_UP_TO:
        who = rows.iloc[each]
        totals = np.array([m.simulate_rows(who, t, rng).sum() for m in others])
    else:
        few = rows.iloc[each[:: max(1, len(each) // _SAMPLED)]]
        noise = (model.simulate_rows(few, t, rng) - model.simulate_rows(few, t, rng)) ** 2 / 2
        totals = mean * rng.choice(ratio, draws) + rng.normal(0, np.sqrt(noise.mean() * len(each)), draws)
    return as_forecast(mean, totals, mean * ratio, wanted, customers=len(each), note=note)


def ratios(
    model: HistoryModel,
    models: Sequence[HistoryModel],
    cells: pd.DataFrame,
    mean_of: Callable[[HistoryModel, History, Array], float],
) -> Array:
    """The mean at drawn parameters over the mean at the fitted ones.

    Its logarithm is taken as a quadratic in log parameters, found by differences on a coarse grid of
    cells; 33 evaluations instead of one for each draw. Draws too far apart for that are evaluated each.
    """
    grid = model.merged(cells, bins=12)
    who = History(grid.x, grid.recency, grid.T)
    centre = np.log(model.values)
    away = np.log([m.values for m in models]) - centre
    if np.abs(away).mean(axis=0).max() > LOOSE_LOG_ERROR:
        here = max(mean_of(model, who, grid.weight), 1e-300)
        return np.array([mean_of(m, who, grid.weight) / here for m in models])
    size = np.sqrt(np.diag(log_covariance_of(model)))
    steps = np.clip(size, 1e-4, 0.5)

    def log_mean(shift: Array) -> float:
        there = model.with_values(np.exp(centre + shift * steps))
        return float(np.log(max(mean_of(there, who, grid.weight), 1e-300)))

    unit = np.eye(len(centre))
    here = log_mean(np.zeros(len(centre)))
    up, down = (np.array([log_mean(sign * e) for e in unit]) for sign in (1, -1))
    slope, curve = (up - down) / 2, np.diag(up + down - 2 * here)
    for i in range(len(centre)):
        for j in range(i):
            mixed = [log_mean(s * unit[i] + w * unit[j]) for s, w in ((1, 1), (-1, -1), (1, -1), (-1, 1))]
            curve[i, j] = curve[j, i] = (mixed[0] + mixed[1] - mixed[2] - mixed[3]) / 4
    moved = away / steps
    return np.asarray(np.exp(moved @ slope + 0.5 * np.einsum("di,ij,dj->d", moved, curve, moved)))
