"""`NextProduct`: the way that foresees best what customers buy next, and its lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array

from crm_analytics.analyses.products.next_product import reasons, scorers
from crm_analytics.analyses.products.next_product.als import Als
from crm_analytics.analyses.products.next_product.evaluation import (
    Scored,
    chances,
    last_days,
    mean_interval,
    score_split,
    silence_of,
    split_by_time,
    summary,
)
from crm_analytics.analyses.products.next_product.histories import (
    Histories,
    base_histories,
    histories,
)
from crm_analytics.analyses.products.next_product.ranking import best
from crm_analytics.analyses.products.next_product.scorers import Scorer
from crm_analytics.analyses.products.next_product.tifu_knn import TifuKnn
from crm_analytics.errors import NotEnoughData, ParameterError, check_name
from crm_analytics.tables.customer_base import CustomerBase
from crm_analytics.tables.object_cards import ObjectCard

MINIMUM = 100  # customers who bought before and in the held-out days
DAYS = 56
LEVEL = 0.05
BASELINES: Mapping[str, Scorer] = MappingProxyType(
    {
        "popular": scorers.popular,
        "personal": scorers.personal,
        "personal then popular": scorers.then(scorers.personal, scorers.popular),
    }
)
MODELS: Mapping[str, Scorer] = MappingProxyType(
    {
        "buy again": scorers.then(scorers.buy_again, scorers.popular),
        "personal then similar": scorers.then(scorers.personal, scorers.item_item),
        "tifu-knn": TifuKnn(),
        "als": Als(),
    }
)
USUAL = ("buy again", "personal then similar", "tifu-knn")  # als only where it is asked for


@dataclass(frozen=True, eq=False)
class NextProduct(ObjectCard):
    """Fitted on lines; `recommend` gives the lists.

    Attributes
    ----------
    way : used: the best model where it clearly beats the best baseline, else that baseline
    beats_baseline : whether `way` is a model
    evaluation : one row per way: recall, hit, ndcg at k and their parts, each with a 95 % interval over
        customers, coverage, customers
    differences : per model against the best baseline, customer by customer: model, baseline, difference (of
        recall), lower, upper (95 %, corrected for the number of models), clear
    k, days : length of the lists, and days held out, of the evaluation
    words : the result in sentences
    """

    histories: Histories
    way: str
    beats_baseline: bool
    evaluation: pd.DataFrame
    differences: pd.DataFrame
    k: int
    days: int
    words: str
    scores: csr_array
    chances: pd.DataFrame

    @classmethod
    def fit(
        cls,
        lines: pd.DataFrame | CustomerBase,
        *,
        k: int = 10,
        days: int = DAYS,
        models: Collection[str] = USUAL,
    ) -> NextProduct:
        """Try baselines and models on the last days, and refit the one to use on all.

        Parameters
        ----------
        lines : a frame of `histories.histories`, or a base
        k : length of the lists that are compared; at most a third of the products, since lists of everything
            tell no way from another
        days : held out at the end; the horizon of the probabilities, too
        models : of "buy again", "personal then similar", "tifu-knn", "als" (needs the extra `recommend`)

        Raises
        ------
        DataError : columns are missing.
        NotEnoughData : fewer than `MINIMUM` customers bought both before and in the held-out days.
        ParameterError : a model is unknown, or k or days below 1.

        Examples
        --------
        >>> draw = np.random.default_rng(0)
        >>> who = np.repeat(np.arange(300), 12)
        >>> lines = pd.DataFrame({"customer_id": who, "product": (who % 7) * 10 + draw.integers(0, 3, 3600),
        ...     "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(draw.integers(0, 300, 3600), unit="D")})
        >>> model = NextProduct.fit(lines, k=3)
        >>> model.recommend([8], k=3)["product"].sort_values().tolist()
        [10, 11, 12]
        """
        if k < 1 or days < 1:
            raise ParameterError("k and days must be 1 or more")
        for name in models:
            check_name("unknown model", name, MODELS)
        held = base_histories(lines) if isinstance(lines, CustomerBase) else histories(lines)
        split = split_by_time(held, days)
        if len(split.rows) < MINIMUM:
            raise NotEnoughData(
                f"next products, held against the last {days} days,", len(split.rows), MINIMUM
            )
        places, k = k, min(k, max(1, len(held.items) // 3))
        ways = {**BASELINES, **{name: MODELS[name] for name in models}}
        scored = {name: score_split(split, way(split.known, days), k) for name, way in ways.items()}
        table = summary(scored)
        baseline = max(
            BASELINES,
            key=lambda name: (*scored[name].each[["recall", "ndcg"]].mean(), scored[name].coverage),
        )
        differences = _differences(scored, baseline, models)
        clear = differences[differences["clear"]]
        chosen = baseline if clear.empty else str(clear.iloc[0]["model"])
        return cls(
            histories=held,
            way=chosen,
            beats_baseline=not clear.empty,
            evaluation=table,
            differences=differences,
            k=k,
            days=days,
            words=_words(table, differences, chosen, k, days),
            scores=ways[chosen](held, days),
            chances=chances(split, ways[chosen](split.known, days), places),
        )

    def recommend(
        self,
        customers: Collection[object] | None = None,
        k: int = 10,
        *,
        exclude_bought_within: int | None = None,
        catalogue: Collection[object] | None = None,
        stock: pd.Series | None = None,
        margins: pd.Series | None = None,
        margin_floor: float | None = None,
        offered: pd.DataFrame | None = None,
        fatigue: int = 3,
    ) -> pd.DataFrame:
        """List the `k` products each customer is most likely to buy next.

        Parameters
        ----------
        customers : ids; default: everybody. An id without purchases gets what is popular
        exclude_bought_within : days before the last day of the data; what a customer bought in them is left
            out
        catalogue : products that may be offered; default: all that were ever bought
        stock : units by product; those with none, or not in it, are left out
        margins : margin of one sale by product
        margin_floor : products whose margin is below, or unknown, are left out
        offered : customer_id, product: earlier offers; what was offered `fatigue` times or more to a customer
            and not bought since the first of them (a column `day` tells when) is left out for them

        Returns
        -------
        customer_id, rank, product, is_repeat, probability (to be bought in the next `days`: the share that
        was, when it was tried, of offers at that place to customers silent for about as long), because (the
        product they bought that it goes with; itself for a repeat; missing for what is popular), reason, and
        expected_margin (probability times margin) where margins are given
        """
        known, new = self._places(customers)
        allowed = self._allowed(catalogue, stock, margins, margin_floor)
        left_out = reasons.left_out(self.histories, exclude_bought_within, offered, fatigue)
        lists = best(self.scores, k, rows=known, allowed=allowed, left_out=left_out)
        lists["customer_id"] = self.histories.customers[lists["who"]]
        if len(new):
            lists = pd.concat([lists, self._for_new(new, k, allowed)], ignore_index=True)
        lists = reasons.explained(self.histories, lists)
        lists["probability"] = self._probability(lists)
        if margins is not None:
            lists["expected_margin"] = lists["probability"] * lists["product"].map(margins)
        money = ["expected_margin"] if margins is not None else []
        columns = ["customer_id", "rank", "product", "is_repeat", "probability", "because", "reason", *money]
        return lists[columns]

    def _places(self, customers: Collection[object] | None) -> tuple[NDArray[np.intp], list[object]]:
        if customers is None:
            return np.arange(len(self.histories.customers)), []
        ids = pd.Index(list(dict.fromkeys(customers)))
        place = self.histories.customers.get_indexer(ids)
        return np.sort(place[place >= 0]), ids[place < 0].tolist()

    def _probability(self, lists: pd.DataFrame) -> NDArray[np.float64]:
        """By silence, place and kind; of a place that was never tried, by silence and kind; else 0."""
        last = np.append(last_days(self.histories), -1)[lists["who"].to_numpy(np.intp)]
        silence = silence_of(self.histories.last - last)
        keys = [silence, lists["rank"].to_numpy(), lists["is_repeat"].to_numpy()]
        whole = self.chances.groupby(["silence", "is_repeat"])[["offered", "bought"]].sum()
        share = whole["bought"] / whole["offered"]
        each = self.chances.set_index(["silence", "rank", "is_repeat"])["probability"]
        found = each.reindex(pd.MultiIndex.from_arrays(keys)).to_numpy()
        pooled = share.reindex(pd.MultiIndex.from_arrays([silence, keys[2]])).fillna(0.0).to_numpy()
        return np.where(np.isfinite(found), found, pooled)

    def _allowed(
        self,
        catalogue: Collection[object] | None,
        stock: pd.Series | None,
        margins: pd.Series | None,
        floor: float | None,
    ) -> NDArray[np.bool_]:
        items = self.histories.items
        allowed = np.ones(len(items), bool)
        if catalogue is not None:
            allowed &= np.asarray(items.isin(list(catalogue)))
        if stock is not None:
            allowed &= stock.reindex(items).fillna(0).to_numpy() > 0
        if floor is not None:
            if margins is None:
                raise ParameterError("margin_floor needs margins: one margin per product")
            allowed &= margins.reindex(items).fillna(-np.inf).to_numpy() >= floor
        return allowed

    def _for_new(self, ids: list[object], k: int, allowed: NDArray[np.bool_]) -> pd.DataFrame:
        fame = np.where(allowed, scorers.popularity(self.histories), 0.0)
        top = np.argsort(-fame, kind="stable")[:k]
        top = top[fame[top] > 0]
        rows = [(-1, what, fame[what], rank, who) for who in ids for rank, what in enumerate(top, 1)]
        return pd.DataFrame(rows, columns=["who", "what", "score", "rank", "customer_id"])


def _differences(scored: dict[str, Scored], baseline: str, models: Collection[str]) -> pd.DataFrame:
    z = float(stats.norm.ppf(1 - LEVEL / 2 / max(len(models), 1)))
    rows = []
    for name in models:
        gain = scored[name].each["recall"] - scored[baseline].each["recall"]
        mean, low, high = mean_interval(gain.to_numpy(), z)
        rows.append((name, baseline, mean, low, high, bool(low > 0)))
    table = pd.DataFrame(rows, columns=["model", "baseline", "difference", "lower", "upper", "clear"])
    return table.sort_values(["difference", "model"], ascending=[False, True], ignore_index=True)


def _words(table: pd.DataFrame, differences: pd.DataFrame, way: str, k: int, days: int) -> str:
    (row,) = table[table["way"] == way].to_dict("records")
    said = (
        f"Lists of {k} by '{way}' named {row['recall']:.1%} ({row['recall_lower']:.1%} to "
        f"{row['recall_upper']:.1%}) of what {row['customers']:,} customers bought in the last {days} days."
    )
    if way in BASELINES:
        tried = "" if differences.empty else f" None of {len(differences)} models clearly beats it."
        return f"{said}{tried} It is a simple rule, and it is used."
    (gain,) = differences[differences["model"] == way].to_dict("records")
    return (
        f"{said} The best simple rule, '{gain['baseline']}', names {gain['difference']:.1%} "
        f"({gain['lower']:.1%} to {gain['upper']:.1%}) less."
    )
