"""What BG/NBD and MBG/NBD have in common: a chance to leave right after a purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, expit, gammaln

from crm_analytics.analyses.btyd.fitting.special import purchases_while_alive
from crm_analytics.analyses.btyd.purchases.dropout_likelihood import (
    NAMES,
    Likelihood,
    log_density,
    log_odds_gone,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel, counts_and_times

Array = NDArray[np.float64]


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
    def _likelihood_of(cls, cells: pd.DataFrame, scale: float) -> Likelihood:
        return Likelihood.of(cells, scale, cls.SHIFT)

    def _log_density(self, x: Array, recency: Array, T: Array) -> Array:
        return log_density(self.values, x, recency, T, self.SHIFT)

    def _new(self, times: Array) -> Array:
        r, alpha, a, b = self.values
        stay = b / (a + b) if self.SHIFT else 1.0
        return stay * purchases_while_alive(times / alpha, np.zeros_like(times), r, a, b + self.SHIFT)

    def _alive(self, x: Array, recency: Array, T: Array) -> Array:
        return np.asarray(expit(-log_odds_gone(self.values, x, recency, T, self.SHIFT)))

    def _while_alive(self, x: Array, T: Array, times: Array) -> Array:
        """Purchases within each of `times` if alive; one row a customer, one column a time."""
        r, alpha, a, b = self.values
        # Recency does not matter here, so far fewer pairs (x, T) than customers or cells remain.
        x_code, some_x = pd.factorize(x)
        T_code, some_T = pd.factorize(T)
        pair, found = pd.factorize(x_code * len(some_T) + T_code)
        pair_x, pair_T = some_x[found // max(len(some_T), 1)], some_T[found % max(len(some_T), 1)]
        z = times[None, :] / (alpha + pair_T[:, None])
        return purchases_while_alive(z, pair_x[:, None], r, a, b + self.SHIFT)[pair]

    def _counts(self, x: Array, recency: Array, T: Array, t: float, rng: np.random.Generator) -> Array:
        return drawn_counts(self.values, self.SHIFT, (x, T, self._alive(x, recency, T)), t, rng)

    def _futures(
        self, x: Array, recency: Array, T: Array, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        return drawn_futures(self.values, self.SHIFT, (x, T, self._alive(x, recency, T)), horizon, rng)


def drawn_counts(
    values: Array, shift: int, who: tuple[Array, Array, Array], t: float, rng: np.random.Generator
) -> Array:
    """Purchases of each customer within `t` in one drawn future; who: x, T and P(alive) of each.

    values : r, alpha, a, b, numbers or one column a customer
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
