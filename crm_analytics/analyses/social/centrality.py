"""Influence in a graph of who answers whom: Katz and Hubbell, by one sparse linear system.

Hubbell: h = (I - b A)^-1 1, everybody's own voice and that of those who answer them, weighted. Katz: the same
less the own voice. b = damping / (largest row sum), so that b lies below the bound of Hubbell's and Katz's
condition for every damping below 1. Sources: C. H. Hubbell (1965), *Sociometry* 28, 377-399; L. Katz (1953),
*Psychometrika* 18, 39-43. The number of answers alone (out-degree) is the baseline to beat: C. Kiss &
M. Bichler (2008), *Decision Support Systems* 46, 233-253.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crm_analytics.errors import ParameterError

Array = NDArray[np.float64]
DAMPING = 0.5
ACCURACY = 1e-12


def hubbell(edges: sparse.sparray, damping: float = DAMPING) -> Array:
    """Hubbell's index of each node.

    Parameters
    ----------
    edges : square; [i, j] is how strongly j answers i, 0 or more
    damping : 0 to below 1: how much of a voice is carried on by those who answer it

    Returns
    -------
    1 or more for each node. The system is solved by its own series: each step shrinks the error by the
    damping, so the cost is linear in the edges.

    Raises
    ------
    ParameterError : the damping lies outside.

    Examples
    --------
    >>> chain = sparse.csr_array(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]))
    >>> hubbell(chain, damping=0.5).tolist()
    [1.75, 1.5, 1.0]
    """
    if not 0 <= damping < 1:
        raise ParameterError(f"damping = {damping!r}: 0 to below 1")
    matrix = sparse.csr_array(edges, dtype=float)
    n = matrix.shape[0]
    total = np.ones(n)
    bound = float(matrix.sum(axis=1).max()) if n and matrix.nnz else 0.0
    if not bound or not damping:
        return total
    matrix = matrix * (damping / bound)
    step = total.copy()
    while step.max() > ACCURACY:
        step = matrix @ step
        total = total + step
    return total


def katz(edges: sparse.sparray, damping: float = DAMPING) -> Array:
    """Katz's status of each node: Hubbell's index without the own voice.

    >>> katz(sparse.csr_array(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]))).tolist()
    [0.75, 0.5, 0.0]
    """
    return np.asarray(hubbell(edges, damping) - 1.0)


def out_degree(edges: sparse.sparray) -> Array:
    """Answers that each node got, all weights added."""
    return np.asarray(sparse.csr_array(edges, dtype=float).sum(axis=1)).ravel()
