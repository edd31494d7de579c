"""What a drawn future is worth: when each purchase comes and what is spent on it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel

Array = NDArray[np.float64]


class Foresight(Protocol):
    """What draws futures: a model, or customers with parameters of their own."""

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase, and when it comes."""


def worth_of_a_future(
    models: tuple[Foresight, SpendModel],
    who: History,
    means: Array,
    discount: Discount,
    rng: np.random.Generator,
) -> Array:
    """Discounted money of one drawn future of each customer; `means` are of their spend a purchase so far."""
    model, spend = models
    owner, moment = model.simulate_times(who, discount.horizon, rng)
    p, q, v = spend.at_frequency(who.x)
    nu = rng.gamma(p * who.x + q) / (v + who.x * means)
    money = rng.gamma(p, size=len(owner)) / nu[owner] * discount.factor(moment)
    return np.asarray(np.bincount(owner, money, minlength=len(who)), float)
