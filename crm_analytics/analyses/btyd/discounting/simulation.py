"""Draws from what is known: parameters as a fit leaves them, and futures of customers with a history."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.optimise import GIVEN
from crm_analytics.analyses.btyd.fitting.parameter_draws import draw_values
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel

Array = NDArray[np.float64]
Fitted = TypeVar("Fitted", bound=FittedModel)


class Foresight(Protocol):
    """What draws futures: a model, or individuals with parameters of their own."""

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase, and when it comes."""


def worth_of_a_future(
    models: tuple[Foresight, SpendModel],
    who: tuple[Array, Array, Array, Array],
    discount: Discount,
    rng: np.random.Generator,
) -> Array:
    """Discounted money of one drawn future of each customer."""
    (model, spend), (x, recency, T, means) = models, who
    owner, moment = model._futures(x, recency, T, discount.horizon, rng)
    p, q, v = spend.at_frequency(x)
    nu = rng.gamma(p * x + q) / (v + x * means)
    money = rng.gamma(p, size=len(owner)) / nu[owner] * discount.factor(moment)
    return np.asarray(np.bincount(owner, money, minlength=len(x)), float)


def draw_models(model: Fitted, draws: int, rng: np.random.Generator) -> list[Fitted]:
    """Models whose parameters are drawn from the normal distribution of their logarithms."""
    values = draw_values(model, draws, rng)
    # what else a model has, its unit or its k, stays
    given = replace(model, log_likelihood=float("nan"), covariance=pd.DataFrame(), diagnosis=GIVEN)
    return [replace(given, params=dict(zip(model.NAMES, row, strict=True))) for row in values]
