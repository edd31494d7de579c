"""A ratio of two totals over customers: its interval and its test, from sums of squares and products."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.intervals import Z95

Array = NDArray[np.float64]
SUMS = ("top", "bottom", "tt", "tb", "bb")


def fieller(sums: pd.DataFrame, z: float = Z95) -> tuple[Array, Array]:
    """Interval of top / bottom (Fieller 1954, JRSS B 16, 175-185): the r that the score test keeps.

    Parameters
    ----------
    sums : top, bottom (totals over customers), tt, tb, bb (sums of their squares and products)

    Returns
    -------
    lower (0 or more) and upper; infinite where the bottom is not distinguished from 0
    """
    top, bottom, tt, tb, bb = (sums[c].to_numpy(float) for c in SUMS)
    a, b, c = bottom**2 - z**2 * bb, top * bottom - z**2 * tb, top**2 - z**2 * tt
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    known = a > 0
    lower = np.where(known, (b - root) / np.where(known, a, 1.0), c / np.maximum(b + root, 1e-300))
    upper = np.where(known, (b + root) / np.where(known, a, 1.0), np.inf)
    return np.maximum(np.where(known | (b + root > 0), lower, 0.0), 0.0), upper


def p_of(sums: pd.DataFrame, ratio: Array | float, *, pooled: bool = False) -> Array:
    """Two-sided, of top = ratio * bottom; customers are the draw.

    Parameters
    ----------
    pooled : take the larger of a row's own scatter and that of all rows for its size: where events are few
        and come in lumps, rows that happened to have none seem to scatter little
    """
    top, bottom = sums["top"].to_numpy(float), sums["bottom"].to_numpy(float)
    spread = scatter(sums, ratio, pooled=pooled)
    return np.asarray(2 * stats.norm.sf(np.abs(top - np.asarray(ratio, float) * bottom) / np.sqrt(spread)))


def scatter(sums: pd.DataFrame, ratio: Array | float, *, pooled: bool = False) -> Array:
    """Sum over customers of the squares of top - ratio * bottom."""
    r = np.asarray(ratio, float)
    bottom, tt, tb, bb = (sums[c].to_numpy(float) for c in SUMS[1:])
    own = np.maximum(tt - 2 * r * tb + r**2 * bb, 1e-300)
    if not pooled or not len(sums):
        return own
    return np.maximum(own, own.sum() / bottom.sum() * bottom)


def log_error(sums: pd.DataFrame) -> Array:
    """Standard error of the logarithm of the ratio; NaN or infinite without a top."""
    top, bottom, tt, tb, bb = (sums[c].to_numpy(float) for c in SUMS)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = top / bottom
        return np.asarray(np.sqrt(np.maximum(tt - 2 * r * tb + r**2 * bb, 0.0)) / top)
