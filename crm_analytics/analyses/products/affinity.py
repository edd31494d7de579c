"""What is bought together more often than chance, season and segment make it.

Measures: Agrawal, Imielinski & Swami (1993) for support and confidence; Brin et al. (1997) for lift and
conviction; Piatetsky-Shapiro (1991) for leverage; Zhang (2000) for Zhang's metric. The test holds the number
of products of each order and the frequency of each product (`independence`), so that large orders and
popular products make no affinity, and is corrected for every pair that could have been looked at (Holm).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import holm
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.products import independence
from crm_analytics.analyses.products.baskets import (
    CAP,
    ORDERS,
    Baskets,
    baskets,
    count_customers,
    count_pairs,
    margins_by,
)
from crm_analytics.analyses.progress import watched
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

LEVEL = 0.05  # chance that a base without any affinity shows one
AFFINITY, SEASON, SEGMENT = "affinity", "season only", "segment only"
OPEN, NOTHING = "not told apart", "not shown"
VERDICTS = (AFFINITY, OPEN, SEASON, SEGMENT, NOTHING)
BUNDLE = 0.99  # confidence both ways, from which two products are sold as one


@dataclass(frozen=True, eq=False)
class Affinity(ObjectCard):
    """Pairs of products.

    Attributes
    ----------
    pairs : product_a (in more orders), product_b, orders (with both), orders_a, orders_b, support,
        confidence_ab (share of the orders with a that hold b), confidence_ba, lift, leverage, conviction_ab,
        conviction_ba, zhang_ab, zhang_ba, expected (orders with both, were they independent within sizes of
        orders, and within season or segment: the largest of these), within_lift (orders over expected),
        lower, upper (95 %, 1 is independence), p_adjusted, verdict, is_bundle (each is hardly ever sold
        without the other); clear affinities first, by what they exceed expectation
    verdict : "affinity": shown, and within each of `checked`. "season only", "segment only": shown overall,
        and clearly less within: the season (or segment) makes it. "not told apart": shown overall, and within
        there is too little to say. "not shown"
    checked : beside the size of orders, what the test was made within, too: "month" or "quarter", "segment";
        without one of the first two, an affinity may be of a season
    tested : pairs that could have been found: the correction counts them all
    orders, over_cap, unknown : of `Baskets`
    """

    pairs: pd.DataFrame
    checked: tuple[str, ...]
    tested: int
    orders: int
    over_cap: int
    unknown: int

    card_frame = "pairs"
    plot = Plots("crm_analytics.analyses.products.pictures", "pairs")

    @property
    def found(self) -> pd.DataFrame:
        """The pairs with the verdict "affinity"."""
        return self.pairs[self.pairs["verdict"] == AFFINITY].reset_index(drop=True)


@watched("Counting pairs of products")
def affinity(
    base: CustomerBase,
    level: str = "product",
    *,
    exclude: Collection[str] = (),
    segments: ir.Table | None = None,
    cap: int = CAP,
    minimum: int = ORDERS,
    merge_spellings: bool = False,
) -> Affinity:
    """Find products that are bought together.

    Parameters
    ----------
    level : "product", "category", "subcategory" or "brand"
    exclude : what is no goods, e.g. ``{"POSTAGE"}``
    segments : Ibis: customer_id, segment; the test is then within segments, too
    cap : most different products of an order; larger ones are left out of everything
    minimum : orders with a product, below which it takes no part
    merge_spellings : of `product_lines`

    Raises
    ------
    DataError : the source has no products, or one only.
    NotEnoughData : fewer than 100 orders.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> rows = [(f"o{i}", p) for i in range(300) for p in (("ham", "eggs") if i % 3 == 0 else ("tea", "jam")
    ...     if i % 3 == 1 else ("ham", "tea"))]
    >>> base = CustomerBase.open(pd.DataFrame(rows, columns=["transaction_id", "product_id"]).assign(
    ...     customer_id=lambda d: d.transaction_id, transaction_date="2026-01-05", unit_spend=2.0),
    ...     today="2026-02-01")
    >>> found = affinity(base).found
    >>> found[["product_a", "product_b", "lift"]].to_dict("list")
    {'product_a': ['ham', 'tea'], 'product_b': ['eggs', 'jam'], 'lift': [1.5, 1.5]}
    """
    held = baskets(
        base,
        level,
        exclude=exclude,
        segments=segments,
        cap=cap,
        minimum=minimum,
        merge_spellings=merge_spellings,
    )
    count = len(held.products)
    tested = count * (count - 1) // 2
    pairs = measures(count_pairs(held), held.products, held.orders)
    return Affinity(
        _judged(held, pairs, tested), held.strata, tested, held.orders, held.over_cap, held.unknown
    )


def measures(pairs: pd.DataFrame, products: pd.DataFrame, orders: int) -> pd.DataFrame:
    """Support to Zhang's metric, from counts.

    Parameters
    ----------
    pairs : a, b (items), orders (with both)
    products : item, product, orders (with it)
    orders : all orders

    Notes
    -----
    With few orders of a product its lift is large by chance; read it with its interval, or not at all.
    """
    a, b = pairs["a"].to_numpy(np.intp), pairs["b"].to_numpy(np.intp)
    names, each = products["product"].to_numpy(), products["orders"].to_numpy(float)
    both, of = pairs["orders"].to_numpy(float) / orders, float(orders)
    share_a, share_b = each[a] / of, each[b] / of
    leverage = both - share_a * share_b
    confidence_ab, confidence_ba = both / share_a, both / share_b
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "product_a": names[a],
            "product_b": names[b],
            "orders": pairs["orders"].to_numpy(np.int64),
            "orders_a": each[a].astype(np.int64),
            "orders_b": each[b].astype(np.int64),
            "support": both,
            "confidence_ab": confidence_ab,
            "confidence_ba": confidence_ba,
            "lift": both / (share_a * share_b),
            "leverage": leverage,
            "conviction_ab": _conviction(share_b, confidence_ab),
            "conviction_ba": _conviction(share_a, confidence_ba),
            "zhang_ab": _zhang(both, share_a, share_b),
            "zhang_ba": _zhang(both, share_b, share_a),
        }
    )


def _conviction(share: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    rest = 1 - confidence
    return np.divide(1 - share, rest, out=np.full(len(rest), np.inf), where=rest > 1e-12)


def _zhang(both: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    most = np.maximum(both * (1 - one), one * (other - both))
    return np.divide(both - one * other, most, out=np.zeros(len(both)), where=most > 1e-15)


def _judged(held: Baskets, pairs: pd.DataFrame, tested: int) -> pd.DataFrame:
    met = pairs["orders"].to_numpy(float)
    of = pairs[["orders_a", "orders_b"]].min(axis=1).to_numpy(float)
    overall = _expected(held, pairs)
    first = independence.p_of(met, overall, of) * tested < LEVEL
    repeats = np.ones(len(pairs))
    if first.any():  # only those can be clear, so only their customers are counted
        people = count_customers(held, pairs.loc[first, ["a", "b"]]).to_numpy()
        repeats[first] = np.maximum(met[first] / np.maximum(people, 1), 1.0)

    def adjusted(due: np.ndarray) -> np.ndarray:
        return holm(independence.p_of(met, due, of, repeats), tested)

    clear = adjusted(overall) < LEVEL
    least = independence.interval(met, overall, of, repeats)[0]
    verdict = np.where(clear, AFFINITY, NOTHING)
    due = overall
    for stratum in held.strata:
        within = _expected(held, pairs, stratum)
        left = clear & (adjusted(within) >= LEVEL)
        made = left & (independence.interval(met, within, of, repeats)[1] < least)
        verdict = np.where(left & (verdict == AFFINITY), OPEN, verdict)
        verdict = np.where(made, SEGMENT if stratum == "segment" else SEASON, verdict)
        due = np.maximum(due, within)
    lower, upper = independence.interval(met, due, of, repeats)
    table = pairs.drop(columns=["a", "b"]).assign(
        expected=due,
        within_lift=np.divide(met, due, out=np.full(len(met), np.nan), where=due > 0),
        lower=lower,
        upper=upper,
        p_adjusted=adjusted(due),
        verdict=verdict,
        is_bundle=(pairs["confidence_ab"] >= BUNDLE) & (pairs["confidence_ba"] >= BUNDLE),
    )
    order = pd.DataFrame({"rank": [VERDICTS.index(v) for v in verdict], "more": due - met})
    order[["a", "b"]] = table[["product_a", "product_b"]]
    return table.loc[order.sort_values(["rank", "more", "a", "b"]).index].reset_index(drop=True)


def _expected(held: Baskets, pairs: pd.DataFrame, *strata: str) -> np.ndarray:
    weight = independence.weights(margins_by(held, *strata), len(held.products))
    return independence.expected(weight, pairs["a"].to_numpy(np.intp), pairs["b"].to_numpy(np.intp))
