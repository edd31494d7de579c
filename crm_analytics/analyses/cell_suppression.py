"""Counts of several tables at once, in which no hidden number can be computed back.

`suppress` hides every count below `k`, and then further counts, until an attacker who knows all that is
published cannot say of any hidden count where it lies to within less than `k`. The attacker is a linear
programme: for each hidden number, its least and its largest value under everything that is published.

A page is published again and again, and two pages can be taken from each other. So a later publication gets
the one before (`before`) and obeys two rules:

- a number that was hidden stays hidden;
- a number that was shown is shown anew only where at least `k` people came or left. Until then it stays as it
  was published, so that no difference of two pages is about a few.

Source: the attack is that of Fischetti and Salazar (2001), Management Science 47(7) 1008-1027, equations 1
and 2, solved by HiGHS through `scipy.optimize.linprog`; which further counts are hidden is chosen greedily,
the smallest first, so that more may be hidden than would be needed at the least.

Misleads: the attacker is taken to know nothing but what is published. Somebody who knows half of the people
in a hidden cell by name knows more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse

from crm_analytics.errors import ParameterError, check_name

ALL = "*"  # stands for an attribute that a number sums over
SLACK = 1e-6  # of the linear programme
LARGEST_K, FAR = 5_000, 1_000
STATES = FRESH, KEPT, HIDDEN = "fresh", "kept", "hidden"


def suppress(
    cells: pd.DataFrame,
    tables: Sequence[tuple[str, ...]],
    *,
    count: str = "people",
    k: int = 10,
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Publish several tables of the same cells, with what must be hidden left out.

    Parameters
    ----------
    cells : one row per cell: attributes (text) and a count, 0 or more
    tables : the attributes of each table that is published; ``()`` is the grand total
    count : the column that counts people
    k : no hidden number can be narrowed to a range below this; 2 to 5,000
    before : what this gave for the publication before

    Returns
    -------
    one row per number: every attribute of `tables` (``"*"`` where it is summed over), value (NaN where
    hidden), state ("fresh"; "kept": as published before; "hidden")

    Raises
    ------
    ParameterError : `k` is out of range, a column is missing, or a count is negative or no whole number.

    Examples
    --------
    >>> cells = pd.DataFrame({"region": ["north", "north", "south", "south"],
    ...     "age": ["young", "old", "young", "old"], "people": [3, 40, 30, 50]})
    >>> found = suppress(cells, [("region", "age"), ("region",), ("age",), ()], k=5)
    >>> found["state"].eq("hidden").sum(), found.iloc[-1].to_dict()
    (np.int64(4), {'region': '*', 'age': '*', 'value': 123.0, 'state': 'fresh'})

    Three young people in the north are too few. Hiding them alone would leave them as total minus rest.
    """
    names = _checked(cells, tables, count, k)
    numbers, atoms = _numbers(cells, tables, names)
    true = atoms @ cells[count].to_numpy(float)
    state, shown = _first_states(numbers, true, names, k, before)
    sums, is_new = _Sums(atoms, numbers, true), np.isnan(shown)
    while True:
        hidden = state == HIDDEN
        published = np.where(state == KEPT, shown, true)
        low, high = ranges(atoms, published, hidden, slack=np.where(state == KEPT, k - 1.0, 0.0))
        narrow = hidden & (high - low < k - SLACK)
        if not narrow.any():
            break
        sums.take(state, narrow, is_new)
    value = np.where(hidden, np.nan, published)
    return numbers.assign(value=value, state=state)


