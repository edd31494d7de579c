"""Draws from what is known: parameters as a fit leaves them, and futures of customers with a history."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitted import FittedModel
from crm_analytics.analyses.btyd.gamma_gamma import GammaGamma
from crm_analytics.analyses.btyd.lifetime_value import Discount
from crm_analytics.analyses.btyd.optimise import GIVEN
from crm_analytics.analyses.btyd.purchase_model import PurchaseModel

Array = NDArray[np.float64]
Fitted = TypeVar("Fitted", bound=FittedModel)


def worth_of_a_future(
    models: tuple[PurchaseModel, GammaGamma],
    who: tuple[Array, Array, Array, Array],
    discount: Discount,
    rng: np.random.Generator,
) -> Array:
    """Discounted money of one drawn future of each customer."""
    (model, spend), (x, recency, T, means) = models, who
    owner, moment = model._futures(x, recency, T, discount.horizon, rng)
    p, q, v = spend.values
    nu = rng.gamma(p * x + q) / (v + x * means)
    money = rng.gamma(p, size=len(owner)) / nu[owner] * discount.factor(moment)
    return np.asarray(np.bincount(owner, money, minlength=len(x)), float)


def draw_models(model: Fitted, draws: int, rng: np.random.Generator) -> list[Fitted]:
    """Models whose parameters are drawn from the normal distribution of their logarithms."""
    values = draw_values(model, draws, rng)
    # what else a model has, its unit or its k, stays
    given = replace(model, log_likelihood=float("nan"), covariance=pd.DataFrame(), diagnosis=GIVEN)
    return [replace(given, params=dict(zip(model.NAMES, row, strict=True))) for row in values]


def draw_spends(spend: GammaGamma, draws: int, rng: np.random.Generator) -> list[GammaGamma]:
    """The same for spend; q is kept above 1, where the mean exists."""
    values = draw_values(spend, draws, rng)
    values[:, 1] = np.maximum(values[:, 1], 1.05)  # the mean exists above 1 only
    none = pd.DataFrame()
    return [GammaGamma(dict(zip(("p", "q", "v"), row, strict=True)), covariance=none) for row in values]


def draw_values(model: FittedModel, draws: int, rng: np.random.Generator) -> Array:
    """Parameters drawn, one row a draw."""
    values = model.values
    covariance = log_covariance_of(model)
    found = np.exp(np.log(values) + rng.multivariate_normal(np.zeros(len(values)), covariance, draws))
    return np.asarray(found)


def log_covariance_of(model: FittedModel) -> Array:
    """Of the log parameters; zero where the fit says nothing of it."""
    size = len(model.values)
    if model.covariance.empty or not model.diagnosis.converged:
        return np.zeros((size, size))
    found = model.covariance.to_numpy() / np.outer(model.values, model.values)
    return np.asarray((found + found.T) / 2)
