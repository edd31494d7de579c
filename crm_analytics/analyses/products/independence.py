"""How often two products would meet in an order if neither drew the other.

Conditional on how many products each order holds and on how often each product is in orders, by strata:
within a stratum the expected number of orders with both is ``w_a w_b``, with weights such that each product
meets as many others as it did (quasi-independence with an empty diagonal: Goodman 1968, JASA 63, 1091-1131).
Large orders hold more of everything, and a simple product of shares would call that an affinity.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, special, stats

Array = NDArray[np.float64]
_ROUNDS = 200
_TOLERANCE = 1e-9


def weights(margins: pd.DataFrame, items: int) -> sparse.csr_array:
    """Weights by item (rows) and stratum (columns).

    Parameters
    ----------
    margins : item (0..items-1), stratum (any), meetings: over the orders with the item, the number of other
        items in them
    """
    stratum, names = pd.factorize(margins["stratum"], sort=True)
    item, met = margins["item"].to_numpy(np.intp), margins["meetings"].to_numpy(float)
    total = np.bincount(stratum, met, len(names))
    found = met / np.sqrt(np.maximum(total, 1e-300))[stratum]
    for _ in range(_ROUNDS):
        rest = np.bincount(stratum, found, len(names))[stratum] - found
        step = np.divide(met, rest, out=np.zeros_like(met), where=rest > 1e-12)
        moved = np.sqrt(found * step)  # the mean of both, so that two steps do not swing
        if np.abs(moved - found).max(initial=0.0) <= _TOLERANCE * max(found.max(initial=1.0), 1.0):
            found = moved
            break
        found = moved
    return sparse.csr_array((found, (item, stratum)), shape=(items, max(len(names), 1)))


def expected(
    weight: sparse.csr_array, a: NDArray[np.intp], b: NDArray[np.intp], step: int = 200_000
) -> Array:
    """Expected orders with both, for each pair of items."""
    parts = [
        np.asarray((weight[a[i : i + step]] * weight[b[i : i + step]]).sum(axis=1)).ravel()
        for i in range(0, len(a), step)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def p_of(met: Array, due: Array, of: Array, repeats: Array | float = 1.0) -> Array:
    """Chance of so many meetings, or more, were the two independent.

    Each order with the rarer product holds the other by a chance of its own; the tail of such a sum is at
    most that of a binomial with the same mean (Hoeffding 1956, Ann. Math. Statist. 27, 713-721).

    Parameters
    ----------
    met, due : orders with both, as counted and as expected
    of : orders with the rarer product
    repeats : orders with both per customer who had both: so many meetings are one person's habit, and counts
        are divided by it
    """
    n, most, p = _binomial(met, due, of, repeats)
    return np.asarray(special.betainc(np.maximum(n, 1e-12), np.maximum(most - n, 0) + 1, p))


def interval(
    met: Array, due: Array, of: Array, repeats: Array | float = 1.0, level: float = 0.95
) -> tuple[Array, Array]:
    """Interval of ``met / due`` (Clopper & Pearson 1934, for the share of `of`)."""
    n, most, p = _binomial(met, due, of, repeats)
    tail, rest = (1 - level) / 2, np.maximum(most - n, 0)
    lower = stats.beta.ppf(tail, np.maximum(n, 1e-12), rest + 1)
    upper = np.where(rest > 0, stats.beta.ppf(1 - tail, n + 1, np.maximum(rest, 1e-12)), 1.0)
    return lower / p, upper / p


def _binomial(met: Array, due: Array, of: Array, repeats: Array | float) -> tuple[Array, Array, Array]:
    n, most = np.asarray(met, float) / repeats, np.asarray(of, float) / repeats
    return n, most, np.clip(np.asarray(due, float) / np.asarray(of, float), 1e-300, 1.0)
