"""Pareto/NBD: repeat purchases until a goodbye that can come at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, exprel, gammaln

from crm_analytics.analyses.btyd.discounting.infinite_horizon import scaled_exponential_integral
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import nbd_probabilities
from crm_analytics.analyses.btyd.purchases.customer_parameters import Individuals
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
_FEWER_NODES, _FEWER_WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(64))
_FEWER_NODES = _FEWER_NODES + 0.5
_BLOCK = 16_384  # customers at a time
_CHUNK = 1 << 21  # numbers at a time


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
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> ParetoLikelihood:
        """Of cells whose times are divided by `scale`."""
        return ParetoLikelihood.of(cells, scale)

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history."""
        return log_density(self.values, who.x, who.recency, who.T)

    def rates(self) -> dict[str, tuple[float, Array]]:
        """Mean rate of buying and mean hazard of leaving, each with the gradient of its log."""
        third, fourth = np.eye(4)[2:]
        return super().rates() | {"leaving": (self.params["s"] / self.params["beta"], third - fourth)}

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        return np.asarray(expit(-log_odds_gone(self.values, who.x, who.recency, who.T)))

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        r, alpha, s, beta = self.values
        return ((r + who.x) / (alpha + who.T))[:, None] * time_there(s, beta + who.T[:, None], times[None, :])

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """(r + x) / (alpha + T) (beta + T) e^z E_s(z), z = force (beta + T): Fader, Hardie & Lee (2005)."""
        r, alpha, s, beta = self.values
        some, inverse = np.unique(who.T, return_inverse=True)
        return np.asarray((r + who.x) / (alpha + who.T) * _time_left(s, beta + some, force)[inverse])

    def active(self, who: History, h: float) -> Array:
        """P(alive) times an integral over the time of the next purchase: small chances stay exact."""
        return self.alive(who) * self._next_purchase(who, h)

    def _next_purchase(self, who: History, h: float) -> Array:
        """P(a purchase within h | alive): over its time u, rate (r + x) at u and still there, by Gauss' rule.

        In y = ln(1 + u / c) the integrand is smooth and positive: nothing cancels.
        """
        (r, alpha, s, beta), (x, T) = self.values, (who.x, who.T)
        found = np.empty(len(x))
        for begin in range(0, len(x), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            shape, end, rest = (r + x[part])[:, None], (alpha + T[part])[:, None], (beta + T[part])[:, None]
            # a busy customer's next purchase comes soon: the nodes are spread over that time
            c = np.minimum(end / np.maximum(shape, 1.0), rest)
            longest = np.log1p(h / c)
            u = c * np.expm1(longest * _FEWER_NODES)
            log_f = np.log(shape) - (shape + 1) * np.log1p(u / end) - np.log(end) - s * np.log1p(u / rest)
            found[part] = (np.exp(log_f) * (c + u) * _FEWER_WEIGHTS).sum(axis=1) * longest[:, 0]
        return np.minimum(found, 1.0)

    def count_probabilities(self, who: History, t: float, most: int) -> Array:
        """Of a new customer with Gamma(r + x, alpha + T) and Gamma(s, beta + T).

        There to the end, or gone at a time u, by Gauss' rule in ln(1 + u / c).
        """
        _, alpha, s, beta = self.values
        r, alpha, s, beta = self.values[0] + who.x, alpha + who.T, np.full_like(who.x, s), beta + who.T
        c = np.minimum(alpha, beta)[:, None]
        longest = np.log1p(t / c)
        u = c * np.expm1(longest * _FEWER_NODES)
        beyond = beta[:, None] + u
        density = s[:, None] * np.exp(s[:, None] * np.log(beta[:, None] / beyond)) / beyond * (c + u)
        weight = density * _FEWER_WEIGHTS * longest  # columns: times of leaving
        n = np.arange(most + 1.0)
        stays = np.exp(-s * np.log1p(t / beta))[:, None]
        found = stays * nbd_probabilities(n[None, :], r[:, None], alpha[:, None], t)
        rows = max(1, _CHUNK // (len(n) * len(_FEWER_NODES)))
        for begin in range(0, len(r), rows):
            part = slice(begin, begin + rows)
            each = nbd_probabilities(
                n[None, :, None], r[part, None, None], alpha[part, None, None], u[part, None, :]
            )
            found[part] += np.einsum("ink,ik->in", each, weight[part])
        return found

    @classmethod
    def of_each(cls, own: Array) -> ParetoIndividuals:
        """Customers who each have parameters of their own (one column each)."""
        return ParetoIndividuals(own)

    def _new(self, times: Array) -> Array:
        r, alpha, s, beta = self.values
        return np.asarray(r / alpha * time_there(s, beta, times))

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        return drawn_counts(self.values, (who.x, who.T, self.alive(who)), t, rng)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        return drawn_futures(self.values, (who.x, who.T, self.alive(who)), horizon, rng)


@dataclass(frozen=True, eq=False)
class ParetoIndividuals(Individuals):
    """Pareto/NBD customers with r, alpha, s, beta of their own."""

    NAMES: ClassVar[tuple[str, ...]] = NAMES

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        return np.asarray(expit(-log_odds_gone(self.own, who.x, who.recency, who.T)))

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        r, alpha, s, beta = self.own
        there = time_there(s[:, None], (beta + who.T)[:, None], times[None, :])
        return np.asarray(((r + who.x) / (alpha + who.T))[:, None] * there)

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """Purchases to come for ever if alive, discounted continuously at `force` a unit."""
        r, alpha, s, beta = self.own
        return np.asarray((r + who.x) / (alpha + who.T) * _time_left(s, beta + who.T, force))

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        return drawn_counts(self.own, (who.x, who.T, self.alive(who)), t, rng)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        return drawn_futures(self.own, (who.x, who.T, self.alive(who)), horizon, rng)


def _time_left(s: float | Array, rest: Array, force: float) -> Array:
    return rest * scaled_exponential_integral(s, force * rest)


def drawn_counts(values: Array, who: tuple[Array, Array, Array], t: float, rng: np.random.Generator) -> Array:
    """Purchases of each customer within `t` in one drawn future; who: x, T and P(alive) of each.

    values : r, alpha, s, beta, numbers or one column per customer
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
