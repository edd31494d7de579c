"""The next products of everybody, made once for the lists of a wave and the report of the same night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.products.next_product.histories import day_number
from crm_analytics.analyses.products.next_product.model import NextProduct
from crm_analytics.analyses.products.next_product.scorers import RECENT
from crm_analytics.analyses.products.product_lines import product_facts
from crm_analytics.analyses.products.sale_margins import sale_margins
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

PLACES = 3  # of each customer's list
JUST_BOUGHT = 14  # days in which nobody is offered what they have just bought
FATIGUE = 3  # offers of one product in vain, after which a customer is not offered it again


@dataclass(frozen=True, eq=False)
class NextOffers(ObjectCard):
    """What to offer each customer, and how good such lists were.

    Attributes
    ----------
    lists : customer_id, rank (1..`PLACES`), product, name, is_repeat, because, because_name (missing for what
        is popular), reason, probability (to buy it within `days`), sale (money of one), margin (of one;
        missing where not known), expected_margin (probability times margin, or times sale where no margin is
        known at all)
    evaluation, differences, way, beats_baseline, k, days : of `NextProduct`
    has_margin : whether any margin is known
    hits : first places that were bought when the lists were tried: what the probabilities rest on
    """

    lists: pd.DataFrame
    evaluation: pd.DataFrame
    differences: pd.DataFrame
    way: str
    beats_baseline: bool
    k: int
    days: int
    has_margin: bool
    hits: int

    @property
    def best(self) -> pd.DataFrame:
        """The first product of each customer."""
        return self.lists[self.lists["rank"] == 1].reset_index(drop=True)


def next_offers(base: CustomerBase, offered: pd.DataFrame | None = None) -> NextOffers:
    """Fit `NextProduct` and keep the first places of every list.

    Only products on sale are offered: sold in the last quarter, launched, and not discontinued.

    Parameters
    ----------
    offered : customer_id, product, day: earlier offers; what was offered `FATIGUE` times in vain is left out

    Raises
    ------
    DataError : the source has no products.
    NotEnoughData : too few customers bought both before and in the days held out.
    """
    if offered is not None:
        return _made(base, offered)
    return base.remember(("next_offers",), lambda: _made(base, None), _packed, _unpacked)


def _made(base: CustomerBase, offered: pd.DataFrame | None) -> NextOffers:
    model = NextProduct.fit(base)
    sales = sale_margins(base).set_index("product")
    has_margin = bool(sales["margin"].notna().any())
    facts = base.collect(product_facts(base)).set_index("product")
    lists = model.recommend(
        k=PLACES,
        exclude_bought_within=JUST_BOUGHT,
        catalogue=_on_sale(base, model, facts),
        margins=sales["margin" if has_margin else "sale"],
        offered=offered,
        fatigue=FATIGUE,
    )
    for name, of in (("name", "product"), ("because_name", "because")):
        lists[name] = lists[of].map(facts["name"]).astype("object")
    for name in ("sale", "margin"):
        lists[name] = lists["product"].map(sales[name]).astype("float64")
    first = model.chances[model.chances["rank"] == 1]
    return NextOffers(
        lists,
        model.evaluation,
        model.differences,
        model.way,
        model.beats_baseline,
        model.k,
        model.days,
        has_margin,
        int(first["bought"].sum()),
    )


def _on_sale(base: CustomerBase, model: NextProduct, facts: pd.DataFrame) -> list[object]:
    held = model.histories
    sold = set(held.items[held.what[held.when > day_number(base.day) - RECENT]])
    day = pd.Timestamp(base.day)
    over = facts["discontinued_at"].notna() & (facts["discontinued_at"] <= day)
    early = facts["launched_at"].notna() & (facts["launched_at"] > day)
    return sorted(sold - set(facts.index[over | early]))


def _packed(found: NextOffers) -> Mapping[str, Any]:
    plain = {n: getattr(found, n) for n in ("way", "beats_baseline", "k", "days", "has_margin", "hits")}
    return {
        "lists": found.lists, "evaluation": found.evaluation, "differences": found.differences, "plain": plain
    }  # fmt: skip


def _unpacked(parts: Mapping[str, Any]) -> NextOffers:
    tables = {name: parts[name] for name in ("lists", "evaluation", "differences")}
    return NextOffers(**tables, **parts["plain"])
