"""Customers who want the same: clusters of what they buy, or a refusal where there are none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.profiling.favourites import purchase_lines
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 200  # customers with `ORDERS` orders or more
ORDERS = 3
CLUSTERS = range(2, 8)
STABLE = 0.8  # mean adjusted Rand index between clusterings of two halves
SAMPLE = 10_000  # customers the clusters are found on; all are then assigned
SHUFFLES = 20  # draws of data with every column shuffled
ROUNDS = 10
CATEGORIES = 12  # the largest; the others are one


class NoStructureError(DataError):
    """The customers cannot be parted by what they buy; `stability` says how unstable the best try was."""

    def __init__(self, stability: float, clusters: int) -> None:
        super().__init__(
            f"what customers buy shows no clusters: the steadiest split, into {clusters}, comes out the same "
            f"with an adjusted Rand index of {stability:.2f}; {STABLE} is needed, and a better fit than on "
            "shuffled data"
        )
        self.stability, self.clusters = stability, clusters


@dataclass(frozen=True)
class Needs(ObjectCard):
    """Clusters of customers by the categories they buy, their price level and basket.

    Attributes
    ----------
    customers : Ibis: customer_id, need (a name made of what sets it apart)
    profile : need, customers, share, then the mean of each feature (category shares 0..1, price 0..1)
    stability : clusters, stability (mean adjusted Rand index), silhouette, shuffled (95 % point of the
        silhouette on data whose columns were shuffled apart), gap (how much tighter the clusters are than
        those of shuffled data, in logarithms), gap_error, kept
    clustered : customers with at least `ORDERS` orders
    """

    customers: ir.Table
    profile: pd.DataFrame
    stability: pd.DataFrame
    clustered: int


@watched("Looking for needs")
def needs(base: CustomerBase, *, seed: int = 1, minimum: int = 1) -> Needs:
    """Find clusters with k-means; the number of them is the largest that is stable.

    Two random halves are clustered apart and both used to assign everybody; the adjusted Rand index of the
    two assignments, averaged over `ROUNDS` pairs, is the stability. A number of clusters counts where that
    reaches `STABLE`, the silhouette beats that of data with every column shuffled (95 % of 20 times), and
    the gap to shuffled data is wider than with one cluster fewer by more than its error.

    Source: T. Lange, V. Roth, M. Braun & J. Buhmann (2004), *Neural Computation* 16, 1299-1323, for
    stability by resampling; R. Tibshirani, G. Walther & T. Hastie (2001), *JRSS B* 63, 411-423, for the gap;
    L. Hubert & P. Arabie (1985) for the index.

    Parameters
    ----------
    seed : of the draws
    minimum : categories that fewer customers buy are "others"

    Raises
    ------
    DataError : products have no category.
    NotEnoughData : fewer than `MINIMUM` customers have `ORDERS` orders.
    NoStructureError : no number of clusters is stable.
    """
    features = _features(base, minimum)
    n = len(features)
    if n < MINIMUM:
        raise NotEnoughData(f"clusters of customers with {ORDERS} orders or more", n, MINIMUM)
    chance = np.random.default_rng(seed)
    values = features.drop(columns="customer_id").to_numpy(float)
    values = (values - values.mean(axis=0)) / np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
    sample = values if n <= SAMPLE else values[np.sort(chance.choice(n, SAMPLE, replace=False))]
    one_thread = _one_thread()
    with one_thread():
        tried = pd.DataFrame([_try(sample, k, chance) for k in CLUSTERS])
    wider = tried["gap"] - tried["gap"].shift(fill_value=0.0) > tried["gap_error"]  # one cluster has no gap
    tried["kept"] = (tried["stability"] >= STABLE) & (tried["silhouette"] > tried["shuffled"]) & wider
    if not tried["kept"].any():
        best = tried.loc[[int(tried["stability"].to_numpy().argmax())]].iloc[0]
        raise NoStructureError(float(best["stability"]), int(best["clusters"]))
    k = int(tried.loc[tried["kept"], "clusters"].max())
    tried["kept"] = tried["clusters"] == k
    with one_thread():
        labels = _kmeans(sample, k, 0).predict(values)
    profile, names = _profile(features, labels)
    table = base.to_engine(pd.DataFrame({"customer_id": features["customer_id"], "need": names[labels]}))
    return Needs(table, profile, tried, n)


def _features(base: CustomerBase, minimum: int) -> pd.DataFrame:
    """Category shares, price level and log basket of each customer with enough orders."""
    lines = purchase_lines(base, minimum)
    if "category" not in lines.columns:
        raise DataError("clusters of needs are found by category: products need a category_0_name")
    orders = base.exact_occasions
    often = orders.group_by("customer_id").aggregate(
        orders=orders.count(), basket=orders.spend.cast("float64").mean()
    )
    often = often.filter(often.orders >= ORDERS)
    lines = lines.semi_join(often, "customer_id")
    counted = lines.group_by("customer_id", "category").aggregate(n=lines.count())
    size = lines.group_by("category").aggregate(n=lines.count()).order_by([ibis.desc("n"), "category"])
    top = base.collect(size.limit(CATEGORIES))["category"].dropna().tolist()
    counts = base.collect(counted.filter(counted.category.isin(top))).pivot(
        index="customer_id", columns="category", values="n"
    )
    counts = counts.reindex(columns=top).fillna(0.0)
    sums = counts.sum(axis=1)
    found = counts.loc[sums > 0].div(sums[sums > 0], axis=0)
    if "price" in lines.columns:
        priced = lines.group_by("customer_id").aggregate(price=lines.price.mean())
        found["price"] = (
            base.collect(priced).set_index("customer_id")["price"].reindex(found.index).fillna(0.5)
        )
    basket = base.collect(often.select("customer_id", "basket")).set_index("customer_id")["basket"]
    found["basket"] = np.log(basket.reindex(found.index).clip(lower=0.01))
    return found.sort_index().reset_index().round(9)


def _one_thread() -> Callable[[], AbstractContextManager[object]]:
    """Hold the linear algebra to one thread: of a thousand small fits, threads only wait for each other,
    and they add up in another order on another machine.
    """
    import sklearn.cluster  # noqa: F401  the limit holds for libraries already there
    from threadpoolctl import threadpool_limits

    return partial(threadpool_limits, 1)


def _kmeans(values: np.ndarray, k: int, seed: int):  # type: ignore[no-untyped-def]
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=4, random_state=seed).fit(values)


def _try(values: np.ndarray, k: int, chance: np.random.Generator) -> dict[str, float]:
    from sklearn.metrics import adjusted_rand_score

    n, scores = len(values), []
    for _ in range(ROUNDS):
        order = chance.permutation(n)
        halves = order[: n // 2], order[n // 2 :]
        first, second = (_kmeans(values[half], k, 0).predict(values) for half in halves)
        scores.append(adjusted_rand_score(first, second))
    own, tight = _fit_of(values, k, chance)
    shuffled = np.array([_fit_of(_shuffled(values, chance), k, chance) for _ in range(SHUFFLES)])
    return {
        "clusters": k,
        "stability": float(np.mean(scores)),
        "silhouette": own,
        "shuffled": float(np.quantile(shuffled[:, 0], 0.95)),
        "gap": float(shuffled[:, 1].mean() - tight),
        "gap_error": float(shuffled[:, 1].std(ddof=1) * np.sqrt(1 + 1 / SHUFFLES)),
    }


def _shuffled(values: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    return np.column_stack([chance.permutation(column) for column in values.T])


def _fit_of(values: np.ndarray, k: int, chance: np.random.Generator) -> tuple[float, float]:
    """Silhouette, and the logarithm of the squared distances within clusters over those to one centre."""
    from sklearn.metrics import silhouette_score

    some = values[chance.choice(len(values), min(len(values), 600), replace=False)]
    fitted = _kmeans(some, k, 0)
    whole = float(((some - some.mean(axis=0)) ** 2).sum())
    within = float(np.log(max(fitted.inertia_, 1e-12) / max(whole, 1e-12)))
    labels = fitted.labels_
    return (float(silhouette_score(some, labels)) if len(set(labels)) > 1 else 0.0), within


def _profile(features: pd.DataFrame, labels: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Means by cluster, largest first, and each cluster's name: the feature it is highest in."""
    columns = [c for c in features.columns if c != "customer_id"]
    means = features.groupby(labels)[columns].mean()
    apart = (means - features[columns].mean()) / features[columns].std().replace(0.0, 1.0)
    size = pd.Series(labels).value_counts().reindex(means.index)
    names: dict[int, str] = {}
    for cluster in size.sort_values(ascending=False, kind="stable").index:
        ranked = apart.loc[cluster].sort_values(ascending=False, kind="stable")
        lowest = apart.loc[cluster].idxmin()
        name = _NAMES.get(str(ranked.index[0]), str(ranked.index[0]))
        if ranked.iloc[0] < 0.3:
            name = _LOW.get(str(lowest), f"little {lowest}")
        names[cluster] = name if name not in names.values() else f"{name} and {_second(ranked)}"
    profile = means.assign(need=pd.Series(names), customers=size)
    profile["share"] = profile["customers"] / profile["customers"].sum()
    profile = profile.sort_values(["customers", "need"], ascending=[False, True])
    named = np.array([names[c] for c in range(len(names))], object)
    return profile[["need", "customers", "share", *columns]].reset_index(drop=True), named


_NAMES = {"price": "dear things", "basket": "large orders"}
_LOW = {"price": "cheap things", "basket": "small orders"}


def _second(ranked: pd.Series) -> str:
    return _NAMES.get(str(ranked.index[1]), str(ranked.index[1]))
