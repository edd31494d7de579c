"""Purchases still to come in (M)BG/CNBD-k, discounted, within a horizon or for ever: a mean over rates
and chances to leave.

Events come at a rate lambda, each k-th is a purchase, and after each purchase the customer leaves with
chance p. With rho = (1 - p)^(1/k), w = exp(2 pi i / k) and j events since the last purchase, purchases come
at the intensity

    lambda / k  sum over l < k of  rho^(j+1-k) w^(l (j+1)) exp(-mu_l t),     mu_l = lambda (1 - rho w^l),

the phases of an Erlang distribution written as exponentials. Of an exponential every discounting has a
closed form, and of that the mean is taken over lambda ~ Gamma(r + k x + j, alpha + T) and p ~ Beta(a, b + x +
shift). With k = 1 it is what (M)BG/NBD says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from crm_analytics.analyses.btyd.discounting.discounting import EARLY, Discount
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.fitting.special import beta_nodes

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_TAIL = 37.0  # exp(-37) of the integrand is cut off
_STEP = 0.25  # of ln lambda; less where the rate is known better
_FOR_CERTAIN = 1e-7  # of 1 - p: less is a customer who leaves with the next purchase
_CHUNK = 1 << 17  # numbers at a time


class RegularModel(Protocol):
    """What is needed of (M)BG/CNBD-k."""

    SHIFT: ClassVar[int]  # chances to leave before the first repeat purchase

    @property
    def k(self) -> int:
        """Events per purchase."""

    @property
    def values(self) -> Array:
        """r, alpha, a, b."""

    def shares(self, who: History) -> Array:
        """P(there with j events since the last purchase), j = 0 .. k - 1."""


def worth_of_intensity(discount: Discount) -> Callable[[Complex], Complex]:
    """What an intensity exp(-mu t) of purchases is worth within the discount's horizon, as a function of mu.

    Examples
    --------
    Paid at once and for ever, 1 / (mu + force):

    >>> from crm_analytics.analyses.btyd.discounting.infinite_horizon import endless
    >>> paid = worth_of_intensity(endless(0.15, "continuous", "Y", "Y"))
    >>> float(np.round(paid(np.array([0.3 + 0j]))[0].real * (0.3 + np.log(1.15)), 12))
    1.0
    """
    force, h, end = discount.force, discount.period, discount.horizon
    if discount.timing == "continuous":
        return lambda mu: _falling(mu + force, end)
    first = np.exp(-force * h * (1.0 - EARLY[discount.timing]))

    def paid(mu: Complex) -> Complex:
        # a period's purchases, then that period and all after it, each further off
        return np.asarray(first * _falling(mu, h) * _falling(mu + force, end) / _falling(mu + force, h))

    return paid


def _falling(mu: Complex, t: float) -> Complex:
    """Integral of exp(-mu s) from 0 to t."""
    nothing = mu == 0
    one = np.where(nothing, 1.0, mu)
    whole = 1.0 / one if np.isinf(t) else np.where(nothing, t, -np.expm1(-one * t) / one)
    return np.asarray(whole)


def discounted_regular(model: RegularModel, who: History, discount: Discount) -> Array:
    """Discounted purchases of each customer; who has left counts as nothing.

    Good to eight digits and more.
    """
    paid = worth_of_intensity(discount)
    least = max(discount.force, 1 / discount.horizon)
    pairs, inverse = np.unique(np.stack([who.x, who.T]), axis=1, return_inverse=True)
    order = np.argsort(pairs[0], kind="stable")  # alike ones need alike nodes
    each = np.empty((model.k, len(order)))
    begin = 0
    while begin < len(order):
        rows = order[begin : begin + max(1, _CHUNK // 16_384)]
        each[:, rows] = _mean(model, pairs[0][rows], pairs[1][rows], paid, least)
        begin += len(rows)
    return np.asarray((model.shares(who) * each[:, inverse.ravel()]).sum(axis=0))


def _mean(model: RegularModel, x: Array, T: Array, paid: Callable[[Complex], Complex], least: float) -> Array:
    """By events since the last purchase: 0 .. k - 1, one row each."""
    (r, alpha, a, b), k = model.values, model.k
    j = np.arange(k)[:, None, None]
    y, step = _log_rates(r + k * x, least * (alpha + T), k)
    shape = (r + k * x)[:, None] + j
    rate = np.exp(y) / (alpha + T)[:, None]
    density = np.exp(shape * y - np.exp(y) - gammaln(shape)) * step[:, None] * rate / k  # (k, rows, rates)
    p, mass = beta_nodes(a, b + x + model.SHIFT)
    stay = np.log1p(-np.minimum(p, 1 - _FOR_CERTAIN)) / k  # ln rho
    kept = mass * np.exp((j + 1 - k) * stay)  # (k, rows, chances)
    found = np.zeros((k, len(x)))
    for turn in range(k // 2 + 1):
        angle = 2j * np.pi * turn / k
        # 1 - rho w^l, which is small only where l = 0
        away = -np.expm1(stay + angle) if turn else -np.expm1(stay) + 0j
        worth = paid(rate[:, :, None] * away[:, None, :])
        both = 1.0 if turn in (0, k / 2) else 2.0  # l and k - l are conjugate
        sums = np.einsum("jil,ilp,jip->ji", density, worth, kept, optimize=True)
        found += both * (sums * np.exp(angle * (j[:, :, 0] + 1))).real
    return found


def _log_rates(shape: Array, least: Array, k: int) -> tuple[Array, Array]:
    """Nodes of ln(lambda (alpha + T)), one row per customer, and their steps; trapezoids, tail to tail."""
    most = shape + k - 1
    c, d = _TAIL / shape, _TAIL / most
    # Where hardly anything comes before the end of the horizon, or of patience, it falls with the rate.
    low = np.maximum(np.log(shape) - c - np.sqrt(2 * c), np.log(least) - _TAIL / (shape + 1))
    low = np.minimum(low, np.log(shape) - np.sqrt(2 * d))
    high = np.log(most) + np.minimum(np.sqrt(2 * d), 1 + np.log1p(2 * d))
    step = np.minimum(_STEP, 0.5 / np.sqrt(most))
    count = int(np.ceil((high - low) / step).max()) + 1
    return low[:, None] + (high - low)[:, None] * np.linspace(0, 1, count), (high - low) / (count - 1)
