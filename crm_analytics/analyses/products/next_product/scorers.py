"""Ways to score the items of each customer: the popular, their own, what is due again, and what goes with it.

Each takes histories and gives a sparse matrix, customers by items; items without a score stay out of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crm_analytics.analyses.products.next_product.histories import Histories

Array = NDArray[np.float64]
Scorer = Callable[[Histories, int], csr_array]
RECENT = 91  # days whose purchases make an item popular
LONG = 200  # popular items kept: more than any list holds
NEIGHBOURS = 50  # items most like an item
GAPS = 30  # between two purchases of an item, before its cycle is believed
TOGETHER = 3  # customers with both items, below which they are not alike
SHRINK = 10.0  # customers by which a similarity of few is drawn to nothing
AGES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)  # bounds of days since the last purchase, over the cycle
TIMES = (1, 2, 3, 5, 8)  # least numbers of purchases


def popularity(histories: Histories) -> Array:
    """Customer-days with each item in the last `RECENT` days of the data."""
    recent = histories.when > histories.last - RECENT
    return np.bincount(histories.what[recent], minlength=len(histories.items)).astype(float)


def popular(histories: Histories, horizon: int) -> csr_array:
    """The same items for everybody: those bought most lately."""
    found = popularity(histories)
    best = np.argsort(-found, kind="stable")[:LONG]
    best = np.sort(best[found[best] > 0])
    n = len(histories.customers)
    data = np.tile(found[best], n)
    starts = np.arange(n + 1) * len(best)
    return csr_array((data, np.tile(best, n), starts), shape=(n, len(found)))


def personal(histories: Histories, horizon: int) -> csr_array:
    """What each customer bought on most days; of equals, what most customers bought."""
    counts = histories.counts()
    fame = np.bincount(histories.what, minlength=len(histories.items)) + 0.0
    counts.data = counts.data + 0.5 * fame[counts.indices] / max(float(fame.max()) + 1, 1.0)
    return counts


def buy_again(histories: Histories, horizon: int) -> csr_array:
    """The measured share that bought again within the horizon, by times bought and by how due the item is.

    How due: days since the last purchase over the cycle, the customer's own mean gap from three purchases of
    the item on, else the item's median gap (of `GAPS` or more), else the median of all. Shares are counted a
    horizon before the end and then used at the end.
    """
    past = histories.before(histories.last - horizon)
    if not len(past.who):
        return personal(histories, horizon)
    cells, rate = _cells(past, _cycles(past)), np.zeros((len(TIMES), len(AGES) + 1))
    later = histories.chosen(histories.when > histories.last - horizon).counts()
    bought = np.asarray(later[cells["who"], cells["what"]]).ravel() > 0
    seen, again = np.zeros_like(rate), np.zeros_like(rate)
    np.add.at(seen, (cells["times"], cells["age"]), 1.0)
    np.add.at(again, (cells["times"], cells["age"]), bought)
    mean = (again.sum() + 1e-6) / max(seen.sum(), 1)
    rate = (again + SHRINK * mean) / (seen + SHRINK)
    now = _cells(histories, _cycles(histories))
    shape = (len(histories.customers), len(histories.items))
    score = rate[now["times"], now["age"]] + 1e-6 * now["times"]
    return csr_array((score, (now["who"], now["what"])), shape=shape)


def _cycles(histories: Histories) -> Array:
    """Median days between two purchases of an item by one customer; the median of all where too few."""
    order = np.lexsort((histories.when, histories.what, histories.who))
    who, what, when = histories.who[order], histories.what[order], histories.when[order]
    same = (who[1:] == who[:-1]) & (what[1:] == what[:-1])
    gaps, item = (when[1:] - when[:-1])[same].astype(float), what[1:][same]
    every = float(np.median(gaps)) if len(gaps) else 30.0
    cycles = np.full(len(histories.items), every)
    place = np.lexsort((gaps, item))
    item, gaps = item[place], gaps[place]
    starts = np.searchsorted(item, np.arange(len(histories.items) + 1))
    for number in np.flatnonzero(np.diff(starts) >= GAPS):
        cycles[number] = np.median(gaps[starts[number] : starts[number + 1]])
    return np.maximum(cycles, 1.0)


def _cells(histories: Histories, cycles: Array) -> dict[str, np.ndarray]:
    pairs = histories.pairs()
    times = pairs["times"].to_numpy()
    what = pairs["what"].to_numpy()
    own = (pairs["last"] - pairs["first"]).to_numpy(float) / np.maximum(times - 1, 1)
    cycle = np.where(times >= 3, np.maximum(own, 1.0), cycles[what])
    age = (histories.last - pairs["last"].to_numpy()) / cycle
    return {
        "who": pairs["who"].to_numpy(),
        "what": what,
        "times": np.searchsorted(TIMES, times, side="right") - 1,
        "age": np.searchsorted(AGES, age, side="right"),
    }


def similarity(histories: Histories) -> csr_array:
    """Items by items: cosine of who bought them, drawn to nothing where few did; the best `NEIGHBOURS` each.

    Source: Sarwar et al. (2001), "Item-based collaborative filtering", WWW 10. Sparse throughout.
    """
    bought = histories.counts()
    bought.data[:] = 1.0
    met = csr_array(bought.T @ bought)
    each = met.diagonal()
    coo = met.tocoo()
    off = (coo.row != coo.col) & (coo.data >= TOGETHER)
    a, b, n = coo.row[off], coo.col[off], coo.data[off]
    value = n / np.sqrt(each[a] * each[b]) * n / (n + SHRINK)
    order = np.lexsort((b, -value, a))
    a, b, value = a[order], b[order], value[order]
    place = np.arange(len(a)) - np.searchsorted(a, a)
    kept = place < NEIGHBOURS
    return csr_array((value[kept], (a[kept], b[kept])), shape=met.shape)


def item_item(histories: Histories, horizon: int) -> csr_array:
    """What goes with what they bought, and is new to them; nothing where they share no item with others."""
    bought = histories.counts()
    bought.data[:] = 1.0
    found = csr_array(bought @ similarity(histories))
    return without(found, bought)


def without(scores: csr_array, left_out: csr_array) -> csr_array:
    """csr_array less those that have an entry in the other matrix."""
    mask = csr_array(left_out.astype(bool))
    found = scores - scores.multiply(mask)
    found = csr_array(found)
    found.eliminate_zeros()
    return found


def then(first: Scorer, second: Scorer) -> Scorer:
    """The items of the first way, and below all of them those of the second."""

    def both(histories: Histories, horizon: int) -> csr_array:
        above, below = first(histories, horizon), second(histories, horizon)
        low = above.data.min(initial=np.inf) if above.nnz else 1.0
        high = below.data.max(initial=0.0)
        rest = without(below, above)
        return csr_array(above + rest * (0.5 * low / high if high > 0 else 1.0))

    return both
