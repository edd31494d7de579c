"""Expected purchases of a customer who is alive, stable for every parameter.

BG/NBD and its kin print this expectation with Gauss' hypergeometric function,

    (a + b - 1) / (a - 1) * [1 - (A / (A + t))^R * 2F1(R, b; a + b - 1; t / (A + t))],

which is 0/0 at a = 1, overflows for busy customers and takes logs of negative numbers at a + b < 1. The
quantity behind it is a plain mean over the dropout probability p ~ Beta(a, b), and every part of that mean
is positive:

    E[(1 - (1 + p z)^-R) / p],   z = t / A.

So we integrate it: in u = logit(p) with the double-exponential rule, whose error falls faster than any
power of the step. About 200 nodes give 1e-11.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, polygamma

Array = NDArray[np.float64]

_STEP = 0.04  # of the rule; 0.08 errs by 1e-7 where z is past 10,000, see test_new_customers_far_ahead
_TAIL = 42.0  # exp(-42) of the mass is cut off
_CHUNK = 1 << 18
_DEGREE = 40
_FARTHEST = 6.0  # log(1 + z) beyond which a series of that degree is not exact enough
_NODES = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
_INTO_SERIES = np.linalg.inv(chebyshev.chebvander(_NODES, _DEGREE)).T  # values at the nodes -> coefficients
_INTERPOLATE_FROM = 200  # points a customer group, above which a Chebyshev series pays


def purchases_while_alive(z: ArrayLike, x: ArrayLike, r: float, a: float, b: float) -> Array:
    """E[(1 - (1 + p z)^-(r + x)) / p] for p ~ Beta(a, b + x): purchases to come of a living customer.

    Parameters
    ----------
    z : time ahead divided by alpha + T, >= 0; any shape
    x : repeat purchases so far, whole numbers; broadcasts with `z`
    r, a, b : parameters, > 0; for MBG/NBD pass b + 1

    Returns
    -------
    purchases, >= 0, of the broadcast shape. Relative error below 1e-9 over the stress points in the tests.

    Source
    ------
    Fader, Hardie & Lee (2005), Marketing Science 24(2), equation (10) before its reduction to 2F1; the
    posterior of (lambda, p) given alive is in Fader & Hardie's note 039.

    Examples
    --------
    a = 1 is no special point:

    >>> [round(float(purchases_while_alive(0.5, 2, 0.25, a, 2.5)), 5) for a in (0.999999, 1.0, 1.000001)]
    [0.98765, 0.98765, 0.98765]
    """
    z_all, x_all = np.broadcast_arrays(np.asarray(z, float), np.asarray(x, float))
    shape = z_all.shape
    flat_z, flat_x = z_all.ravel(), x_all.ravel()
    groups, inverse = np.unique(flat_x, return_inverse=True)
    if flat_z.size > _INTERPOLATE_FROM * len(groups):
        return _by_series(flat_z, inverse, groups, (r, a, b)).reshape(shape)
    return _by_quadrature(flat_z, inverse, groups, (r, a, b)).reshape(shape)


def nbd_probabilities(n: Array, r: Array, alpha: Array, t: Array | float) -> Array:
    """P(n purchases in t) at a rate Gamma(r, alpha)."""
    log_share = np.log(np.maximum(t, 1e-300)) - np.log(alpha + t)
    log_p = gammaln(r + n) - gammaln(r) - gammaln(n + 1) - r * np.log1p(t / alpha)
    return np.asarray(np.exp(log_p + np.where(n > 0, n * log_share, 0.0)))


def beta_nodes(a: float | Array, b: Array) -> tuple[Array, Array]:
    """Nodes and weights of the mean over p ~ Beta(a, b), one row per element of `b` (and of `a`, if many).

    Examples
    --------
    >>> p, weight = beta_nodes(2.0, np.array([3.0]))
    >>> round(float((p * weight).sum()), 12)      # the mean of Beta(2, 3)
    0.4
    """
    a, b = np.asarray(a, float).reshape(-1, 1), b[:, None]
    spread = np.minimum(1.0, np.sqrt(polygamma(1, a) + polygamma(1, b)))
    centre = np.log((a + 1.0) / (b + 1.0))
    left = np.arcsinh(np.max(np.maximum(_TAIL / (a * spread), 10.0)))
    right = np.arcsinh(np.max(np.maximum(_TAIL / (b * spread), 10.0) + np.maximum(-centre, 0) / spread))
    v = np.arange(-np.ceil(left / _STEP), np.ceil(right / _STEP) + 1) * _STEP
    u = centre + spread * np.sinh(v)
    # log p and log(1 - p) without ever forming 1 - p
    log_p, log_not_p = -np.logaddexp(0.0, -u), -np.logaddexp(0.0, u)
    log_weight = a * log_p + b * log_not_p
    log_weight -= log_weight.max(axis=1, keepdims=True)
    weight = np.exp(log_weight) * np.cosh(v)
    return np.asarray(expit(u)), weight / weight.sum(axis=1, keepdims=True)


def mean_over_p(z: Array, shape: Array, p: Array, weight: Array) -> Array:
    """E[(1 - (1 + p z)^-shape) / p] by nodes; rows: elements, columns: nodes."""
    exposure = p * z[:, None]
    gone = -np.expm1(-shape[:, None] * np.log1p(exposure))
    # As p -> 0 the ratio tends to R z; a p below the smallest float would give 0 / 0.
    ratio = np.where(p > 1e-290, gone / np.maximum(p, 1e-290), shape[:, None] * z[:, None])
    return np.asarray((ratio * weight).sum(axis=1))


def _by_quadrature(z: Array, group: NDArray[np.intp], xs: Array, params: tuple[float, float, float]) -> Array:
    r, a, b = params
    out = np.zeros_like(z)
    order = np.argsort(group, kind="stable")
    begin = 0
    while begin < len(order):
        # Groups in one chunk share the grid in v, so a chunk holds few groups and few points.
        index = order[begin : begin + _CHUNK // 256]
        here, local = np.unique(group[index], return_inverse=True)
        p, weight = beta_nodes(a, b + xs[here])
        out[index] = mean_over_p(z[index], r + xs[group[index]], p[local], weight[local])
        begin += len(index)
    return out


def _by_series(z: Array, group: NDArray[np.intp], xs: Array, params: tuple[float, float, float]) -> Array:
    """Through a Chebyshev series of f / log(1 + z) in log(1 + z), one for each x: the ratio is smooth."""
    out = np.empty_like(z)
    order = np.argsort(group, kind="stable")
    cuts = np.searchsorted(group[order], np.arange(len(xs) + 1))
    points = np.log1p(z)[order]
    low = np.minimum.reduceat(points, cuts[:-1])
    high = np.maximum.reduceat(points, cuts[:-1])
    wide = (np.diff(cuts) > 2 * _DEGREE) & (high - low > 1e-9) & (high < _FARTHEST)
    few = ~wide[group]
    if few.any():
        out[few] = _by_quadrature(z[few], group[few], xs, params)
    chosen = np.flatnonzero(wide)
    at = low[chosen, None] + (high - low)[chosen, None] * (_NODES + 1) / 2
    at = np.maximum(at, 1e-12)
    values = _by_quadrature(np.expm1(at).ravel(), np.repeat(chosen, _DEGREE + 1), xs, params)
    series = (values.reshape(at.shape) / at) @ _INTO_SERIES
    for k, coefficients in zip(chosen, series, strict=True):
        here = points[cuts[k] : cuts[k + 1]]
        found = chebyshev.chebval(2 * (here - low[k]) / (high[k] - low[k]) - 1, coefficients)
        out[order[cuts[k] : cuts[k + 1]]] = found * here
    return out
