"""Lists that follow what products do: a category's coming season, and the next product of a fitted model."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.campaigns.lists import buying_rules
from crm_analytics.analyses.products.category_months import AHEAD, category_months, coming_peak
from crm_analytics.analyses.products.likely_buyers import likely_buyers
from crm_analytics.analyses.products.next_product.reasons import SIMILAR
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known, Who
    from crm_analytics.analyses.products.next_product import NextProduct


def season_offer(known: Known) -> ir.Table:
    """Likely buyers of the category whose season comes next: before the peak, whoever bought it then.

    A season is one that is beyond chance and was there in every year seen; without one nobody is on the list.
    """
    try:
        peak = coming_peak(category_months(known.base), known.day)
        found = likely_buyers(known.base, peak.category, AHEAD) if peak else None
    except NotEnoughData:
        return _nobody(known)
    if peak is None or found is None:
        return _nobody(known)
    month = calendar.month_name[peak.month]
    return found.likely.select(
        "customer_id",
        due_on=ibis.literal(peak.start),
        item=ibis.literal(peak.category),
        reason=ibis.literal(f"likely to buy {peak.category} in its season, {month}"),
    )


def next_product(known: Known) -> ir.Table:
    """Who is more likely than customers are on average to buy the product they are likeliest to buy next.

    The model, or the rule that beats it, is `next_product.next_offers`'s. Where the data tell too little for
    either, whose usual product is due (`buying_rules.usual_product`).
    """
    if known.offers is None:
        return buying_rules.usual_product(known)
    best = known.offers.best
    return _offered(known, best[best["probability"] > best["probability"].mean()])


def replenishment_due(known: Known) -> ir.Table:
    """Whose latest purchase will be used up, with the margin they should bring by buying it again."""
    due = buying_rules.replenishment_due(known)
    if known.offers is None:
        return due
    told = known.base.to_engine(
        known.offers.lists[["customer_id", "product", "expected_margin"]].astype(
            {"expected_margin": "float64"}
        )
    )
    joined = due.left_join(told, [due.customer_id == told.customer_id, due["item"] == told["product"]])
    return joined.select("customer_id", "due_on", "item", "expected_margin")


def recommended(model: NextProduct, least: float = 0.0) -> Who:
    """The rule of a fitted model, to take the place of `next_product` in a table of rules.

    Parameters
    ----------
    model : fitted on the base of the wave
    least : probability below which a customer is not on the list

    Examples
    --------
    ``replace(chosen(["next_product"])[0], who=recommended(NextProduct.fit(base)))``
    """

    def who(known: Known) -> ir.Table:
        first = model.recommend(k=1)
        return _offered(known, first[first["probability"] >= least])

    return who


def _offered(known: Known, rows: pd.DataFrame) -> ir.Table:
    """The rows of a list of next products as a rule answers: item, reason and, where known, its margin."""
    if rows.empty:
        return _nobody(known)
    because = rows["because_name"] if "because_name" in rows else rows["because"]
    goes = "goes with " + because.astype("object").where(because.notna(), "what they bought").astype("str")
    reason = rows["reason"].where(rows["reason"] != SIMILAR, goes)
    frame = pd.DataFrame(
        {"customer_id": rows["customer_id"], "item": rows["product"], "reason": reason.astype("str")}
    )
    if "expected_margin" in rows:
        frame["expected_margin"] = rows["expected_margin"].round(4)
    return known.base.to_engine(frame).semi_join(known.buyers, "customer_id")


def _nobody(known: Known) -> ir.Table:
    return known.buyers.select("customer_id").limit(0)
