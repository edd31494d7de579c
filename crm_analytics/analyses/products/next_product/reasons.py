"""Why a product is on a customer's list, and what must not be on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from crm_analytics.analyses.products.next_product.histories import Histories, day_number
from crm_analytics.analyses.products.next_product.scorers import similarity
from crm_analytics.errors import DataError, ParameterError

REPEAT, SIMILAR, POPULAR = "they buy it", "because they bought", "popular now"


def explained(histories: Histories, lists: pd.DataFrame) -> pd.DataFrame:
    """Lists with product, is_repeat, because (a product they bought, or missing) and reason."""
    who, what = lists["who"].to_numpy(np.intp), lists["what"].to_numpy(np.intp)
    known = who >= 0
    times = np.zeros(len(lists))
    times[known] = np.asarray(histories.counts()[who[known], what[known]]).ravel()
    repeat = times > 0
    because = np.full(len(lists), -1, np.intp)
    because[repeat] = what[repeat]
    rest = np.flatnonzero(known & ~repeat)
    if len(rest):
        because[rest] = _nearest_owned(histories, who[rest], what[rest])
    names = histories.items.to_numpy(object)
    reason = np.where(repeat, REPEAT, np.where(because >= 0, SIMILAR, POPULAR))
    return lists.assign(
        product=histories.items[what],
        is_repeat=repeat,
        because=pd.Series(names[np.maximum(because, 0)], lists.index).where(because >= 0),
        reason=reason,
    )


def left_out(
    histories: Histories, within: int | None, offered: pd.DataFrame | None, fatigue: int
) -> csr_array | None:
    """Entries that must not be on a list: bought in the last days, or offered too often in vain."""
    shape = (len(histories.customers), len(histories.items))
    found = csr_array(shape)
    if within is not None:
        if within < 0:
            raise ParameterError("exclude_bought_within must be 0 or more days")
        found = found + histories.chosen(histories.when > histories.last - within).counts()
    if offered is not None:
        found = found + _tired(histories, offered, fatigue)
    return csr_array(found) if found.nnz else None


def _tired(histories: Histories, offered: pd.DataFrame, fatigue: int) -> csr_array:
    missing = {"customer_id", "product"} - set(offered.columns)
    if missing:
        raise DataError(f"offered needs the column {' and '.join(sorted(missing))}")
    who = histories.customers.get_indexer(pd.Index(offered["customer_id"]))
    what = histories.items.get_indexer(pd.Index(offered["product"]))
    frame = pd.DataFrame({"who": who, "what": what})
    frame["day"] = (
        [day_number(d.date()) for d in pd.to_datetime(offered["day"])]
        if "day" in offered.columns
        else histories.last + 1
    )
    frame = frame[(frame["who"] >= 0) & (frame["what"] >= 0)]
    each = frame.groupby(["who", "what"])["day"].agg(["size", "min"]).reset_index()
    each = each[each["size"] >= fatigue]
    last = histories.pairs().set_index(["who", "what"])["last"]
    bought = last.reindex(pd.MultiIndex.from_frame(each[["who", "what"]])).to_numpy()
    each = each[~(bought >= each["min"].to_numpy())]
    shape = (len(histories.customers), len(histories.items))
    return csr_array((np.ones(len(each)), (each["who"], each["what"])), shape=shape)


def _nearest_owned(histories: Histories, who: np.ndarray, what: np.ndarray) -> np.ndarray:
    """The item of the customer that is most like each item; -1 where none is."""
    alike, owned = similarity(histories), histories.counts()
    owned.data[:] = 1.0
    found = csr_array(owned[who].multiply(csr_array(alike.T.tocsr())[what]))
    found.sort_indices()
    nearest = np.full(len(who), -1, np.intp)
    for row in np.flatnonzero(np.diff(found.indptr)):
        part = slice(found.indptr[row], found.indptr[row + 1])
        nearest[row] = found.indices[part][np.argmax(found.data[part])]
    return nearest
