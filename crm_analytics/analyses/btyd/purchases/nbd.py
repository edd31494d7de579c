"""NBD: nobody ever leaves. No model to forecast with: what any model of leaving has to beat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, polygamma, xlogy

from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import nbd_probabilities
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel, counts_and_times

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NBDLikelihood:
    """Minus the mean log-likelihood of weighted cells in ln r and ln alpha, with gradient and Hessian."""

    x: Array
    recency: Array
    T: Array
    weight: Array
    total: float

    @classmethod
    def of(cls, cells: pd.DataFrame, scale: float) -> NBDLikelihood:
        """From cells; times are divided by `scale`."""
        x, weight = cells["frequency"].to_numpy(float), cells["customers"].to_numpy(float)
        recency, T = (cells[c].to_numpy(float) / scale for c in ("recency", "T"))
        return cls(x, recency, T, weight, float(weight.sum()))

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (2) and Hessian (2, 2)."""
        r, alpha = params = np.exp(log_params)
        x, w, n, end = self.x, self.weight, self.total, alpha + self.T
        value = w @ (gammaln(r + x) - (r + x) * np.log(end)) + n * (r * np.log(alpha) - gammaln(r))
        gradient = np.array(
            [
                w @ (digamma(r + x) - np.log(end)) + n * (np.log(alpha) - digamma(r)),
                n * r / alpha - w @ ((r + x) / end),
            ]
        )
        hessian = np.empty((2, 2))
        hessian[0, 0] = w @ polygamma(1, r + x) - n * polygamma(1, r)
        hessian[0, 1] = hessian[1, 0] = n / alpha - w @ (1 / end)
        hessian[1, 1] = w @ ((r + x) / end**2) - n * r / alpha**2
        gradient = gradient * params
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -float(value) / n, -gradient / n, -hessian / n

    def coarse(self, bins: int = 24) -> NBDLikelihood:
        """Cells merged by frequency and a grid of T; recency plays no part."""
        column = np.minimum((self.T / (self.T.max() or 1.0) * bins).astype(np.int64), bins - 1)
        found, group = np.unique(self.x.astype(np.int64) * bins + column, return_inverse=True)
        weight = np.asarray(np.bincount(group, self.weight), float)
        recency, T = (np.bincount(group, self.weight * v) / weight for v in (self.recency, self.T))
        return replace(self, x=(found // bins).astype(float), recency=recency, T=T, weight=weight)

    def starts(self) -> list[Array]:
        """Where to begin; times are scaled to a mean of about one."""
        rate = max(float(self.weight @ self.x) / max(float(self.weight @ self.T), 1e-9), 1e-6)
        return [np.log([r, r / rate]) for r in (0.5, 2.0, 0.1)]


@dataclass(frozen=True, eq=False)
class NBD(PurchaseModel):
    """Buying at a rate lambda ~ Gamma(r, alpha) for ever.

    Attributes
    ----------
    params : r, alpha (in the unit of T); the rest as in `BetaGeo`

    Source
    ------
    Ehrenberg (1959), The pattern of consumer purchases, Applied Statistics 8(1), 26-41.

    Examples
    --------
    >>> model = NBD({"r": 0.385, "alpha": 12.07}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.expected_purchases(one, t=39).round(2).tolist()
    [1.83]
    """

    NAMES: ClassVar[tuple[str, ...]] = ("r", "alpha")
    TIMES: ClassVar[tuple[str, ...]] = ("alpha",)
    LABEL: ClassVar[str] = "NBD"

    def probability_of(self, n: ArrayLike, t: ArrayLike) -> Any:
        """P(a new customer makes exactly `n` repeat purchases in the `t` units after the first)."""
        count, times = counts_and_times(n, t)
        r, alpha = self.values
        wait = np.log1p(times / alpha)
        log_p = gammaln(r + count) - gammaln(r) - gammaln(count + 1) - (r + count) * wait
        found = np.asarray(np.exp(log_p + xlogy(count, times / alpha)))
        return float(found) if found.ndim == 0 else found

    @classmethod
    def likelihood_of(cls, cells: pd.DataFrame, scale: float) -> NBDLikelihood:
        """Of cells whose times are divided by `scale`."""
        return NBDLikelihood.of(cells, scale)

    def log_density(self, who: History) -> Array:
        """Log-likelihood of each history."""
        r, alpha = self.values
        return np.asarray(
            gammaln(r + who.x) - gammaln(r) + r * np.log(alpha) - (r + who.x) * np.log(alpha + who.T), float
        )

    def alive(self, who: History) -> Array:
        """1: nobody leaves."""
        return np.ones(len(who))

    def while_alive(self, who: History, times: Array) -> Array:
        """Purchases within each of `times`; a row for each customer, a column for each time."""
        r, alpha = self.values
        return ((r + who.x) / (alpha + who.T))[:, None] * times[None, :]

    def perpetual_while_alive(self, who: History, force: float) -> Array:
        """(r + x) / (alpha + T) / force."""
        r, alpha = self.values
        return np.asarray((r + who.x) / (alpha + who.T) / force)

    def count_probabilities(self, who: History, t: float, most: int) -> Array:
        """An NBD with Gamma(r + x, alpha + T)."""
        r, alpha = self.values
        return nbd_probabilities(
            np.arange(most + 1.0)[None, :], (r + who.x)[:, None], (alpha + who.T)[:, None], t
        )

    def _new(self, times: Array) -> Array:
        r, alpha = self.values
        return np.asarray(r / alpha * times)

    def simulate(self, who: History, t: float, rng: np.random.Generator) -> Array:
        """Purchases of each customer within `t`, in one drawn future."""
        r, alpha = self.values
        return rng.poisson(rng.gamma(r + who.x) / (alpha + who.T) * t).astype(float)

    def simulate_times(
        self, who: History, horizon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], Array]:
        """The customer (row) of each purchase of one drawn future, and when it comes."""
        count = self.simulate(who, horizon, rng).astype(np.intp)
        owner = np.repeat(np.arange(len(who)), count)
        return owner, rng.random(len(owner)) * horizon
