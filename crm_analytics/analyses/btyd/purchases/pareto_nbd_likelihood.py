"""The likelihood of Pareto/NBD: buying at a gamma-distributed rate, leaving at a gamma-distributed hazard.

A customer with history (x, t_x, T) has

    L = Gamma(r+x)/Gamma(r) alpha^r { (alpha+T)^-(r+x) (beta/(beta+T))^s + G },
    G = integral over u from t_x to T of s beta^s (beta+u)^-(s+1) (alpha+u)^-(r+x) du :

still there, or left at some time u after the last purchase (Schmittlein, Morrison & Colombo 1987,
Management Science 33(1); Fader & Hardie's note 009, before its reduction to 2F1). The literature prints G
as a difference of two hypergeometric functions, which cancels for busy customers and needs two cases. Every
part of the integral is positive, so we integrate, in y = ln((c+u) / (c+t_x)) with c = min(alpha, beta): there
ln f is concave, its next singularity lies pi away from the real axis, and it is cut off where e^-40 of its
top is left. Gauss' rule with 24 nodes is then within 1e-8; where y runs past 8 (all customers buy within days
or never, T / alpha in the thousands) it errs by up to 1e-6, and 48 nodes by less than 1e-11.

The times u do not depend on what is differentiated, so that gradient and Hessian of G are means of
(d ln f) and (d ln f)(d ln f)' + d2 ln f under the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

Array = NDArray[np.float64]
NAMES = ("r", "alpha", "s", "beta")
_BLOCK = 2_048  # cells at a time: nodes and weights of a block stay in the processor's cache
_FAR = 8.0  # of y, from which on the rule has twice the nodes


def _rule(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss' rule between 0 and 1."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    return at / 2 + 0.5, weights / 2


_NEAR_RULE, _FAR_RULE = _rule(24), _rule(48)
_CUT = 40.0  # e-foldings below the top of ln f at which the integral is cut off
_NEWTON = 5  # steps towards that cut, from the right; ln f is concave, so none goes too far


def integral(params: Array, x: Array, recency: Array, T: Array) -> tuple[Array, Array, Array]:
    """Ln G of each history, with the nodes u and their weights, which sum to one in each row.

    `params` are four numbers, or four columns (n, 1) with a row for each history.
    """
    r, alpha, s, beta = params
    x, recency, T = x[:, None], recency[:, None], T[:, None]
    shape, c = r + x, np.minimum(alpha, beta)
    start = c + recency

    def log_f(u: Array) -> Array:
        return np.asarray(np.log(c + u) - (s + 1) * np.log(beta + u) - shape * np.log(alpha + u))

    end = np.log((c + T) / start)
    # Where customers buy slowly (r + x < 1) and alpha < beta, ln f rises first.
    rising = np.where(c == alpha, np.maximum(1.0 - shape, 0.0), 0.0)
    peak = np.clip((rising * beta - (s + 1) * alpha) / (s + 1 - rising), recency, T)
    target = log_f(peak) - _CUT
    for _ in range(_NEWTON):
        u = start * np.exp(end) - c
        slope = 1.0 - (c + u) * ((s + 1) / (beta + u) + shape / (alpha + u))
        below = target - log_f(u)
        end = np.where((below > 0) & (slope < 0), end + below / np.minimum(slope, -1e-300), end)
    nodes, weights = _NEAR_RULE if end.max(initial=0.0) <= _FAR else _FAR_RULE
    u = np.maximum(start * np.exp(end * nodes) - c, recency)
    found = log_f(u)
    top = found.max(axis=1, keepdims=True)
    weight = weights * np.exp(found - top)
    whole = weight.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_g = np.log(s) + s * np.log(beta) + top + np.log(whole * end)
    return log_g[:, 0], u, weight / whole


def log_alive(params: Array, x: Array, T: Array) -> Array:
    """Ln of the part of the likelihood in which the customer is still there."""
    r, alpha, s, beta = params
    return -(r + x) * np.log(alpha + T) - s * np.log1p(T / beta)


def log_odds_gone(params: Array, x: Array, recency: Array, T: Array) -> Array:
    """Ln of P(gone) / P(alive), by blocks; `params` are four numbers, or four rows of one a history."""
    found = np.empty(len(x))
    for begin in range(0, len(x), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        few = params if params.ndim == 1 else params[:, part]
        log_g, _, _ = integral(few if few.ndim == 1 else few[:, :, None], x[part], recency[part], T[part])
        found[part] = log_g - log_alive(few, x[part], T[part])
    return found


def log_density(params: Array, x: Array, recency: Array, T: Array) -> Array:
    """Log-likelihood of each history, row by row."""
    r, alpha, *_ = params
    here = log_alive(params, x, T)
    gone = log_odds_gone(params, x, recency, T)
    return np.asarray(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + here + np.logaddexp(0.0, gone))


@dataclass(frozen=True)
class ParetoLikelihood:
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    x: Array
    recency: Array
    T: Array
    weight: Array
    total: float
    distinct: Array  # frequencies that occur
    customers_at: Array  # and how many customers have each

    @classmethod
    def of(cls, cells: pd.DataFrame, scale: float) -> Self:
        """From cells; times are divided by `scale`."""
        x, weight = cells["frequency"].to_numpy(float), cells["customers"].to_numpy(float)
        counts = np.bincount(x.astype(np.int64), weight)
        distinct = np.flatnonzero(counts)
        recency, T = cells["recency"].to_numpy(float) / scale, cells["T"].to_numpy(float) / scale
        return cls(
            x,
            recency,
            T,
            weight,
            float(weight.sum()),
            distinct.astype(float),
            np.asarray(counts[distinct], float),
        )

    def coarse(self, bins: int = 24) -> Self:
        """Cells merged on a grid of recency and T, each at its mean."""
        longest = self.T.max() or 1.0
        rows, columns = (
            np.minimum((v / longest * bins).astype(np.int64), bins - 1) for v in (self.recency, self.T)
        )
        codes = (self.x.astype(np.int64) * bins + rows) * bins + columns
        found, group = np.unique(codes, return_inverse=True)
        weight = np.asarray(np.bincount(group, self.weight), float)
        recency, T = (np.bincount(group, self.weight * v) / weight for v in (self.recency, self.T))
        return replace(self, x=(found // (bins * bins)).astype(float), recency=recency, T=T, weight=weight)

    def starts(self) -> list[Array]:
        """Where to begin, cheapest guess first; times are scaled to a mean of about one."""
        rate = max(float(self.weight @ self.x) / max(float(self.weight @ self.T), 1e-9), 1e-6)
        guesses = [(0.5, 0.5, 0.6, 0.5), (1.5, 1.5, 0.3, 1.0), (0.3, 0.3, 2.0, 4.0), (3.0, 3.0, 0.1, 0.3)]
        return [np.log([r, alpha / rate, s, beta]) for r, alpha, s, beta in guesses]

    def value(self, log_params: Array) -> float:
        """The value alone."""
        found = log_density(np.exp(log_params), self.x, self.recency, self.T)
        return -float(self.weight @ found) / self.total

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (4) and Hessian (4, 4) at log r, alpha, s, beta."""
        params = np.exp(log_params)
        r, alpha = params[:2]
        n, x = self.customers_at, self.distinct
        value = n @ gammaln(r + x) + self.total * (r * np.log(alpha) - gammaln(r))
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        gradient[0] = n @ digamma(r + x) + self.total * (np.log(alpha) - digamma(r))
        gradient[1] = self.total * r / alpha
        hessian[0, 0] = n @ polygamma(1, r + x) - self.total * polygamma(1, r)
        hessian[0, 1] = hessian[1, 0] = self.total / alpha
        hessian[1, 1] = -self.total * r / alpha**2
        for begin in range(0, len(self.x), _BLOCK):
            part = self._block(slice(begin, begin + _BLOCK), params)
            value, gradient, hessian = value + part[0], gradient + part[1], hessian + part[2]
        gradient = gradient * params  # to log parameters
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -float(value) / self.total, -gradient / self.total, -hessian / self.total

    def _block(self, rows: slice, params: Array) -> tuple[float, Array, Array]:
        """Ln of the braces, with derivatives: a mean over still there and every time of leaving."""
        r, alpha, s, beta = params
        x, T, w = self.x[rows], self.T[rows], self.weight[rows]
        log_g, u, share = integral(params, x, self.recency[rows], T)
        here = log_alive(params, x, T)
        whole = np.logaddexp(here, log_g)
        value = float(w @ whole)
        alive, gone = np.exp(here - whole), np.exp(log_g - whole)
        shape = r + x
        # still there: d ln of (alpha+T)^-(r+x) (beta/(beta+T))^s
        at = np.stack(
            [-np.log(alpha + T), -shape / (alpha + T), -np.log1p(T / beta), s * T / (beta * (beta + T))]
        )
        bend = np.zeros((4, 4))
        wa = w * alive
        bend[0, 1] = bend[1, 0] = -(wa @ (1 / (alpha + T)))
        bend[1, 1] = wa @ (shape / (alpha + T) ** 2)
        bend[2, 3] = bend[3, 2] = wa @ (T / (beta * (beta + T)))
        bend[3, 3] = wa @ (s / (beta + T) ** 2 - s / beta**2)
        # left at u: d ln of s beta^s (beta+u)^-(s+1) (alpha+u)^-(r+x)
        per_a, per_b = 1.0 / (alpha + u), 1.0 / (beta + u)
        left = np.stack(
            [
                -np.log(alpha + u),
                -shape[:, None] * per_a,
                1 / s + np.log(beta) - np.log(beta + u),
                s / beta - (s + 1) * per_b,
            ]
        )
        by = gone[:, None] * share
        mean = alive * at + (left * by).sum(axis=2)
        wb = w[:, None] * by
        # Squares about the mean: where r runs to infinity, those about zero would leave nothing of the rest.
        at, left = at - mean, left - mean[:, :, None]
        square = np.einsum("in,jn,n->ij", at, at, wa)
        square += np.einsum("ink,jnk,nk->ij", left, left, wb, optimize=True)
        cross_a, cross_b = (wb * per_a).sum(), (wb * per_b).sum()
        gone_all = wb.sum()
        bend[0, 1] -= cross_a
        bend[1, 0] -= cross_a
        bend[1, 1] += (wb * shape[:, None] * per_a**2).sum()
        bend[2, 2] -= gone_all / s**2
        bend[2, 3] += gone_all / beta - cross_b
        bend[3, 2] += gone_all / beta - cross_b
        bend[3, 3] += (s + 1) * (wb * per_b**2).sum() - gone_all * s / beta**2
        return value, mean @ w, square + bend
