"""The likelihood of histories whose parameters depend on covariates, with gradient and Hessian.

Every history i has parameters of its own, and each of four *local* parameters is linear in what is estimated:

    (M)BG/NBD    ln r;  ln alpha_i = ln alpha - gamma'z_i;  logit E[p]_i = m + delta'z_i;  ln(a + b)
    Pareto/NBD   ln r;  ln alpha_i = ln alpha - gamma'z_i;  ln s;  ln beta_i = ln beta - delta'z_i

so that a positive gamma means buying faster, a positive delta leaving sooner. (Note 019 of Fader & Hardie
gives a and b coefficients of their own; multiplied by one common factor, as some do, they move the spread of
the chance to leave and not its mean. Here delta moves the mean, and a + b is how alike customers are.)

Derivatives are taken by the local parameters, row by row, summed over rows with equal covariates, and carried
on by the chain rule, which is exact because the rest is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, gammaln, polygamma

from crm_analytics.analyses.btyd.purchases.dropout_likelihood import log_density, log_odds_gone
from crm_analytics.analyses.btyd.purchases.pareto_nbd_likelihood import integral, log_alive

Array = NDArray[np.float64]
Derivatives = tuple[Array, Array, Array]  # (n,), (4, n), (4, 4, n)
_BLOCK = 4_096


@dataclass(frozen=True)
class CovariateLikelihood:
    """Minus the mean log-likelihood of weighted cells, at what is estimated.

    x, recency, T, weight : of the cells, sorted by pattern; times scaled to a mean of about one
    pattern : of each cell, 0, 1, 2, ... without gaps
    design : four matrices, one row per pattern: local parameter k is design[k] @ (its coefficients)
    shift : 0 for BG/NBD, 1 for MBG/NBD, None for Pareto/NBD
    """

    x: Array
    recency: Array
    T: Array
    weight: Array
    pattern: NDArray[np.intp]
    design: tuple[Array, Array, Array, Array]
    shift: int | None

    @property
    def total(self) -> float:
        """Customers."""
        return float(self.weight.sum())

    def split(self, eta: Array) -> list[Array]:
        """The coefficients of each local parameter."""
        ends = np.cumsum([d.shape[1] for d in self.design])
        return np.split(eta, ends[:-1])

    def local(self, eta: Array) -> Array:
        """The four local parameters of each pattern."""
        return np.stack([d @ part for d, part in zip(self.design, self.split(eta), strict=True)])

    def __call__(self, eta: Array) -> tuple[float, Array, Array]:
        """Value, gradient and Hessian."""
        local = self.local(eta)
        patterns = local.shape[1]
        value, gradient, hessian = 0.0, np.zeros((4, patterns)), np.zeros((4, 4, patterns))
        for begin in range(0, len(self.x), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            at, w = self.pattern[rows], self.weight[rows]
            one, first, second = self._rows(local[:, at], rows)
            low, high = at[0], at[-1] + 1
            cuts = np.searchsorted(at, np.arange(low, high))
            value += float(w @ one)
            gradient[:, low:high] += np.add.reduceat(first * w, cuts, axis=1)
            hessian[:, :, low:high] += np.add.reduceat(second * w, cuts, axis=2)
        whole = [d.T @ g for d, g in zip(self.design, gradient, strict=True)]
        blocks = [
            [(a * hessian[i, j][:, None]).T @ b for j, b in enumerate(self.design)]
            for i, a in enumerate(self.design)
        ]
        n = self.total
        return -value / n, -np.concatenate(whole) / n, -np.block(blocks) / n

    def _rows(self, local: Array, rows: slice) -> Derivatives:
        x, recency, T = self.x[rows], self.recency[rows], self.T[rows]
        params = natural(local, self.shift)
        if self.shift is None:
            return _to_logs(params, pareto_rows(params, x, recency, T))
        by_logs = _to_logs(params, dropout_rows(params, (x, recency, T), self.shift))
        return _to_mean_and_precision(expit(local[2]), by_logs)


def natural(local: Array, shift: int | None) -> Array:
    """The model's own four parameters from the local ones; one column each."""
    if shift is None:
        return np.asarray(np.exp(local))
    precision = np.exp(local[3])
    # 1 - mean as such: a mean near one would leave nothing of it
    return np.stack(
        [np.exp(local[0]), np.exp(local[1]), precision * expit(local[2]), precision * expit(-local[2])]
    )


def _to_logs(params: Array, found: Derivatives) -> Derivatives:
    """From derivatives by the parameters to those by their logarithms."""
    value, gradient, hessian = found
    gradient = gradient * params
    hessian = hessian * params[:, None] * params[None, :]
    for k in range(4):
        hessian[k, k] += gradient[k]
    return value, gradient, hessian


