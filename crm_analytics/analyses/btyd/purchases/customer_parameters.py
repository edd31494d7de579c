"""Customers who each have parameters of their own, as covariates give them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from crm_analytics.analyses.btyd.discounting.discounting import Discount, discounted_while_alive
from crm_analytics.analyses.btyd.fitting.special import beta_nodes, mean_over_p
from crm_analytics.analyses.btyd.purchases import (
    dropout_likelihood,
    dropout_model,
    pareto_nbd,
    pareto_nbd_likelihood,
)
from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel
from crm_analytics.analyses.btyd.purchases.pareto_nbd import time_there
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]
_ROWS = 4_096  # at a time, each with about a hundred nodes


@dataclass(frozen=True, eq=False)
class Individuals:
    """What a model says of customers, row by row.

    kind : the model
    own : its four parameters, one column a customer
    unit : of its times
    """

    kind: type[PurchaseModel]
    own: Array
    unit: str | None

    @property
    def params(self) -> dict[str, float]:
        """The smallest of each: the shortest time on which expectations bend."""
        return dict(zip(self.kind.NAMES, self.own.min(axis=1, initial=np.inf), strict=True))

    def alive(self, x: Array, recency: Array, T: Array) -> Array:
        """P(the customer has not left)."""
        if issubclass(self.kind, DropoutModel):
            odds = dropout_likelihood.log_odds_gone(self.own, x, recency, T, self.kind.SHIFT)
        else:
            odds = pareto_nbd_likelihood.log_odds_gone(self.own, x, recency, T)
        return np.asarray(expit(-odds))

    def while_alive(self, x: Array, T: Array, times: Array) -> Array:
        """Purchases within each of `times` if alive; one row a customer, one column a time."""
        r, alpha, third, fourth = self.own
        if not issubclass(self.kind, DropoutModel):
            there = time_there(third[:, None], (fourth + T)[:, None], times[None, :])
            return np.asarray(((r + x) / (alpha + T))[:, None] * there)
        found = np.empty((len(x), len(times)))
        for begin in range(0, len(x), _ROWS):
            part = slice(begin, begin + _ROWS)
            p, weight = beta_nodes(third[part], fourth[part] + x[part] + self.kind.SHIFT)
            for column, t in enumerate(times):
                z = t / (alpha[part] + T[part])
                found[part, column] = mean_over_p(z, r[part] + x[part], p, weight)
        return found

    def new(self, t: float) -> Array:
        """Expected repeat purchases of new customers within `t`."""
        nothing = np.zeros(self.own.shape[1])
        found = self.while_alive(nothing, nothing, np.array([t]))[:, 0]
        if issubclass(self.kind, DropoutModel) and self.kind.SHIFT:
            return np.asarray(found * self.own[3] / (self.own[2] + self.own[3]))
        return found

    def counts(self, x: Array, recency: Array, T: Array, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        who = (x, T, self.alive(x, recency, T))
        if issubclass(self.kind, DropoutModel):
            return dropout_model.drawn_counts(self.own, self.kind.SHIFT, who, t, rng)
        return pareto_nbd.drawn_counts(self.own, who, t, rng)

    # as `PurchaseModel` calls them, so that values are reckoned in one place
    _alive = alive
    _while_alive = while_alive

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        who = (x, T, self.alive(x, recency, T))
        if issubclass(self.kind, DropoutModel):
            return dropout_model.drawn_futures(self.own, self.kind.SHIFT, who, horizon, rng)
        return pareto_nbd.drawn_futures(self.own, who, horizon, rng)

    def _ahead(self, x: Array, recency: Array, T: Array, times: Array) -> Array:
        return self.alive(x, recency, T)[:, None] * self.while_alive(x, T, times)

    def _discounted(self, x: Array, recency: Array, T: Array, discount: Discount) -> Array:
        return self.alive(x, recency, T) * discounted_while_alive(self, x, T, discount)
