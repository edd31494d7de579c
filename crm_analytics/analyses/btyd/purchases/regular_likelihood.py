"""The likelihood of (M)BG/CNBD-k: as (M)BG/NBD, but a purchase only at every k-th event of buying.

Events come at a rate lambda ~ Gamma(r, alpha), so the time between purchases is Erlang-k: the larger k, the
more regularly a customer buys. With m = x + shift chances to leave and D = T - t_x of silence, a customer has

    L = C B(a, b+m) / B(a, b) { sum over j < k of Gamma(n+j) / j! D^j (alpha+T)^-(n+j)
                                + a / (b+m-1) Gamma(n) (alpha+t_x)^-n },        n = r + k x,

C = alpha^r / Gamma(r) times the product over gaps of gap^(k-1) / (k-1)!. In the sum the customer is there and
j events have come since the last purchase; the last part is that of having left with it (none where m = 0).
Only C looks at the single gaps, through the sum of their logarithms: it moves no parameter, but k is chosen
by it. Platzer & Reutterer (2016), Ticking away the moments, Marketing Science 35(5), 779-799.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, logsumexp, polygamma

Array = NDArray[np.float64]
_BLOCK = 8_192


def log_terms(params: Array, who: tuple[Array, Array, Array], k: int, shift: int) -> Array:
    """Ln of the parts in the braces, one column per customer: row j there with j events since, last gone."""
    r, alpha, a, b = params
    x, recency, T = who
    n, m = r + k * x, x + shift
    silence = np.maximum(T - recency, 0.0)
    rows = []
    for j in range(k):
        with np.errstate(divide="ignore"):
            waited = j * np.log(silence) if j else 0.0
        rows.append(gammaln(n + j) - gammaln(j + 1) + waited - (n + j) * np.log(alpha + T))
    chance = np.where(m > 0, np.log(a) - np.log(b + np.maximum(m, 1) - 1), -np.inf)
    rows.append(gammaln(n) + chance - n * np.log(alpha + recency))
    return np.stack(rows)


def log_density(params: Array, who: tuple[Array, Array, Array], k: int, shift: int) -> Array:
    """Log-likelihood of each history but for the product over gaps."""
    r, alpha, a, b = params
    m = who[0] + shift
    stay = gammaln(b + m) - gammaln(b) - gammaln(a + b + m) + gammaln(a + b)
    whole = logsumexp(log_terms(params, who, k, shift), axis=0)
    return np.asarray(r * np.log(alpha) - gammaln(r) + stay + whole)


@dataclass(frozen=True)
class RegularLikelihood:
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    x: Array
    recency: Array
    T: Array
    weight: Array
    k: int
    shift: int
    total: float

    @classmethod
    def of(cls, cells: pd.DataFrame, scale: float, k: int, shift: int) -> RegularLikelihood:
        """From cells; times are divided by `scale`."""
        x, weight = cells["frequency"].to_numpy(float), cells["customers"].to_numpy(float)
        recency, T = (cells[c].to_numpy(float) / scale for c in ("recency", "T"))
        return cls(x, recency, T, weight, k, shift, float(weight.sum()))

    def coarse(self, bins: int = 24) -> RegularLikelihood:
        """Cells merged on a grid of recency and T, each at its mean."""
        longest = self.T.max() or 1.0
        rows, columns = (
            np.minimum((v / longest * bins).astype(np.int64), bins - 1) for v in (self.recency, self.T)
        )
        codes = (self.x.astype(np.int64) * bins + rows) * bins + columns
        found, group = np.unique(codes, return_inverse=True)
        weight = np.asarray(np.bincount(group, self.weight), float)
        recency, T = (np.bincount(group, self.weight * v) / weight for v in (self.recency, self.T))
        x = (found // (bins * bins)).astype(float)
        return replace(self, x=x, recency=recency, T=T, weight=weight)

    def starts(self) -> list[Array]:
        """Where to begin, cheapest guess first; times are scaled to a mean of about one."""
        rate = max(self.k * float(self.weight @ self.x) / max(float(self.weight @ self.T), 1e-9), 1e-6)
        guesses = [(0.5, 0.5, 0.5, 1.5), (1.5, 1.5, 0.1, 2.0), (0.2, 0.2, 2.0, 4.0), (3.0, 3.0, 0.02, 1.0)]
        return [np.log([r, alpha / rate, a, b]) for r, alpha, a, b in guesses]

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (4) and Hessian (4, 4) at log r, alpha, a, b."""
        params = np.exp(log_params)
        value, gradient, hessian = self._by_frequency(params)
        for begin in range(0, len(self.x), _BLOCK):
            part = self._block(slice(begin, begin + _BLOCK), params)
            value, gradient, hessian = value + part[0], gradient + part[1], hessian + part[2]
        gradient = gradient * params
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -value / self.total, -gradient / self.total, -hessian / self.total

    def _by_frequency(self, params: Array) -> tuple[float, Array, Array]:
        """All but the braces."""
        r, alpha, a, b = params
        counts = np.bincount(self.x.astype(np.intp), self.weight)
        m = np.flatnonzero(counts) + self.shift
        n, total = counts[counts > 0], self.total
        value = n @ (gammaln(b + m) - gammaln(a + b + m))
        value += total * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b))
        both = n @ digamma(a + b + m) - total * digamma(a + b)
        gradient = np.array(
            [
                total * (np.log(alpha) - digamma(r)),
                total * r / alpha,
                -both,
                n @ digamma(b + m) - total * digamma(b) - both,
            ]
        )
        hessian = np.zeros((4, 4))
        hessian[0, 0] = -total * polygamma(1, r)
        hessian[0, 1] = hessian[1, 0] = total / alpha
        hessian[1, 1] = -total * r / alpha**2
        hessian[2:, 2:] = total * polygamma(1, a + b) - n @ polygamma(1, a + b + m)
        hessian[3, 3] += n @ polygamma(1, b + m) - total * polygamma(1, b)
        return float(value), gradient, hessian

    def _block(self, rows: slice, params: Array) -> tuple[float, Array, Array]:
        """The braces: a mean over the parts, as each has a part of what is seen."""
        r, alpha, a, b = params
        x, recency, T, w = self.x[rows], self.recency[rows], self.T[rows], self.weight[rows]
        terms = log_terms(params, (x, recency, T), self.k, self.shift)
        whole = logsumexp(terms, axis=0)
        share = np.exp(terms - whole)
        # gamma functions for each distinct frequency once
        some, back = np.unique(x, return_inverse=True)
        j = np.append(np.arange(self.k), 0)[:, None]
        size = r + self.k * some[None, :] + j
        slope_r, curve_r = digamma(size)[:, back], polygamma(1, size)[:, back]
        size = size[:, back]
        end = np.vstack([np.broadcast_to(alpha + T, (self.k, len(x))), alpha + recency])
        left = np.zeros((self.k + 1, 1))
        left[-1] = 1.0
        # who never had the chance to leave has not left: there the share is 0, and the slope may be any
        chances = np.where(x + self.shift > 0, b + x + self.shift - 1, 1.0)
        slopes = np.stack([slope_r - np.log(end), -size / end, left / a + 0 * end, -left / chances])
        mean = (slopes * share).sum(axis=1)
        weighted = share * w
        apart = slopes - mean[:, None]
        hessian = np.einsum("ijn,ljn,jn->il", apart, apart, weighted, optimize=True)
        hessian[0, 0] += (weighted * curve_r).sum()
        cross = (weighted / end).sum()
        hessian[0, 1] -= cross
        hessian[1, 0] -= cross
        hessian[1, 1] += (weighted * size / end**2).sum()
        hessian[2, 2] -= weighted[-1].sum() / a**2
        hessian[3, 3] += (weighted[-1] / chances**2).sum()
        return float(w @ whole), mean @ w, hessian