def _to_mean_and_precision(mean: Array, found: Derivatives) -> Derivatives:
    """From ln a and ln b to logit of the mean and ln of the sum."""
    value, gradient, hessian = found
    turn = np.zeros((4, 4, len(mean)))
    turn[0, 0] = turn[1, 1] = turn[2, 3] = turn[3, 3] = 1.0
    turn[2, 2], turn[3, 2] = 1 - mean, -mean
    bend = -(gradient[2] + gradient[3]) * mean * (1 - mean)
    new = np.einsum("kin,kln,ljn->ijn", turn, hessian, turn, optimize=True)
    new[2, 2] += bend
    return value, np.einsum("kin,kn->in", turn, gradient), new


def dropout_rows(params: Array, who: tuple[Array, Array, Array], shift: int) -> Derivatives:
    """Log-likelihood of (M)BG/NBD row by row, with derivatives; see `dropout_likelihood`."""
    r, alpha, a, b = params
    x, recency, T = who
    m, shape, end, last = x + shift, r + x, alpha + T, alpha + recency
    log_odds = log_odds_gone(params, x, recency, T, shift)
    gone = expit(log_odds)
    silence, shorter = np.log(end) - np.log(last), 1 / end - 1 / last
    chances = np.where(m > 0, b + np.maximum(m, 1) - 1, np.inf)
    slopes = np.stack([silence, shape * shorter, np.where(m > 0, 1 / a, 0.0), -1 / chances])
    both = digamma(a + b) - digamma(a + b + m)
    gradient = gone * slopes + np.stack(
        [
            digamma(shape) - digamma(r) + np.log(alpha) - np.log(end),
            r / alpha - shape / end,
            both,
            both + digamma(b + m) - digamma(b),
        ]
    )
    hessian = slopes[:, None] * slopes[None, :] * (gone * (1 - gone))
    hessian[0, 0] += polygamma(1, shape) - polygamma(1, r)
    cross = gone * shorter + 1 / alpha - 1 / end
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] += gone * shape * (1 / last**2 - 1 / end**2) + shape / end**2 - r / alpha**2
    curve = polygamma(1, a + b) - polygamma(1, a + b + m)
    hessian[2:, 2:] += curve
    hessian[2, 2] -= gone * slopes[2] ** 2
    hessian[3, 3] += gone * slopes[3] ** 2 + polygamma(1, b + m) - polygamma(1, b)
    return log_density(params, x, recency, T, shift), gradient, hessian


def pareto_rows(params: Array, x: Array, recency: Array, T: Array) -> Derivatives:
    """Log-likelihood of Pareto/NBD row by row, with derivatives; see `pareto_nbd_likelihood`."""
    r, alpha, s, beta = params
    shape = r + x
    log_g, u, share = integral(params[:, :, None], x, recency, T)
    here = log_alive(params, x, T)
    whole = np.logaddexp(here, log_g)
    alive, by = np.exp(here - whole), np.exp(log_g - whole)[:, None] * share
    at = np.stack(
        [-np.log(alpha + T), -shape / (alpha + T), -np.log1p(T / beta), s * T / (beta * (beta + T))]
    )
    per_a, per_b = 1.0 / (alpha[:, None] + u), 1.0 / (beta[:, None] + u)
    left = np.stack(
        [
            np.log(per_a),
            -shape[:, None] * per_a,
            1 / s[:, None] + np.log(beta[:, None] * per_b),
            (s / beta)[:, None] - (s + 1)[:, None] * per_b,
        ]
    )
    gone = by.sum(axis=1)
    mean = alive * at + (left * by).sum(axis=2)
    at, left = at - mean, left - mean[:, :, None]
    hessian = at[:, None] * at[None, :] * alive
    hessian += np.einsum("ink,jnk,nk->ijn", left, left, by, optimize=True)
    cross = -alive / (alpha + T) - (by * per_a).sum(axis=1) + 1 / alpha
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] += shape * (alive / (alpha + T) ** 2 + (by * per_a**2).sum(axis=1)) - r / alpha**2
    hessian[2, 2] -= gone / s**2
    cross = alive * T / (beta * (beta + T)) + gone / beta - (by * per_b).sum(axis=1)
    hessian[2, 3] += cross
    hessian[3, 2] += cross
    hessian[3, 3] += (s + 1) * (by * per_b**2).sum(axis=1) - s * gone / beta**2
    hessian[3, 3] += alive * s * (1 / (beta + T) ** 2 - 1 / beta**2)
    mean[0] += digamma(shape) - digamma(r) + np.log(alpha)
    mean[1] += r / alpha
    hessian[0, 0] += polygamma(1, shape) - polygamma(1, r)
    value = gammaln(shape) - gammaln(r) + r * np.log(alpha) + whole
    return np.asarray(value), mean, hessian