def ranges(
    atoms: sparse.csr_array,
    published: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    slack: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the largest value of each hidden number, under all that is published.

    Parameters
    ----------
    atoms : numbers x cells, 0 or 1
    published : value of each number; those of hidden ones are not looked at
    slack : where the published numbers cannot all be true at once (some are older than others), each may be
        off by so much

    Returns
    -------
    low, high : one entry per number; 0 and infinity for those that are shown, which nobody needs to compute
    """
    count = atoms.shape[0]
    low, high = np.zeros(count), np.full(count, np.inf)
    if not hidden.any():
        return low, high
    known = atoms[~hidden]
    at_most = 10 * float(np.nansum(np.abs(published)) + FAR)  # a bound where nothing published bounds it
    for off in (np.zeros(count), slack):
        if off is None:
            break
        found = _both_ends(atoms[hidden], known, published[~hidden], off[~hidden], at_most)
        if found is not None:
            low[hidden], high[hidden] = found
            return low, high
    return low, high  # what is published contradicts itself: it narrows nothing


def _both_ends(
    wanted: sparse.csr_array,
    known: sparse.csr_array,
    values: NDArray[np.float64],
    off: NDArray[np.float64],
    at_most: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """All programmes as one: a block for the least and one for the largest value of each number."""
    count, cells = wanted.shape
    aims = np.concatenate([wanted.toarray(), -wanted.toarray()])
    blocks = sparse.kron(sparse.eye_array(2 * count), known, format="csr")
    low, high = np.tile(values - off, 2 * count), np.tile(values + off, 2 * count)
    if off.any():
        bounds = {"A_ub": sparse.vstack([blocks, -blocks]), "b_ub": np.concatenate([high, -low])}
    else:
        bounds = {"A_eq": blocks, "b_eq": low} if known.shape[0] else {}
    found = optimize.linprog(aims.ravel(), bounds=(0, at_most), method="highs", **bounds)
    if found.x is None:
        return None
    ends = (aims * found.x.reshape(2 * count, cells)).sum(axis=1)
    return ends[:count], -ends[count:]


def _checked(cells: pd.DataFrame, tables: Sequence[tuple[str, ...]], count: str, k: int) -> list[str]:
    if not 2 <= k <= LARGEST_K:
        raise ParameterError(f"k must be 2 or more and at most {LARGEST_K:,}, got {k}")
    names = list(dict.fromkeys(name for table in tables for name in table))
    for name in (*names, count):
        check_name("the cells have no column", name, cells.columns)
    if not tables:
        raise ParameterError("the cells have no column to publish")
    people = cells[count].to_numpy(float)
    if not np.isfinite(people).all() or (people < 0).any() or (people % 1 != 0).any():
        raise ParameterError("counts of people must be whole numbers, 0 or more")
    return names


def _numbers(
    cells: pd.DataFrame, tables: Sequence[tuple[str, ...]], names: list[str]
) -> tuple[pd.DataFrame, sparse.csr_array]:
    """Every published number, and which cells it sums."""
    keys: list[tuple[object, ...]] = []
    rows: list[int] = []
    columns: list[int] = []
    for table in tables:
        rest = [name for name in names if name not in table]
        keyed = cells[names].astype("object").assign(**dict.fromkeys(rest, ALL))
        seen: dict[tuple[object, ...], int] = {}
        for place, key in enumerate(keyed.itertuples(index=False, name=None)):
            rows.append(seen.setdefault(key, len(keys) + len(seen)))
            columns.append(place)
        keys += list(seen)
    shape = (len(keys), len(cells))
    atoms = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    return pd.DataFrame(keys, columns=names, dtype="object"), atoms


def _first_states(
    numbers: pd.DataFrame, true: NDArray[np.float64], names: list[str], k: int, before: pd.DataFrame | None
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """What each number is at first sight, and what was shown of it before (NaN: nothing)."""
    few = (true > 0) & (true < k)
    state = np.where(few, HIDDEN, FRESH).astype(object)
    if before is None or before.empty:
        return state, np.full(len(true), np.nan)
    old = numbers.merge(before[[*names, "value", "state"]], on=names, how="left")
    was, shown = old["state"].to_numpy(object), old["value"].to_numpy(float)
    seen = ~np.isnan(shown)
    moved = np.abs(true - np.nan_to_num(shown)) >= k
    state[seen] = np.where(moved & ~few, FRESH, KEPT)[seen]
    state[was == HIDDEN] = HIDDEN
    return state, shown


class _Sums:
    """Which number is part of which, and which stand beside each other in one table."""

    def __init__(self, atoms: sparse.csr_array, numbers: pd.DataFrame, true: NDArray[np.float64]) -> None:
        both = (atoms @ atoms.T).toarray()
        size = both.diagonal()
        self.size = size
        self.inside = (both == size[:, None]) & (size[:, None] < size[None, :])  # [a, b]: a is part of b
        self.twins = (both == size[:, None]) & (size[:, None] == size[None, :])
        self.apart = both == 0
        summed = numbers.to_numpy(object) == ALL
        self.same_table = (summed[:, None, :] == summed[None, :, :]).all(axis=2)
        self.touching = (both @ both) > 0
        self.true = true

    def choices(self, place: int, state: NDArray[np.object_]) -> Iterator[NDArray[np.bool_]]:
        """What may be taken away so that a hidden number grows wide, the best choice first.

        Its twin; what stands beside it under the smallest total that is shown; its own parts; whatever
        touches it; anything.
        """
        fresh = state == FRESH
        yield self.twins[place] & (state != HIDDEN)
        totals = np.flatnonzero(self.inside[place] & (state != HIDDEN))
        for total in totals[np.argsort(self.size[totals], kind="stable")]:
            beside = fresh & self.apart[place] & self.inside[:, total] & self.same_table[place]
            yield beside & (self.true > 0)
            yield beside
        yield fresh & self.inside[:, place]
        yield fresh & self.touching[place]
        yield fresh
        yield state == KEPT

    def take(self, state: NDArray[np.object_], narrow: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> None:
        """Take more numbers away where hidden ones are too narrow: hide them, or leave them as before.

        What was taken in this round may be enough for those it touches, so that they wait for the next.
        """
        waits = np.zeros(len(state), bool)
        for place in np.flatnonzero(narrow):
            if waits[place]:
                continue
            for among in self.choices(int(place), state):
                if among.any():
                    chosen = np.flatnonzero(among)[np.argmin(self.true[among])]
                    state[chosen] = KEPT if state[chosen] == FRESH and not is_new[chosen] else HIDDEN
                    waits |= self.touching[chosen]
                    break
