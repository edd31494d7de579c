"""Pairs into people: joined records are one person, unless somebody said that two of them are not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LARGEST = 50  # records of one person beyond which somebody must look: a chain of chance pairs grows so


def clusters(records: pd.Index, edges: pd.DataFrame, apart: pd.DataFrame) -> pd.Series:
    """A label for each record; records of one person share it.

    Where a chain of pairs would join two records that are apart, the chain is cut at its weakest pairs:
    pairs are taken from the strongest on, and one that would join such two is left out. So the result is
    the same in whatever order pairs and records came.

    Parameters
    ----------
    records : ids
    edges : record_l, record_r, strength (larger is surer)
    apart : record_l, record_r of two people

    Returns
    -------
    Series on `records`, of whole numbers

    >>> pairs = pd.DataFrame({"record_l": ["a", "b"], "record_r": ["b", "c"], "strength": [9.0, 5.0]})
    >>> apart = pd.DataFrame({"record_l": ["a"], "record_r": ["c"]})
    >>> clusters(pd.Index(["a", "b", "c"]), pairs, apart).tolist()
    [0, 0, 2]
    """
    left, right, there = _places(records, edges)
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(records),) * 2)
    _, labels = connected_components(graph, directed=False)
    labels = _first_of(labels)
    one, other, _ = _places(records, apart)
    torn = np.unique(labels[one][labels[one] == labels[other]])
    if len(torn):
        strength = edges["strength"].to_numpy()[there]
        for label in torn:
            inside = labels[left] == label
            between = (labels[one] == label) & (labels[other] == label)
            members = np.flatnonzero(labels == label)
            found = _cut(members, left[inside], right[inside], strength[inside],
                         zip(one[between], other[between], strict=True))  # fmt: skip
            labels[members] = found
    return pd.Series(labels, index=records)


def among(values: pd.Series | pd.Index, wanted: Iterable[str]) -> np.ndarray:
    """Which values are among some; `Series.isin` of texts takes a hundred times as long for many of them.

    >>> among(pd.Series(["a", "b"]), {"b"}).tolist()
    [False, True]
    """
    known = pa.array(wanted if isinstance(wanted, (pd.Series, pd.Index)) else [*wanted], pa.string())
    found: np.ndarray = pc.is_in(pa.array(values, pa.string()), known).to_numpy(zero_copy_only=False)
    return found


def _places(records: pd.Index, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the records of pairs stand; of pairs whose records are both there, which the last tells."""
    left, right = (records.get_indexer(pd.Index(pairs[one])) for one in ("record_l", "record_r"))
    there = (left >= 0) & (right >= 0)
    return left[there], right[there], there


def _first_of(labels: np.ndarray) -> np.ndarray:
    """Each label as the place of its first record: the same whatever numbers the library gave."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])


def _cut(
    members: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    strength: np.ndarray,
    apart: Iterable[tuple[int, int]],
) -> np.ndarray:
    """Kruskal's joining of one torn group, which keeps those apart who are."""
    owner = {int(m): int(m) for m in members}
    group = {int(m): {int(m)} for m in members}
    enemies: dict[int, set[int]] = {int(m): set() for m in members}
    for one, other in apart:
        enemies[int(one)].add(int(other))
        enemies[int(other)].add(int(one))
    for n in np.lexsort((right, left, -strength)):
        one, other = owner[int(left[n])], owner[int(right[n])]
        if one == other or any(enemies[m] & group[other] for m in group[one]):
            continue
        keep, gone = min(one, other), max(one, other)
        group[keep] |= group.pop(gone)
        for m in group[keep]:
            owner[m] = keep
    return np.array([min(group[owner[int(m)]]) for m in members])
