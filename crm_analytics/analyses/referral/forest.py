"""A forest of referrals as numbers: circles, depth, and how many stand below each. Linear in the edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.tables.object_cards import ObjectCard

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forest(ObjectCard):
    """Who brought whom.

    Attributes
    ----------
    frame : code, referrer_code (-1: nobody), depth (0: at the top), direct (brought themselves), downstream
        (all below them)
    """

    frame: pd.DataFrame

    @property
    def referred(self) -> int:
        """Customers who were brought by somebody; each is counted once."""
        return int((self.frame["referrer_code"] >= 0).sum())

    @property
    def depths(self) -> pd.DataFrame:
        """Depth (1: brought by a customer whom nobody brought), customers."""
        below = self.frame.loc[self.frame["depth"] > 0, "depth"].value_counts().sort_index()
        return pd.DataFrame({"depth": below.index.astype(int), "customers": below.to_numpy(int)})


def circles(parent: Codes) -> Codes:
    """Codes that lie on a circle: they come back to themselves.

    Parameters
    ----------
    parent : of each code, -1 for none

    Examples
    --------
    >>> circles(np.array([-1, 0, 3, 4, 2, 2])).tolist()
    [2, 3, 4]
    """
    n = len(parent)
    jump = np.append(np.where(parent < 0, n, parent), n)  # a last place for "above the top"
    steps = 1
    while steps <= n:  # after as many steps as there are codes, only circles are left
        jump = jump[jump]
        steps *= 2
    left: Codes = np.unique(jump[:-1])
    return left[left < n]


def grown(parent: Codes) -> Forest:
    """Depth and what stands below, of a forest without circles.

    Examples
    --------
    >>> grown(np.array([-1, 0, 1, 0])).frame[["depth", "direct", "downstream"]].values.tolist()
    [[0, 2, 3], [1, 1, 1], [2, 0, 0], [1, 0, 0]]
    """
    n = len(parent)
    depth = _depth(parent)
    has = parent >= 0
    direct = np.bincount(parent[has], minlength=n) if n else np.zeros(0, np.int64)
    below = np.zeros(n, np.int64)
    order = np.argsort(-depth, kind="stable")
    order = order[depth[order] > 0]
    edges = np.flatnonzero(np.diff(depth[order])) + 1
    for level in np.split(order, edges):  # the deepest first
        np.add.at(below, parent[level], below[level] + 1)
    frame = {"code": np.arange(n), "referrer_code": parent, "depth": depth, "direct": direct}
    return Forest(pd.DataFrame({**frame, "downstream": below}).astype("int64"))


def _depth(parent: Codes) -> Codes:
    n = len(parent)
    jump = np.append(np.where(parent < 0, n, parent), n)
    depth = np.append((parent >= 0).astype(np.int64), 0)
    while (jump[:-1] < n).any():
        depth = depth + depth[jump]
        jump = jump[jump]
    return depth[:-1]
