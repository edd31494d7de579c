"""Pareto/NBD: repeat purchases until a goodbye that can come at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, exprel, gammaln

from crm_analytics.analyses.btyd.purchases.pareto_nbd_likelihood import (
    NAMES,
    ParetoLikelihood,
    log_density,
    log_odds_gone,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel, counts_and_times

Array = NDArray[np.float64]
_NODES, _WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(96))
_NODES = _NODES + 0.5


@dataclass(frozen=True, eq=False)
class ParetoNBD(PurchaseModel):
    """Pareto/NBD, for customers without a contract: a steady rate of buying, a steady hazard of leaving.

    While alive a customer buys at a rate lambda ~ Gamma(r, alpha); the time of leaving is exponential with
    a hazard mu ~ Gamma(s, beta), whether the customer buys or not. So whoever bought once may have left.

    Attributes
    ----------
    params : r, alpha, s, beta; alpha and beta in the unit of T
    log_likelihood, covariance, customers, unit, diagnosis : as in `BetaGeo`

    Source
    ------
    Schmittlein, Morrison & Colombo (1987), Counting your customers: who are they and what will they do
    next?, Management Science 33(1), 1-24; Fader & Hardie (2005), note 009.

    Examples
    --------
    CDNOW's customer with two repeat purchases, at the estimates of Fader, Hardie & Lee (2005):

    >>> import pandas as pd
    >>> model = ParetoNBD({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.probability_alive(one).round(3).tolist(), model.expected_purchases(one, t=39).round(2).tolist()
    ([0.869], [1.46])
    """

    NAMES: ClassVar[tuple[str, ...]] = NAMES
    TIMES: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    LABEL: ClassVar[str] = "Pareto/NBD"

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first).

        Still there at t, or gone at a time u before it: the mean of the NBD over u (Fader & Hardie, note
        009, before its reduction to hypergeometric functions), by Gauss' rule in ln(1 + u / c).
        """
        count, times = counts_and_times(n, t)
        _, alpha, s, beta = self.values
        c = min(alpha, beta)
        longest = np.log1p(times / c)
        u = c * np.expm1(longest[..., None] * _NODES)
        density = s / (beta + u) * (beta / (beta + u)) ** s * (c + u)
        gone = (self._nbd(count[..., None], u) * density * _WEIGHTS).sum(axis=-1) * longest
        found = self._nbd(count, times) * (beta / (beta + times)) ** s + gone
        return float(found) if found.ndim == 0 else found

    def _nbd(self, n: Array, t: Array) -> Array:
        """P(n purchases in t) of a customer who stays."""
        r, alpha, *_ = self.values
        with np.errstate(divide="ignore", invalid="ignore"):
            bought = np.where(n > 0, n * np.log(t / (alpha + t)), 0.0)
        log_p = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + r * np.log(alpha / (alpha + t)) + bought
        return np.asarray(np.exp(log_p))

    # -- in its own way ------------------------------------------------------------------------------

    @classmethod
    def _likelihood_of(cls, cells: pd.DataFrame, scale: float) -> ParetoLikelihood:
        return ParetoLikelihood.of(cells, scale)

    def _log_density(self, x: Array, recency: Array, T: Array) -> Array:
        return log_density(self.values, x, recency, T)

    def _alive(self, x: Array, recency: Array, T: Array) -> Array:
        return np.asarray(expit(-log_odds_gone(self.values, x, recency, T)))

    def _while_alive(self, x: Array, T: Array, times: Array) -> Array:
        r, alpha, s, beta = self.values
        return ((r + x) / (alpha + T))[:, None] * time_there(s, beta + T[:, None], times[None, :])

    def _new(self, times: Array) -> Array:
        r, alpha, s, beta = self.values
        return np.asarray(r / alpha * time_there(s, beta, times))

    def _counts(self, x: Array, recency: Array, T: Array, t: float, rng: np.random.Generator) -> Array:
        return drawn_counts(self.values, (x, T, self._alive(x, recency, T)), t, rng)

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        return drawn_futures(self.values, (x, T, self._alive(x, recency, T)), horizon, rng)


def drawn_counts(values: Array, who: tuple[Array, Array, Array], t: float, rng: np.random.Generator) -> Array:
    """Purchases of each customer within `t` in one drawn future; who: x, T and P(alive) of each.

    values : r, alpha, s, beta, numbers or one column a customer
    """
    rate, there = _lives(values, who, t, rng)
    return rng.poisson(rate * there).astype(float)


def drawn_futures(
    values: Array, who: tuple[Array, Array, Array], horizon: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Array]:
    """The customer (row) of each purchase of one drawn future, and when it comes; as `drawn_counts`."""
    rate, there = _lives(values, who, horizon, rng)
    owner = np.repeat(np.arange(len(there)), rng.poisson(rate * there))
    return owner, rng.random(len(owner)) * there[owner]


def _lives(
    values: Array, who: tuple[Array, Array, Array], horizon: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One draw a customer: buying rate, and how much of the horizon the customer is there.

    Given alive, the rate is Gamma(r + x, alpha + T) and the hazard Gamma(s, beta + T), independent.
    """
    (r, alpha, s, beta), (x, T, alive) = values, who
    rate = rng.gamma(r + x) / (alpha + T)
    hazard = rng.gamma(np.broadcast_to(s, x.shape)) / (beta + T)
    left = rng.exponential(size=len(x)) / np.maximum(hazard, 1e-300)
    there = rng.random(len(x)) < alive
    return rate, np.where(there, np.minimum(left, horizon), 0.0)


def time_there(s: float | Array, rest: float | Array, t: Array) -> Array:
    """Expected time of `t` before leaving, rest / (s - 1) [1 - (rest / (rest + t))^(s - 1)], any s > 0."""
    log = np.log1p(t / rest)
    return np.asarray(rest * log * exprel(-(s - 1) * log))
