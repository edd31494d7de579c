"""From scores to lists: the best items of each customer, less what may not be offered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array


def best(
    scores: csr_array,
    k: int,
    *,
    rows: NDArray[np.intp] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    left_out: csr_array | None = None,
) -> pd.DataFrame:
    """The `k` best items of each customer.

    Parameters
    ----------
    rows : places of the customers asked for; default: all
    allowed : by item, whether it may be offered at all
    left_out : customers by items, an entry where it may not be offered to them

    Returns
    -------
    who, what, score, rank (1..k); of equal scores the item that comes first
    """
    chosen = scores if rows is None else csr_array(scores[rows])
    coo = chosen.tocoo()
    who, what, score = coo.row.astype(np.intp), coo.col.astype(np.intp), coo.data
    if rows is not None:
        who = rows[who]
    kept = score > 0
    if allowed is not None:
        kept &= allowed[what]
    if left_out is not None and left_out.nnz:
        kept &= np.asarray(left_out[who, what]).ravel() == 0
    who, what, score = who[kept], what[kept], score[kept]
    order = np.lexsort((what, -score, who))
    who, what, score = who[order], what[order], score[order]
    rank = np.arange(len(who)) - np.searchsorted(who, who) + 1
    found = pd.DataFrame({"who": who, "what": what, "score": score, "rank": rank})
    return found[found["rank"] <= k].reset_index(drop=True)
