"""What all customers together will bring, money, with an interval from parameters and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.discounting.simulation import draw_models, worth_of_a_future
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, SPEND, checked
from crm_analytics.analyses.btyd.forecasts.simulated_total import by_drawing
from crm_analytics.analyses.btyd.forecasts.uncertainty import (
    EXACT_UP_TO,
    SAMPLED,
    TotalForecast,
    as_forecast,
    check_interval,
    columns_of,
    note_of,
    ratios,
    row_of_each,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]


def value_total(
    source: Summary | pd.DataFrame,
    model: PurchaseModel | CovariateFit,
    spend: SpendModel,
    *,
    horizon: tuple[int, str] = (52, "W"),
    rate: float = 0.15,
    timing: str = "end",
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
) -> TotalForecast:
    """Residual value of all customers together, money, with an interval.

    Chance includes when each purchase comes and what is spent on it: a customer's spend a purchase is
    Gamma(p, nu) with nu ~ Gamma(p x + q, v + x m). Customers with equal histories are given their common
    mean spend.

    Parameters
    ----------
    source : whom to value: a summary; for a `CovariateFit`, as a summary knows no covariates, a frame with
        frequency, recency, T, monetary_value, the covariates [, customers]
    model, spend : of purchases and of spend, a `GammaGamma` or `BandedGammaGamma`
    horizon, rate, timing : as in `BetaGeo.lifetime_value`
    level, draws, seed : as in `forecast_total`

    Raises
    ------
    ParameterError : the model has no such value, mean spend does not exist, or a parameter is out of range.
    """
    check_interval(level, draws)
    discount = Discount.of(horizon, rate, timing, model.unit)
    _ = spend.mean_spend  # refuses q <= 1
    note = " ".join(part for part in (note_of(model), note_of(spend)) if part)
    if spend.at_frequency(np.zeros(1))[1] <= 2:
        note = (
            f"{note} The variance of spend does not exist (q <= 2): read the interval as too narrow.".strip()
        )
    rng = np.random.default_rng(seed)
    if isinstance(model, CovariateFit):
        if not isinstance(source, pd.DataFrame):
            raise ParameterError(
                f"{model.LABEL} with covariates: a summary knows no covariates; give a frame with frequency, "
                "recency, T, monetary_value and the covariates"
            )
        money = checked(source, SPEND, spend.LABEL)["monetary_value"]
        rows = model._rows(source).assign(monetary_value=money.to_numpy())
        worth = Worth(model, spend, discount)
        pairs = zip(model.others(draws, rng), spend.drawn(draws, rng), strict=True)
        others = [Worth(one, its, discount) for one, its in pairs]
        return by_drawing(rows, worth, others, discount.horizon, level, rng=rng, seed=seed, note=note)
    if not isinstance(model, PurchaseModel):
        raise ParameterError(
            f"{model.LABEL} counts {model.COUNTED}: of a total ask forecast_total, of money each customer's "
            "lifetime_value or derl"
        )
    if isinstance(source, pd.DataFrame):
        raise ParameterError(f"{model.LABEL}: value_total takes a summary; of a frame ask lifetime_value")
    return _by_cells(source, (model, spend), discount, (level, draws, seed, note))


def _by_cells(
    summary: Summary,
    models: tuple[PurchaseModel, SpendModel],
    discount: Discount,
    wanted: tuple[float, int, int, str],
) -> TotalForecast:
    (model, spend), (level, draws, seed, note) = models, wanted
    x, recency, T, n = columns_of(summary.cells.astype(float))
    each = summary.cell_days["monetary_value"].to_numpy(float)

    def mean_of(m: PurchaseModel, part: tuple[Array, Array, Array, Array]) -> float:
        return float(part[3] @ m._roughly(*part[:3], discount))

    purchases = n * model._discounted(x, recency, T, discount)
    mean = float(purchases @ spend._expected(x, each))
    rng = np.random.default_rng(seed)
    drawn, spends = draw_models(model, draws, rng), spend.drawn(draws, rng)
    # Purchases weighted by what they are worth follow the parameters of both models separately.
    worth = pd.DataFrame(
        {"frequency": x, "recency": recency, "T": T, "customers": n * spend._expected(x, each)}
    )
    ratio = ratios(model, drawn, worth, mean_of)
    ratio = ratio * _money_at(spends, x, each, purchases) / mean
    customers = row_of_each(n)
    exact = len(customers) <= EXACT_UP_TO
    few = customers if exact else customers[:: max(1, len(customers) // SAMPLED)]
    who = (x[few], recency[few], T[few], each[few])
    if exact:
        totals = np.array(
            [worth_of_a_future((m, s), who, discount, rng).sum() for m, s in zip(drawn, spends, strict=True)]
        )
    else:
        twice = (worth_of_a_future((model, spend), who, discount, rng) for _ in range(2))
        noise = np.subtract(*twice) ** 2 / 2
        totals = mean * ratio + rng.normal(0, np.sqrt(noise.mean() * len(customers)), draws)
    return as_forecast(mean, totals, mean * ratio, level, customers=len(customers), seed=seed, note=note)


def _money_at(spends: Sequence[SpendModel], x: Array, each: Array, purchases: Array) -> Array:
    """Purchases times expected spend under each of `spends`: sums by frequency, as spend is linear in m."""
    some, group = np.unique(x, return_inverse=True)
    count, money = np.bincount(group, purchases), np.bincount(group, purchases * each)
    found = [s.at_frequency(some) for s in spends]
    p, q = (np.array([f[i] for f in found])[:, None] for i in (0, 1))
    v = np.stack([f[2] for f in found])
    return np.asarray((p * (v * count + some * money) / (p * some + q - 1)).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Worth:
    """Money of customers who each have parameters of their own: expected, and in a drawn future."""

    fit: CovariateFit
    spend: SpendModel
    discount: Discount

    def _expected(self, rows: pd.DataFrame, _: float) -> Array:
        x, recency, T, means = _of_rows(rows)
        purchases = self.fit._people(rows)._discounted(x, recency, T, self.discount)
        return np.asarray(purchases * self.spend._expected(x, means))

    def _drawn(self, rows: pd.DataFrame, _: float, rng: np.random.Generator) -> Array:
        return worth_of_a_future((self.fit._people(rows), self.spend), _of_rows(rows), self.discount, rng)


def _of_rows(rows: pd.DataFrame) -> tuple[Array, Array, Array, Array]:
    x, recency, T, means = (rows[c].to_numpy(float) for c in (*HISTORY, "monetary_value"))
    return x, recency, T, means
