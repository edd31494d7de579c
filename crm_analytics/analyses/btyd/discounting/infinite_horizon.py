"""Discounting without an end: the integrals and sums that purchases of an infinite horizon need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.discounting.discounting import EARLY, TIMINGS, Discount, annual_rate
from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR, days_per_unit
from crm_analytics.errors import ParameterError, nearest

Array = NDArray[np.float64]
_STEP = 0.125  # of the rule for e^z E_n(z)
_TAIL = 45.0  # exp(-45) of the integrand is cut off
_CHUNK = 1 << 20  # numbers at a time
_LOG_STEP = 0.25  # of ln t, where DERT is a sum over times
_ONE_BY_ONE = 400  # periods summed as they are, before the sum becomes an integral


def scaled_exponential_integral(n: ArrayLike, z: ArrayLike) -> Array:
    """e^z E_n(z) = integral over u from 0 of exp(-z u) (1 + u)^-n, for n > 0 and z > 0.

    Every part of the integral is positive: no cancellation, no case for whole n. By the double-exponential
    rule, u = exp(v - exp(-v)) / (n + z).

    Examples
    --------
    e E_1(1), Abramowitz & Stegun, table 5.1:

    >>> round(float(scaled_exponential_integral(1.0, 1.0)), 9)
    0.596347362
    """
    orders, points = np.broadcast_arrays(np.asarray(n, float), np.asarray(z, float))
    flat_n, flat_z = orders.ravel(), points.ravel()
    found = np.empty(flat_n.size)
    # Small z have long tails: equal ones share a grid.
    reach = np.log(_TAIL * (flat_n + flat_z) / flat_z)
    order = np.argsort(reach, kind="stable")
    rows = _CHUNK // 128
    for begin in range(0, len(order), rows):
        part = order[begin : begin + rows]
        v = np.arange(-3.75, reach[part].max() + _STEP, _STEP)
        w = np.exp(v - np.exp(-v))
        scale = (flat_n + flat_z)[part, None]
        u = w / scale
        each = np.exp(-flat_z[part, None] * u - flat_n[part, None] * np.log1p(u)) * u
        found[part] = each @ (1.0 + np.exp(-v)) * _STEP
    return found.reshape(orders.shape)


def times_and_weights(force: float) -> tuple[Array, Array]:
    """Times and weights of F whose sum is the integral of exp(-force t) dF(t): trapezoids in ln t."""
    t = np.exp(np.arange(-40.0, 3.9, _LOG_STEP))
    weights = t * np.exp(-t) * _LOG_STEP
    return t / force, weights


def endless(rate: float, timing: str, period: str, unit: str | None) -> Discount:
    """The discount of an infinite horizon, for `discounted_while_alive`.

    Paid by periods of length h with d = exp(-force h), the sum is d^-s (1 - d) times the sum over j of
    d^j F(j h), s = 1, 1/2, 0 for start, mid, end. Its first terms are taken one by one, the rest by
    Euler's and Maclaurin's formula.
    """
    force = _force(rate, unit)
    if timing not in TIMINGS:
        raise ParameterError(f"timing: expected one of {', '.join(TIMINGS)}{nearest(str(timing), TIMINGS)}")
    h = days_per_unit(period) / days_per_unit(unit)
    if timing == "continuous":
        times, weights = times_and_weights(force)
        return Discount(times, weights, h, float("inf"), force, timing)
    first = np.arange(1, _ONE_BY_ONE + 2) * h
    each = np.exp(-force * first)
    # the last two are g(N h) / 2 - (g((N+1) h) - g((N-1) h)) / 24
    each[-3] *= 1 + 1 / 24
    each[-2] *= 1 / 2
    each[-1] *= -1 / 24
    rest = first[-2] + np.exp(np.arange(-40.0, 3.9, _LOG_STEP)) / force
    tail = np.exp(-force * rest) * (rest - first[-2]) * _LOG_STEP / h
    factor = -np.expm1(-force * h) * np.exp(force * h * EARLY[timing])
    return Discount(np.append(first, rest), factor * np.append(each, tail), h, float("inf"), force, timing)


def _force(rate: float, unit: str | None) -> float:
    one = days_per_unit(unit)
    return float(np.log1p(annual_rate(rate, endless=True))) * one / DAYS_PER_YEAR
