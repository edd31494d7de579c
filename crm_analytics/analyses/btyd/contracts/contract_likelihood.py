"""The likelihood of contracts: who cancelled at which renewal, and who is still there.

With u = t^c a customer survives t renewals with probability S(t) = B(gamma, delta + u) / B(gamma, delta): the
beta-geometric at c = 1, the discrete Weibull mixed by a beta otherwise. Who cancelled at renewal t
contributes ln [S(t-1) - S(t)], who is still there after t, ln S(t). With h = ln S(t-1) - ln S(t) > 0, itself
a ratio of gamma functions that needs no difference,

    ln [S(t-1) - S(t)] = ln S(t-1) + ln(1 - e^-h).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from crm_analytics.analyses.btyd.contracts.increasing_hazard import log_ratio

Array = NDArray[np.float64]
_MOST = 1e140


def exposure(t: Array, c: float) -> Array:
    """t^c, 0 at 0; capped where nobody is left to any digit."""
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.power(t, c), _MOST), float)


def log_survival(params: Array, t: Array) -> Array:
    """Ln S(t), <= 0."""
    gamma, delta, c = params
    return -log_ratio(delta, gamma, exposure(t, c))


def log_hazard_sum(params: Array, begin: Array, end: Array) -> Array:
    """Ln S(begin) - ln S(end), >= 0, without subtracting the two."""
    gamma, delta, c = params
    before = exposure(begin, c)
    with np.errstate(over="ignore"):
        longer = c * np.log1p((end - begin) / np.maximum(begin, 1e-300))
        step = np.where(begin > 0, before * np.expm1(np.minimum(longer, 300.0)), exposure(end, c))
    return log_ratio(delta + before, gamma, np.minimum(step, _MOST))


def log_leaving(params: Array, t: Array) -> Array:
    """Ln P(cancels at renewal t), t = 1, 2, ..."""
    with np.errstate(divide="ignore"):
        gone = np.log(-np.expm1(-log_hazard_sum(params, t - 1, t)))
    # An h below the smallest float: the chance is nought to every digit, but its logarithm stays a number.
    return log_survival(params, t - 1) + np.maximum(gone, -745.0)


@dataclass(frozen=True)
class ContractLikelihood:
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    t: Array
    cancelled: NDArray[np.bool_]
    weight: Array
    total: float
    shape: bool  # whether c is a parameter, too

    @classmethod
    def of(cls, cells: pd.DataFrame, shape: bool) -> ContractLikelihood:
        """From cells: tenure, cancelled, customers."""
        weight = cells["customers"].to_numpy(float)
        return cls(
            cells["tenure"].to_numpy(float),
            cells["cancelled"].to_numpy(bool),
            weight,
            float(weight.sum()),
            shape,
        )

    def full(self, params: Array) -> Array:
        """gamma, delta, c."""
        return params if self.shape else np.append(params, 1.0)

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient and Hessian at log gamma, delta [, c]."""
        free = len(log_params)
        params = self.full(np.exp(log_params))
        gone = self.cancelled
        t, w = self.t, self.weight
        value = float(w[~gone] @ log_survival(params, t[~gone]) + w[gone] @ log_leaving(params, t[gone]))
        gradient, hessian = self._by_log_survival(params, np.where(gone, t - 1, t), w)
        step = self._cancelling(params)
        gradient, hessian = (gradient + step[0])[:free], (hessian + step[1])[:free, :free]
        return -value / self.total, -gradient / self.total, -hessian / self.total

    def _by_log_survival(self, params: Array, t: Array, w: Array) -> tuple[Array, Array]:
        first, second = slopes(params, t)
        return first @ w, second @ w

    def _cancelling(self, params: Array) -> tuple[Array, Array]:
        """Derivatives of ln(1 - e^-h) over those who cancelled."""
        t, w = self.t[self.cancelled], self.weight[self.cancelled]
        before, after = slopes(params, t - 1), slopes(params, t)
        h = np.maximum(log_hazard_sum(params, t - 1, t), 1e-300)
        first, second = before[0] - after[0], before[1] - after[1]
        with np.errstate(over="ignore"):
            odds = 1 / np.expm1(h)
            bend = odds * (1 + odds)
        squared = first[:, None] * first[None, :]
        return first @ (w * odds), second @ (w * odds) - squared @ (w * bend)


def slopes(params: Array, t: Array) -> tuple[Array, Array]:
    """First (3, t) and second (3, 3, t) derivatives of ln S(t) in log gamma, delta, c."""
    gamma, delta, c = params
    u = exposure(t, c)
    log_t = np.log(np.maximum(t, 1.0))
    both, alone = gamma + delta + u, delta + u
    gamma_1 = digamma(gamma + delta) - digamma(both)
    delta_1 = gamma_1 + digamma(alone) - digamma(delta)
    u_1 = digamma(alone) - digamma(both)
    gamma_2 = polygamma(1, gamma + delta) - polygamma(1, both)
    delta_2 = gamma_2 + polygamma(1, alone) - polygamma(1, delta)
    u_2 = polygamma(1, alone) - polygamma(1, both)
    gamma_u = -polygamma(1, both)
    du = c * u * log_t  # du / d ln c; the second derivative is du (1 + c ln t)
    first = np.stack([gamma * gamma_1, delta * delta_1, u_1 * du])
    second = np.empty((3, 3, len(t)))
    second[0, 0] = gamma**2 * gamma_2 + first[0]
    second[1, 1] = delta**2 * delta_2 + first[1]
    second[0, 1] = second[1, 0] = gamma * delta * gamma_2
    second[0, 2] = second[2, 0] = gamma * gamma_u * du
    second[1, 2] = second[2, 1] = delta * u_2 * du
    second[2, 2] = u_2 * du**2 + u_1 * du * (1 + c * log_t)
    return first, second
