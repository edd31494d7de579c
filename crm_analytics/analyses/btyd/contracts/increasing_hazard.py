"""The logarithm of a ratio of gamma functions that contracts with whole and broken exponents need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
_SHIFT = 16  # from where on Stirling's series with five terms is exact to the last digit
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def _beyond(z: Array) -> Array:
    """What Stirling's series adds to (z - 1/2) ln z - z + ln(2 pi) / 2."""
    square = 1 / (z * z)
    found = np.zeros_like(z)
    for term in reversed(_STIRLING):
        found = found * square + term
    return found / z


def log_rising(z: ArrayLike, s: ArrayLike) -> Array:
    """Ln Gamma(z + s) - ln Gamma(z) for z > 0, s >= 0, without subtracting the two.

    Examples
    --------
    >>> round(float(log_rising(3.0, 2.0)), 12) == round(float(np.log(3 * 4)), 12)
    True
    """
    start, step = np.asarray(z, float), np.asarray(s, float)
    far = start + _SHIFT
    found = (far - 0.5) * np.log1p(step / far) + step * np.log(far + step) - step
    found = found + _beyond(far + step) - _beyond(far)
    for j in range(_SHIFT):
        found = found - np.log1p(step / (start + j))
    return np.asarray(found)


def log_ratio(z: ArrayLike, g: ArrayLike, u: ArrayLike) -> Array:
    """Ln B(g, z) - ln B(g, z + u) = ln [Gamma(z+g+u) Gamma(z) / (Gamma(z+g) Gamma(z+u))] >= 0.

    It is the same with g and u exchanged; by the smaller of the two little cancels.

    Examples
    --------
    The chance to stay at one renewal is z / (z + g):

    >>> round(float(np.exp(-log_ratio(1.5, 0.5, 1.0))), 12)
    0.75
    """
    step, wide = np.minimum(g, u), np.maximum(g, u)
    return np.asarray(np.maximum(log_rising(np.add(z, wide), step) - log_rising(z, step), 0.0))
