"""Which categories the same customers buy, and how many keep to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import holm, wilson
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.products import independence
from crm_analytics.analyses.products.product_lines import product_lines, refuse_single
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 50  # customers
CATEGORIES = 40  # the largest
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class CrossShop(ObjectCard):
    """Categories by customers.

    Attributes
    ----------
    pairs : category_a, category_b, customers (of both), only_a, only_b, share (of a's customers who buy b,
        too), lower, upper (95 %, Wilson), expected (customers of both, were the two independent among
        customers of equally many categories), lift (customers over expected), p_adjusted (Holm), clear;
        largest lift first
    breadth : categories (how many a customer buys), customers, share
    customers : who bought in any category
    """

    pairs: pd.DataFrame
    breadth: pd.DataFrame
    customers: int

    card_frame = "pairs"
    plot = Plots("crm_analytics.analyses.products.pictures", "categories", "breadth")


def cross_shop(base: CustomerBase, level: str = "category") -> CrossShop:
    """Count customers of each pair of categories.

    Who buys much buys everything; so what is expected holds the number of categories of each customer.

    Raises
    ------
    DataError : products have no category, or one only.
    NotEnoughData : fewer than `MINIMUM` customers.
    """
    lines = product_lines(base, level)
    lines = lines.filter(lines.customer_id.notnull(), ~lines.is_return, ~lines.is_free)
    bought = base.materialise(lines.select("customer_id", "product").distinct())
    each = base.collect(bought.group_by("product").aggregate(customers=bought.count()))
    refuse_single(len(each), "cross-shopping")
    each = each.sort_values(["customers", "product"], ascending=[False, True]).head(CATEGORIES)
    bought = bought.filter(bought["product"].isin(each["product"].tolist()))
    width = bought.group_by("customer_id").aggregate(size=bought.count())
    breadth = base.collect(
        width.group_by(categories="size").aggregate(customers=width.count()).order_by("categories")
    )
    total = int(breadth["customers"].sum())
    if total < MINIMUM:
        raise NotEnoughData("cross-shopping", total, MINIMUM)
    held = bought.inner_join(width, "customer_id")
    margins = base.collect(held.group_by("product", "size").aggregate(n=held.count()))
    one, two = held.select("customer_id", a="product"), held.select(other="customer_id", b="product")
    met = one.join(two, [one.customer_id == two.other, one.a < two.b])
    pairs = base.collect(met.group_by("a", "b").aggregate(customers=met.count()).order_by("a", "b"))
    breadth["share"] = breadth["customers"] / total
    return CrossShop(_compared(pairs, each, margins), breadth, total)


def _compared(pairs: pd.DataFrame, each: pd.DataFrame, margins: pd.DataFrame) -> pd.DataFrame:
    names = pd.Index(np.sort(each["product"]))
    held = each.set_index("product")["customers"].reindex(names).to_numpy(float)
    margins = margins[margins["size"] > 1].sort_values(["product", "size"])
    frame = pd.DataFrame(
        {
            "item": names.get_indexer(margins["product"]),
            "stratum": margins["size"].to_numpy(),
            "meetings": margins["n"].to_numpy() * (margins["size"].to_numpy() - 1),
        }
    )
    a, b = names.get_indexer(pairs["a"]), names.get_indexer(pairs["b"])
    due = independence.expected(independence.weights(frame, len(names)), a, b)
    met = pairs["customers"].to_numpy(float)
    p = independence.p_of(met, due, np.minimum(held[a], held[b]))
    adjusted = holm(p, len(names) * (len(names) - 1) / 2)
    bounds = np.array([wilson(int(k), int(n)) for k, n in zip(met, held[a], strict=True)]).reshape(-1, 2)
    table = pd.DataFrame(
        {
            "category_a": pairs["a"],
            "category_b": pairs["b"],
            "customers": pairs["customers"],
            "only_a": (held[a] - met).astype("int64"),
            "only_b": (held[b] - met).astype("int64"),
            "share": met / held[a],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            "expected": due,
            "lift": np.divide(met, due, out=np.full(len(met), np.nan), where=due > 0),
            "p_adjusted": adjusted,
            "clear": adjusted < LEVEL,
        }
    )
    return table.sort_values(
        ["lift", "category_a", "category_b"], ascending=[False, True, True], ignore_index=True
    )
