"""What BG/NBD and MBG/NBD have in common: a chance to leave right after a purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, expit, gammaln

from crm_analytics.analyses.btyd.discounting.infinite_horizon import scaled_exponential_integral
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import (
    beta_nodes,
    mean_over_p,
    nbd_probabilities,
    purchases_while_alive,
)
from crm_analytics.analyses.btyd.purchases.customer_parameters import Individuals
from crm_analytics.analyses.btyd.purchases.dropout_likelihood import (
    NAMES,
    Likelihood,
    log_density,
    log_odds_gone,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel, counts_and_times

Array = NDArray[np.float64]
_ROWS = 4_096  # customers at a time, each with about two hundred nodes
_CHUNK = 1 << 20  # numbers at a time


@dataclass(frozen=True, eq=False)
class DropoutModel(PurchaseModel):
    """What BG/NBD and MBG/NBD have in common; use `BetaGeo` or `ModifiedBetaGeo`."""

    NAMES: ClassVar[tuple[str, ...]] = NAMES
    TIMES: ClassVar[tuple[str, ...]] = ("alpha",)
    SHIFT: ClassVar[int] = 0

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first)."""
        count, times = counts_and_times(n, t)
        r, alpha, a, b = self.values
        m, share = count + self.SHIFT, times / (alpha + times)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_nbd = (
                gammaln(r + count) - gammaln(r) - gammaln(count + 1) + r * np.log(alpha / (alpha + times))
            )
            log_nbd += np.where(count > 0, count * np.log(share), 0.0)
            still = np.exp(betaln(a, b + m) - betaln(a, b) + log_nbd)
            # Left right after purchase n: the buying process alone would have come to n or more.
            left = np.exp(betaln(a + 1, b + np.maximum(m, 1) - 1) - betaln(a, b))
        reached = np.where(count > 0, betainc(np.maximum(count, 1), r, share), 1.0)
        found = still + np.where(m > 0, left * reached, 0.0)
        return float(found) if found.ndim == 0 else found

    # -- in its own way ------------------------------------------------------------------------------

    @classmethod
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> Likelihood:
        """Of cells whose times are divided by `scale`."""
        return Likelihood.of(cells, scale, cls.SHIFT)

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history."""
        return log_density(self.values, who.x, who.recency, who.T, self.SHIFT)

    def rates(self) -> dict[str, tuple[float, Array]]:
        """Mean rate of buying and chance to leave after a purchase, each with the gradient of its log."""
        *_, a, b = self.values
        third, fourth = np.eye(4)[2:]
        share = float(a / (a + b))
        return super().rates() | {"leaving": (share, (1 - share) * (third - fourth))}

    def _new(self, times: Array) -> Array:
        r, alpha, a, b = self.values
        stay = b / (a + b) if self.SHIFT else 1.0
        return stay * purchases_while_alive(times / alpha, np.zeros_like(times), r, a, b + self.SHIFT)

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        return np.asarray(expit(-log_odds_gone(self.values, who.x, who.recency, who.T, self.SHIFT)))

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        r, alpha, a, b = self.values
        # Recency does not matter here, so far fewer pairs (x, T) than customers or cells remain.
        x_code, some_x = pd.factorize(who.x)
        T_code, some_T = pd.factorize(who.T)
        pair, found = pd.factorize(x_code * len(some_T) + T_code)
        pair_x, pair_T = some_x[found // max(len(some_T), 1)], some_T[found % max(len(some_T), 1)]
        z = times[None, :] / (alpha + pair_T[:, None])
        return purchases_while_alive(z, pair_x[:, None], r, a, b + self.SHIFT)[pair]

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """E[(r + x) e^z E_{r+x+1}(z) / p] with z = force (alpha + T) / p, p ~ Beta(a, b + m)."""
        (some_x, some_T), inverse = np.unique(np.stack([who.x, who.T]), axis=1, return_inverse=True)
        return perpetual_purchases(self.values, some_x, some_T, force, self.SHIFT)[inverse.ravel()]

    def active(self, who: History, h: float) -> Array:
        """P(alive) {1 - [(alpha + T) / (alpha + T + h)]^(r + x)}: small chances stay exact."""
        r, alpha, *_ = self.values
        return self.alive(who) * -np.expm1(-(r + who.x) * np.log1p(h / (alpha + who.T)))

    def count_probabilities(self, who: History, t: float, most: int) -> Array:
        """Of a new customer with Gamma(r + x, alpha + T) and Beta(a, b + m): there after n, or left then."""
        r, alpha, a, b = self.values
        shape, end, stay = (v[:, None] for v in (r + who.x, alpha + who.T, b + who.x + self.SHIFT))
        leave = np.full_like(who.x, a)[:, None]
        n = np.arange(most + 1.0)[None, :]
        still = np.exp(betaln(leave, stay + n) - betaln(leave, stay)) * nbd_probabilities(n, shape, end, t)
        left = np.exp(betaln(leave + 1, stay + np.maximum(n, 1) - 1) - betaln(leave, stay))
        reached = betainc(np.maximum(n, 1), shape, t / (end + t))
        return np.asarray(still + np.where(n > 0, left * reached, 0.0))

    @classmethod
    def of_each(cls, own: Array) -> DropoutIndividuals:
        """Customers who each have parameters of their own (one column each)."""
        return DropoutIndividuals(own, cls.SHIFT)

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        return drawn_counts(self.values, self.SHIFT, (who.x, who.T, self.alive(who)), t, rng)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        return drawn_futures(self.values, self.SHIFT, (who.x, who.T, self.alive(who)), horizon, rng)


@dataclass(frozen=True, eq=False)
class DropoutIndividuals(Individuals):
    """BG/NBD or MBG/NBD customers (`shift` 0 or 1) with r, alpha, a, b of their own."""

    shift: int = 0

    NAMES: ClassVar[tuple[str, ...]] = NAMES

    def alive(self, who: History) -> Array:
        """P(the customer has not left)."""
        return np.asarray(expit(-log_odds_gone(self.own, who.x, who.recency, who.T, self.shift)))

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times` if alive; a row for each customer, a column for each time."""
        (r, alpha, a, b), (x, T) = self.own, (who.x, who.T)
        found = np.empty((len(x), len(times)))
        for begin in range(0, len(x), _ROWS):
            part = slice(begin, begin + _ROWS)
            p, weight = beta_nodes(a[part], b[part] + x[part] + self.shift)
            for column, t in enumerate(times):
                z = t / (alpha[part] + T[part])
                found[part, column] = mean_over_p(z, r[part] + x[part], p, weight)
        return found

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """Purchases to come for ever if alive, discounted continuously at `force` a unit."""
        return perpetual_purchases(self.own, who.x, who.T, force, self.shift)

    def new(self, t: float) -> Array:
        """Expected repeat purchases of new customers within `t`."""
        found = super().new(t)
        if self.shift:
            return np.asarray(found * self.own[3] / (self.own[2] + self.own[3]))
        return found

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        return drawn_counts(self.own, self.shift, (who.x, who.T, self.alive(who)), t, rng)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        return drawn_futures(self.own, self.shift, (who.x, who.T, self.alive(who)), horizon, rng)


