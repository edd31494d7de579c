"""The likelihood of BG/BB: a coin for each opportunity, and a coin for leaving before it.

A customer who bought at x of n opportunities, last at t, has

    L = sum over k = t..n-1 of  B(alpha+x, beta+k-x)/B(alpha, beta) * B(gamma+1, delta+k)/B(gamma, delta)
        +  B(alpha+x, beta+n-x)/B(alpha, beta) * B(gamma, delta+n)/B(gamma, delta) :

left after opportunity k, or still there (Fader, Hardie & Shang 2010, Marketing Science 29(6), equation 5).
All shifts are whole numbers, so every beta function is a product of ratios and its logarithm a cumulated
sum: nothing cancels, and tables of n rows serve any number of customers. Terms are added in logarithms;
gradient and Hessian are means over the terms under their shares of the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NAMES = ("alpha", "beta", "gamma", "delta")
_BLOCK = 1 << 17  # terms at a time: what is computed stays in the processor's cache


def _sums(values: Array) -> Array:
    """0, v0, v0 + v1, ..."""
    return np.concatenate([[0.0], np.cumsum(values)])


@dataclass(frozen=True)
class Products:
    """Logarithms of the products in L, by whole number from 0 on, at some parameters."""

    bought: Array  # (alpha)_x, each factor over alpha + beta
    passed: Array  # (beta)_y, each factor over alpha + beta
    met: Array  # (alpha + beta)_k, each factor over alpha + beta
    stayed: Array  # (delta)_k / (gamma + delta)_k
    left: Array  # gamma / (gamma + delta + k)

    @classmethod
    def at(cls, params: Array, n: int) -> Products:
        """Up to `n` opportunities."""
        alpha, beta, gamma, delta = params
        j, both = np.arange(n + 1.0), alpha + beta
        return cls(
            _sums(np.log(alpha + j) - np.log(both)),
            _sums(np.log(beta + j) - np.log(both)),
            _sums(np.log1p(j / both)),
            _sums(-np.log1p(gamma / (delta + j))),
            -np.log1p((delta + np.arange(n + 2.0)) / gamma),
        )

    def of(self, x: Whole, k: Whole) -> Array:
        """Ln P(these x of k opportunities bought at, and there at all k)."""
        return self.bought[x] + self.passed[k - x] - self.met[k] + self.stayed[k]


def log_terms(products: Products, x: Whole, recency: Whole, n: Whole) -> tuple[Array, Whole]:
    """Ln of the terms of L: one row per history, one column per last opportunity k = recency, ..., n.

    Returns the logarithms (-inf beyond n) and k. The term k = n is the customer who is still there.
    """
    k = recency[:, None] + np.arange(int((n - recency).max(initial=0)) + 1)
    inside = np.minimum(k, n[:, None])
    found = products.of(x[:, None], inside) + np.where(k < n[:, None], products.left[inside], 0.0)
    return np.where(k <= n[:, None], found, -np.inf), inside


def blocks(recency: Whole, n: Whole) -> Iterator[NDArray[np.intp]]:
    """Rows in groups of about as many terms each, so that no row of terms is much longer than needed."""
    gap = n - recency
    order = np.argsort(gap, kind="stable")
    begin = 0
    while begin < len(order):
        # Gaps grow along the order: as many rows as would fit if all had the first one's, checked at the end.
        end = min(len(order), begin + max(1, _BLOCK // int(gap[order[begin]] + 1)))
        while end - begin > 1 and (end - begin) * int(gap[order[end - 1]] + 1) > 2 * _BLOCK:
            end = begin + (end - begin + 1) // 2
        yield order[begin:end]
        begin = end


def log_likelihood(params: Array, x: Whole, recency: Whole, n: Whole) -> tuple[Array, Array]:
    """Ln L of each history, and ln P(still there at opportunity n | the history)."""
    total, alive = np.zeros(len(x)), np.zeros(len(x))
    products = Products.at(params, int(n.max(initial=0)))
    for rows in blocks(recency, n):
        terms, _ = log_terms(products, x[rows], recency[rows], n[rows])
        top = terms.max(axis=1, keepdims=True)
        total[rows] = top[:, 0] + np.log(np.exp(terms - top).sum(axis=1))
        alive[rows] = np.minimum(products.of(x[rows], n[rows]) - total[rows], 0.0)
    return total, alive


@dataclass(frozen=True)
class OpportunityLikelihood:
    """Minus the mean log-likelihood of weighted cells in log parameters, with gradient and Hessian."""

    x: Whole
    recency: Whole
    n: Whole
    weight: Array
    total: float

    @classmethod
    def of(cls, cells: pd.DataFrame) -> OpportunityLikelihood:
        """From cells: frequency, recency, opportunities, customers."""
        x, recency, n = (cells[c].to_numpy(np.int64) for c in ("frequency", "recency", "opportunities"))
        weight = cells["customers"].to_numpy(float)
        return cls(x, recency, n, weight, float(weight.sum()))

    def starts(self) -> list[Array]:
        """Where to begin, cheapest guess first."""
        n = np.maximum(self.n, 1)
        bought = float(self.weight @ (self.x / n) / self.total)
        odds = min(max(bought / max(1 - bought, 1e-3), 1e-3), 1e3)
        others = [(0.5, 0.5, 0.5, 5.0), (2.0, 4.0, 2.0, 20.0), (5.0, 5.0, 0.1, 1.0)]
        return [np.log(guess) for guess in ((1.0, 1.0 / odds, 0.5, 2.0), *others)]

    def __call__(self, log_params: Array) -> tuple[float, Array, Array]:
        """Value, gradient (4) and Hessian (4, 4) at log alpha, beta, gamma, delta."""
        params = np.exp(log_params)
        longest = int(self.n.max())
        products, slopes = Products.at(params, longest), Slopes.at(params, longest)
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for rows in blocks(self.recency, self.n):
            part = self._block(rows, products, slopes)
            value, gradient, hessian = value + part[0], gradient + part[1], hessian + part[2]
        gradient = gradient * params  # to log parameters
        hessian = hessian * np.outer(params, params) + np.diag(gradient)
        return -value / self.total, -gradient / self.total, -hessian / self.total

    def _block(
        self, rows: NDArray[np.intp], products: Products, slopes: Slopes
    ) -> tuple[float, Array, Array]:
        x, n, w = self.x[rows], self.n[rows], self.weight[rows]
        terms, k = log_terms(products, x, self.recency[rows], n)
        top = terms.max(axis=1, keepdims=True)
        share = np.exp(terms - top)
        whole = share.sum(axis=1, keepdims=True)
        share /= whole
        value = float(w @ (top + np.log(whole))[:, 0])
        first, second = slopes.of(x[:, None], k, (k < n[:, None]).astype(np.int64))
        mean = (first * share).sum(axis=2)
        w_share = share * w[:, None]
        bent = np.array([(part * w_share).sum() for part in second])
        hessian = np.einsum("irk,jrk->ij", first * w_share, first) - (mean * w) @ mean.T
        hessian += bent[_PLACE]
        return value, mean @ w, hessian


_PLACE = np.array([[0, 1, 5, 5], [1, 2, 5, 5], [5, 5, 3, 4], [5, 5, 4, 6]])


@dataclass(frozen=True)
class Slopes:
    """First and second derivatives of the logarithms in `Products`: sums of 1/(p + j) and 1/(p + j)^2."""

    gamma: float
    first: dict[str, Array]
    second: dict[str, Array]

    @classmethod
    def at(cls, params: Array, n: int) -> Slopes:
        """Up to `n` opportunities."""
        alpha, beta, gamma, delta = params
        starts = {"a": alpha, "b": beta, "ab": alpha + beta, "d": delta, "gd": gamma + delta}
        j = np.arange(n + 1.0)
        return cls(
            gamma,
            {name: _sums(1 / (start + j)) for name, start in starts.items()},
            {name: _sums(1 / (start + j) ** 2) for name, start in starts.items()},
        )

    def of(self, x: Whole, k: Whole, gone: Whole) -> tuple[Array, list[Array]]:
        """Of the terms: (4, rows, terms), and the distinct elements of the second derivative by `_PLACE`."""
        one, two = self.first, self.second
        met, there = one["ab"][k], one["gd"][k + gone]
        first = np.stack(
            [one["a"][x] - met, one["b"][k - x] - met, gone / self.gamma - there, one["d"][k] - there]
        )
        met, there = two["ab"][k], two["gd"][k + gone]
        second = [
            met - two["a"][x],
            met,
            met - two["b"][k - x],
            there - gone / self.gamma**2,
            there,
            np.zeros(1),
            there - two["d"][k],
        ]
        return first, second


def probability_of_count(params: tuple[float, ...], n: ArrayLike, t: int) -> Array:
    """P(exactly n of t opportunities): over the last opportunity there, a beta-binomial."""
    count = np.asarray(n, np.int64)
    products = Products.at(np.array(params), t)
    last = np.arange(t + 1)
    reached = np.minimum(count[..., None], last)
    ways = gammaln(last + 1) - gammaln(reached + 1) - gammaln(last - reached + 1)
    log_p = ways + products.of(reached, last) + np.where(last < t, products.left[last], 0.0)
    return np.asarray(np.where(count[..., None] <= last, np.exp(log_p), 0.0).sum(axis=-1))
