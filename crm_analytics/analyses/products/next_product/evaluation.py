"""How good lists were: on what customers bought afterwards, repeats and discoveries apart.

A repeat is an item the customer had bought before, a discovery one they had not. In most shops repeats are
most of what can be hit, so a way that only repeats looks good, and must be compared with *personal*, not with
*popular* alone (Li et al. 2023, "A next basket recommendation reality check", TOIS 41).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.products.next_product.histories import Histories
from crm_analytics.analyses.products.next_product.ranking import best
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
SILENCES = (29, 92, 183)  # days since the last purchase: bounds of the groups with a probability of their own
PRIOR = 20.0  # offers by which a share of few is drawn to that of all places
MEASURES = ("recall", "recall_repeats", "recall_discoveries", "hit", "ndcg")


@dataclass(frozen=True, eq=False)
class Split:
    """What is known, what came, and of whom.

    Attributes
    ----------
    known : histories a way may learn from
    came : customers by items, an entry for each item bought afterwards
    rows : places of the customers that are scored
    """

    known: Histories
    came: csr_array
    rows: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Scored(ObjectCard):
    """One way on one split.

    Attributes
    ----------
    each : one row per customer: recall, recall_repeats, recall_discoveries (they add up to recall), hit, ndcg
    coverage : share of the items on any list
    """

    each: pd.DataFrame
    coverage: float


def split_by_time(histories: Histories, days: int) -> Split:
    """Learn up to `days` before the end; score customers who bought before and after."""
    end = histories.last - days
    known = histories.before(end)
    came = _flags(histories.chosen(histories.when > end))
    had = np.bincount(known.who, minlength=len(histories.customers)) > 0
    rows = np.flatnonzero(had & (np.diff(came.indptr) > 0))
    return Split(known, came, rows)


def split_last_days(histories: Histories, least: int = 4) -> Split:
    """Learn from all but the last day of each customer with `least` days or more; score that day.

    Others' later purchases are known then, which flatters what is popular; use `split_by_time` to choose.
    """
    days = pd.DataFrame({"who": histories.who, "when": histories.when}).drop_duplicates()
    count = np.bincount(days["who"], minlength=len(histories.customers))
    last = last_days(histories)
    held = (count[histories.who] >= least) & (histories.when == last[histories.who])
    return Split(histories.chosen(~held), _flags(histories.chosen(held)), np.flatnonzero(count >= least))


def score_split(split: Split, scores: csr_array, k: int) -> Scored:
    """Measure the lists of one way.

    recall : items bought that were on the list, of all items bought
    hit : whether there was any
    ndcg : discounted gain over that of a perfect list of k (min(k, items bought) hits first)
    """
    lists = best(scores, k, rows=split.rows)
    had = split.known.counts()
    who, what = lists["who"].to_numpy(), lists["what"].to_numpy()
    lists["bought"] = np.asarray(split.came[who, what]).ravel() > 0
    lists["is_repeat"] = np.asarray(had[who, what]).ravel() > 0
    size = np.diff(split.came.indptr)[split.rows].astype(float)
    gain = lists["bought"] / np.log2(lists["rank"] + 1)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    n = len(had.indptr) - 1

    def total(values: pd.Series) -> Array:
        return np.asarray(np.bincount(who, np.asarray(values, float), n)[split.rows], float)

    hits = total(lists["bought"])
    again = total(lists["bought"] & lists["is_repeat"])
    each = pd.DataFrame(
        {
            "recall": hits / size,
            "recall_repeats": again / size,
            "recall_discoveries": (hits - again) / size,
            "hit": (hits > 0).astype(float),
            "ndcg": total(gain) / ideal[np.minimum(size, k).astype(int)],
        },
        index=pd.Index(split.rows, name="who"),
    )
    return Scored(each, float(len(np.unique(what)) / max(len(split.known.items), 1)))


def summary(scored: dict[str, Scored]) -> pd.DataFrame:
    """One row per way: each measure's mean with its 95 % interval over customers, coverage, customers."""
    rows = []
    for way, found in scored.items():
        row: dict[str, object] = {"way": way, "customers": len(found.each)}
        for name in MEASURES:
            mean, low, high = mean_interval(found.each[name].to_numpy())
            row |= {name: mean, f"{name}_lower": low, f"{name}_upper": high}
        rows.append(row | {"coverage": found.coverage})
    return pd.DataFrame(rows)


def mean_interval(values: Array, z: float = Z95) -> tuple[float, float, float]:
    """Mean and its normal interval."""
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    half = z * float(values.std(ddof=1)) / np.sqrt(n) if n > 1 else float("nan")
    return mean, mean - half, mean + half


def chances(split: Split, scores: csr_array, k: int) -> pd.DataFrame:
    """The share of offers that were bought afterwards, of all customers, also those who bought nothing more.

    Returns
    -------
    silence (place among `SILENCES` of the days since the customer's last purchase), rank, is_repeat, offered,
    bought, probability (the share, drawn by `PRIOR` offers to that of all places of the list)
    """
    last = last_days(split.known)
    rows = np.flatnonzero(last >= 0)
    lists = best(scores, k, rows=rows)
    who, what = lists["who"].to_numpy(), lists["what"].to_numpy()
    lists["bought"] = np.asarray(split.came[who, what]).ravel() > 0
    lists["is_repeat"] = np.asarray(split.known.counts()[who, what]).ravel() > 0
    lists["silence"] = silence_of(split.known.last - last[who])
    found = lists.groupby(["silence", "rank", "is_repeat"])["bought"].agg(["size", "sum"]).reset_index()
    found.columns = pd.Index(["silence", "rank", "is_repeat", "offered", "bought"])
    pooled = found.groupby(["silence", "is_repeat"])[["offered", "bought"]].transform("sum")
    mean = pooled["bought"] / pooled["offered"]
    return found.assign(probability=(found["bought"] + PRIOR * mean) / (found["offered"] + PRIOR))


def last_days(histories: Histories) -> NDArray[np.intp]:
    """Each customer's last day of purchase; -1 without any."""
    last = np.full(len(histories.customers), -1, np.intp)
    np.maximum.at(last, histories.who, histories.when)
    return last


def silence_of(days: NDArray[np.intp]) -> NDArray[np.intp]:
    """Place of a number of days without purchase among `SILENCES`."""
    return np.asarray(np.searchsorted(SILENCES, days, side="right"), np.intp)


def _flags(histories: Histories) -> csr_array:
    found = histories.counts()
    found.data[:] = 1.0
    return csr_array(found)
