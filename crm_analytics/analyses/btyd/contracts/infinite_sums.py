"""Sums over all renewals to come: the first ones as they are, the rest as an integral."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ONE_BY_ONE = 400  # renewals summed as they are
_TAIL = 45.0  # exp(-45) of the integrand is cut off
_LONGEST = 300.0  # e-foldings of time that are looked at
_PANEL = 0.5  # of ln j, for each of which Gauss' rule is used
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def endless_sum(paid: Callable[[Array], Array], force: float, fall: float, bend: float) -> float:
    """Sum over j = 1, 2, ... of a smooth, falling `paid(j)`.

    From renewal 400 on it is an integral over ln j and f' / 24 (Euler and Maclaurin, from midpoints): one
    by one it could take millions.

    Parameters
    ----------
    paid : what is expected of renewal j; falls at least like exp(-force j)
    force : >= 0
    fall : paid(j) j falls like j^-fall for large j; > 0 where force is 0
    bend : the j from which on that power holds

    Examples
    --------
    >>> round(endless_sum(lambda j: 1 / j**2, 0.0, 1.0, 1.0) * 6 / np.pi**2, 12)
    1.0
    """
    whole = float(paid(np.arange(1.0, _ONE_BY_ONE + 1)).sum())
    begin = _ONE_BY_ONE + 0.5
    by_force = np.log1p(_TAIL / (force * begin)) if force > 0 else np.inf
    by_power = max(np.log(bend / begin), 0.0) + _TAIL / fall if fall > 0 else np.inf
    reach = float(min(by_force, by_power, _LONGEST))
    edges = np.linspace(0.0, reach, int(np.ceil(reach / _PANEL)) + 1)
    half = (edges[1] - edges[0]) / 2
    y = ((edges[:-1] + half)[:, None] + half * _NODES).ravel()
    j = begin * np.exp(y)
    rest = float(paid(j) * j @ np.tile(_WEIGHTS, len(edges) - 1)) * half
    if force == 0:
        end = begin * np.exp(reach)
        rest += float(paid(np.array([end]))[0]) * end / fall
    turn = paid(np.array([_ONE_BY_ONE, _ONE_BY_ONE + 1.0]))
    return float(whole + rest + (turn[1] - turn[0]) / 24)
