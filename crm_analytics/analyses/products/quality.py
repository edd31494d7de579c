"""Returns and complaints per 100 units of each product, against the whole catalogue's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.analyses.products import ratios
from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

BUYERS = 20  # of a product, below which its rate is not looked at
LEVEL = 0.05  # of false discoveries
KINDS = ("returns", "complaints")


@dataclass(frozen=True, eq=False)
class Quality(ObjectCard):
    """Products that come back, or are complained of.

    Attributes
    ----------
    products : kind ("returns" or "complaints"), product, buyers, units (sold), count (units returned, or
        complaints), rate (per 100 units), lower, upper (95 %, customers taken as the draw), catalogue (rate
        of all products), p_adjusted (of the catalogue's rate; Benjamini & Hochberg within a kind), verdict
        ("more", "fewer" or "as usual"), above_sales (more came back than was sold in these data: what was
        sold before them is not in it); worst first
    has_complaints : whether tickets name products and complaints
    """

    products: pd.DataFrame
    has_complaints: bool

    card_frame = "products"


def quality(base: CustomerBase) -> Quality:
    """Hold each product's returns and complaints against the catalogue's.

    Raises
    ------
    DataError : the source has no products.
    NotEnoughData : no product has `BUYERS` buyers.
    """
    lines = product_lines(base)
    lines = lines.filter(lines.customer_id.notnull(), ~lines.is_free)
    each = lines.group_by("product", "customer_id").aggregate(
        units=lines.quantity.sum(where=~lines.is_return).fill_null(0.0),
        returns=(-lines.quantity.sum(where=lines.is_return)).fill_null(0.0),
    )
    complaints = _complaints(base)
    if complaints is None:
        each = each.mutate(complaints=ibis.literal(0.0))
    else:
        each = each.left_join(complaints, ["product", "customer_id"])
        each = each.drop("product_right", "customer_id_right").mutate(
            complaints=each.complaints.fill_null(0.0)
        )
    each = base.materialise(each)
    kinds = KINDS if complaints is not None else KINDS[:1]
    parts = [_of_kind(base, each, kind) for kind in kinds]
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise NotEnoughData("returns and complaints by product", 0, BUYERS, "buyers of one product")
    order = table.assign(place=table["verdict"].map({"more": 0, "fewer": 1, "as usual": 2}))
    order = order.sort_values(["kind", "place", "rate", "product"], ascending=[False, True, False, True])
    return Quality(table.loc[order.index].reset_index(drop=True), complaints is not None)


def _complaints(base: CustomerBase) -> ir.Table | None:
    tickets = base.tables.get("tickets")
    if tickets is None or not {"product_id", "is_complaint", "customer_id"} <= set(tickets.columns):
        return None
    mine = tickets.filter(tickets.is_complaint, tickets.product_id.notnull(), tickets.customer_id.notnull())
    if not int(mine.count().to_pyarrow().as_py()):
        return None
    return mine.group_by("customer_id", product=mine.product_id).aggregate(
        complaints=mine.count().cast("float64")
    )


def _of_kind(base: CustomerBase, each: ir.Table, kind: str) -> pd.DataFrame:
    count = each[kind]
    sums = base.collect(
        each.group_by("product").aggregate(
            buyers=(each.units > 0).sum(),
            top=count.sum(),
            bottom=each.units.sum(),
            tt=(count * count).sum(),
            tb=(count * each.units).sum(),
            bb=(each.units * each.units).sum(),
        )
    )
    catalogue = float(sums["top"].sum() / max(float(sums["bottom"].sum()), 1e-300))
    table = sums[sums["buyers"] >= BUYERS].sort_values("product").reset_index(drop=True)
    rate = table["top"] / table["bottom"]
    half = Z95 * np.sqrt(ratios.scatter(table, rate.to_numpy(), pooled=True)) / table["bottom"]
    p = ratios.p_of(table, catalogue, pooled=True)
    adjusted = benjamini_hochberg(p) if len(p) else p
    verdict = np.where(adjusted >= LEVEL, "as usual", np.where(rate > catalogue, "more", "fewer"))
    return pd.DataFrame(
        {
            "kind": kind,
            "product": table["product"],
            "buyers": table["buyers"],
            "units": table["bottom"],
            "count": table["top"],
            "rate": 100 * rate,
            "lower": 100 * (rate - half).clip(lower=0),
            "upper": 100 * (rate + half),
            "catalogue": 100 * catalogue,
            "p_adjusted": adjusted,
            "verdict": verdict,
            "above_sales": table["top"] > table["bottom"],
        }
    )
