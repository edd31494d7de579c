"""Draws from what is known: parameters as a fit leaves them, and futures of customers with a history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.dropout import NAMES
from crm_analytics.analyses.btyd.dropout_model import DropoutModel
from crm_analytics.analyses.btyd.gamma_gamma import GammaGamma
from crm_analytics.analyses.btyd.lifetime_value import Discount

Array = NDArray[np.float64]


def worth_of_a_future(
    models: tuple[DropoutModel, GammaGamma],
    who: tuple[Array, Array, Array, Array],
    discount: Discount,
    rng: np.random.Generator,
) -> Array:
    """Discounted money of one drawn future of each customer."""
    (model, spend), (x, recency, T, means) = models, who
    rate, leave, alive = posterior(model, x, recency, T, rng)
    came = np.where(alive, rng.poisson(rate * discount.horizon), 0)
    last = rng.geometric(leave)
    owner = np.repeat(np.arange(len(came)), came)
    moment = rng.random(len(owner))
    order = np.lexsort((moment, owner))
    moment = moment[order]
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(came) - came, came)
    kept = rank < last[owner]
    owner, moment = owner[kept], moment[kept] * discount.horizon
    p, q, v = spend.values
    nu = rng.gamma(p * x + q) / (v + x * means)
    money = rng.gamma(p, size=len(owner)) / nu[owner] * discount.factor(moment)
    return np.asarray(np.bincount(owner, money, minlength=len(came)), float)


def posterior(
    model: DropoutModel, x: Array, recency: Array, T: Array, rng: np.random.Generator
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """One draw a customer: buying rate, dropout probability, and whether still alive."""
    r, alpha, a, b = model.values
    rate = rng.gamma(r + x) / (alpha + T)
    leave = np.clip(rng.beta(a, b + x + model.SHIFT), 1e-12, 1.0)
    return rate, np.asarray(leave), rng.random(len(x)) < model._alive(x, recency, T)


def draw_models(model: DropoutModel, draws: int, rng: np.random.Generator) -> list[DropoutModel]:
    """Models whose parameters are drawn from the normal distribution of their logarithms."""
    values = _draw_values(model, draws, rng)
    none = pd.DataFrame()
    kind, unit = type(model), model.unit
    return [kind(dict(zip(NAMES, row, strict=True)), covariance=none, unit=unit) for row in values]


def draw_spends(spend: GammaGamma, draws: int, rng: np.random.Generator) -> list[GammaGamma]:
    """The same for spend; q is kept above 1, where the mean exists."""
    values = _draw_values(spend, draws, rng)
    values[:, 1] = np.maximum(values[:, 1], 1.05)  # the mean exists above 1 only
    none = pd.DataFrame()
    return [GammaGamma(dict(zip(("p", "q", "v"), row, strict=True)), covariance=none) for row in values]


def _draw_values(model: DropoutModel | GammaGamma, draws: int, rng: np.random.Generator) -> Array:
    values = model.values
    covariance = log_covariance_of(model)
    found = np.exp(np.log(values) + rng.multivariate_normal(np.zeros(len(values)), covariance, draws))
    return np.asarray(found)


def log_covariance_of(model: DropoutModel | GammaGamma) -> Array:
    """Of the log parameters; zero where the fit says nothing of it."""
    size = len(model.values)
    if model.covariance.empty or not model.diagnosis.converged:
        return np.zeros((size, size))
    found = model.covariance.to_numpy() / np.outer(model.values, model.values)
    return np.asarray((found + found.T) / 2)
