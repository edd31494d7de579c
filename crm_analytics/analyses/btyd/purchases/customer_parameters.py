"""Customers who each have parameters of their own, as covariates give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount, discounted_while_alive
from crm_analytics.analyses.btyd.fitting.histories import History

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Individuals:
    """What a model says of customers, row by row; each model that takes covariates has its own kind.

    own : the parameters in the order of `NAMES`, one column for each customer
    """

    own: Array

    NAMES: ClassVar[tuple[str, ...]] = ()

    @property
    def params(self) -> dict[str, float]:
        """The smallest of each: the shortest time on which expectations bend."""
        return dict(zip(self.NAMES, self.own.min(axis=1, initial=np.inf), strict=True))

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        raise NotImplementedError

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        raise NotImplementedError

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """Purchases to come for ever if alive, discounted continuously at `force` a unit."""
        raise NotImplementedError

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        raise NotImplementedError

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        raise NotImplementedError

    def new(self, t: float) -> Array:
        """Expected repeat purchases of new customers within `t`."""
        nothing = np.zeros(self.own.shape[1])
        return self.while_alive(History(nothing, nothing, nothing), np.array([t]))[:, 0]

    def purchases(self, who: History, times: Array) -> Array:
        """Expected purchases within each of `times`."""
        return self.alive(who)[:, None] * self.while_alive(who, times)

    def discounted(self, who: History, discount: Discount) -> Array:
        """Expected purchases, discounted."""
        if discount.perpetuity:
            return self.alive(who) * self.perpetual_while_alive(who, discount.force)
        return self.alive(who) * discounted_while_alive(self, who, discount)
