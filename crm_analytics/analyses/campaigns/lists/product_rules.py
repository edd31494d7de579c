"""Lists that follow what products do: a category's coming season, and the next product of a fitted model."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.products.category_months import AHEAD, category_months, coming_peak
from crm_analytics.analyses.products.likely_buyers import likely_buyers
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
        first = first[first["probability"] >= least]
        if first.empty:
            return _nobody(known)
        found = known.base.to_engine(
            pd.DataFrame(
                {
                    "customer_id": first["customer_id"],
                    "item": first["product"],
                    "reason": first["reason"].where(first["is_repeat"], "goes with what they bought"),
                }
            )
        )
        return found.semi_join(known.buyers, "customer_id")

    return who


def _nobody(known: Known) -> ir.Table:
    return known.buyers.select("customer_id").limit(0)