def perpetual_purchases(values: Array, x: Array, T: Array, force: float, shift: int) -> Array:
    """Purchases to come for ever of living customers, discounted at `force`.

    At a rate lambda and a chance p to leave a customer brings lambda / (force + lambda p); its mean over
    lambda ~ Gamma(R, A) is R e^z E_{R+1}(z) / p with z = force A / p, and of that the mean over p is taken.

    values : r, alpha, a, b, numbers or one column for each customer
    """
    r, alpha, a, b = np.broadcast_to(values.reshape(4, -1), (4, len(x)))
    found = np.empty(len(x))
    rows = max(1, _CHUNK // (128 * 128))
    for begin in range(0, len(x), rows):
        part = slice(begin, begin + rows)
        shape = (r[part] + x[part])[:, None]
        p, weight = beta_nodes(a[part], b[part] + x[part] + shift)
        wait = force * (alpha[part] + T[part])[:, None]
        # As p -> 0 the customer stays for ever: shape / wait.
        z = wait / np.maximum(p, 1e-290)
        each = shape * scaled_exponential_integral(shape + 1, z) / np.maximum(p, 1e-290)
        found[part] = (np.where(p > 1e-290, each, shape / wait) * weight).sum(axis=1)
    return found


def drawn_counts(
    values: Array, shift: int, who: tuple[Array, Array, Array], t: float, rng: np.random.Generator
) -> Array:
    """Purchases of each customer within `t` in one drawn future; who: x, T and P(alive) of each.

    values : r, alpha, a, b, numbers or one column per customer
    """
    rate, leave, alive = posterior(values, shift, who, rng)
    return np.where(alive, np.minimum(rng.poisson(rate * t), rng.geometric(leave)), 0).astype(float)


def drawn_futures(
    values: Array, shift: int, who: tuple[Array, Array, Array], horizon: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Array]:
    """The customer (row) of each purchase of one drawn future, and when it comes; as `drawn_counts`."""
    rate, leave, alive = posterior(values, shift, who, rng)
    came = np.where(alive, rng.poisson(rate * horizon), 0)
    last = rng.geometric(leave)
    owner, share, rank = moments(came, rng)
    kept = rank < last[owner]
    return owner[kept], share[kept] * horizon


def moments(came: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[np.intp], Array, NDArray[np.intp]]:
    """Of so many events each: whose it is, when (0..1, in order) and which of his it is, 0, 1, ..."""
    owner = np.repeat(np.arange(len(came)), came)
    moment = rng.random(len(owner))
    moment = moment[np.lexsort((moment, owner))]
    return owner, moment, np.arange(len(owner)) - np.repeat(np.cumsum(came) - came, came)


def posterior(
    values: Array, shift: int, who: tuple[Array, Array, Array], rng: np.random.Generator
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """One draw a customer: buying rate, dropout probability, and whether still alive.

    Given alive, the rate is Gamma(r + x, alpha + T) and the probability Beta(a, b + x) (MBG/NBD: b + x + 1),
    independent of each other.
    """
    (r, alpha, a, b), (x, T, alive) = values, who
    rate = rng.gamma(r + x) / (alpha + T)
    leave = np.clip(rng.beta(a, b + x + shift), 1e-12, 1.0)
    return rate, np.asarray(leave), rng.random(len(x)) < alive
