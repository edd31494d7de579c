"""TIFU-KNN: what a customer buys often and lately, and what those most like them do.

Source: Hu, He, Gao & Zhang (2020), "Modeling personalized item frequency information for next-basket
recommendation", SIGIR 43, 1071-1080. A basket is a customer-day. Baskets fall into groups of equal size from
the latest backwards; within a group older baskets weigh less by `within`, and older groups by `across`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csr_array

from crm_analytics.analyses.products.next_product.histories import Histories
from crm_analytics.errors import ParameterError

BLOCK = 256  # customers whose distances to all others are held at a time
LONG = 200  # items kept per customer


@dataclass(frozen=True)
class TifuKnn:
    """The parameters; the defaults are those the paper found for Ta-Feng.

    Attributes
    ----------
    neighbours : customers most like one (Euclidean distance of their vectors)
    within, across : weight of a basket one step older in its group, and of a group one step older; 0..1
    group : baskets in a group
    own : weight of the customer's own vector; the neighbours' mean has the rest
    """

    neighbours: int = 300
    within: float = 0.9
    across: float = 0.7
    group: int = 7
    own: float = 0.7

    def __post_init__(self) -> None:
        for name in ("within", "across", "own"):
            if not 0 <= getattr(self, name) <= 1:
                raise ParameterError(f"{name} is {getattr(self, name)}: it must be 0 to 1")
        if self.neighbours < 1 or self.group < 1:
            raise ParameterError("neighbours and group must be 1 or more")

    def __call__(self, histories: Histories, horizon: int) -> csr_array:
        """csr_array of all customers, the best `LONG` each."""
        vectors = self.vectors(histories)
        active = np.flatnonzero(np.diff(vectors.indptr) > 0)
        known = csr_array(vectors[active])
        parts = [self._block(known, start) for start in range(0, len(active), BLOCK)]
        if not parts:
            return vectors
        scores = csr_array(sparse.vstack(parts))
        place = csr_array(
            (np.ones(len(active)), (active, np.arange(len(active)))),
            shape=(len(histories.customers), len(active)),
        )
        return csr_array(place @ scores)

    def vectors(self, histories: Histories) -> csr_array:
        """Personal item frequencies, decayed."""
        new = np.append(
            True, (histories.who[1:] != histories.who[:-1]) | (histories.when[1:] != histories.when[:-1])
        )
        basket = np.cumsum(new) - 1 if len(histories.who) else np.empty(0, np.intp)
        owner = histories.who[new] if len(histories.who) else histories.who
        size = np.bincount(owner, minlength=len(histories.customers))
        ends = np.cumsum(size)
        back = ends[owner] - 1 - np.arange(len(owner))  # 0 is the latest
        group, inside = back // self.group, back % self.group
        last = (size[owner] - 1) // self.group  # of the oldest group, which may be smaller
        held = np.where(group == last, size[owner] - last * self.group, self.group)
        weight = self.within**inside / held * self.across**group / (last + 1)
        return histories.matrix(weight[basket])

    def _block(self, known: csr_array, start: int) -> csr_array:
        """Own and neighbours' vectors of some customers."""
        mine = csr_array(known[start : start + BLOCK])
        n = known.shape[0]
        count = min(self.neighbours, n - 1)
        if count < 1:
            return _longest(csr_array(mine * self.own))
        square = np.asarray(known.multiply(known).sum(axis=1)).ravel()
        distance = square[None, :] - 2 * (mine @ known.T).toarray()
        rows = np.arange(mine.shape[0])
        distance[rows, start + rows] = np.inf
        near = np.argpartition(distance, count - 1, axis=1)[:, :count]
        choose = csr_array(
            (np.full(near.size, 1 / count), (np.repeat(rows, count), near.ravel())), shape=(len(rows), n)
        )
        return _longest(csr_array(mine * self.own + (choose @ known) * (1 - self.own)))


def _longest(scores: csr_array) -> csr_array:
    """The best `LONG` of each row."""
    scores.sort_indices()
    row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    order = np.lexsort((scores.indices, -scores.data, row))
    place: NDArray[np.intp] = np.arange(len(order)) - scores.indptr[row[order]]
    kept = order[place < LONG]
    return csr_array((scores.data[kept], (row[kept], scores.indices[kept])), shape=scores.shape)
