"""Lists that follow what products do: a category's coming season, and the next product of a fitted model."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.products.category_months import category_months
from crm_analytics.analyses.products.likely_buyers import likely_buyers
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known, Who
    from crm_analytics.analyses.products.next_product import NextProduct

AHEAD = 8  # weeks in which a peak is looked for
LIKELY = 2.0  # times the mean probability, from which a customer is a likely buyer
WORTHWHILE = 110.0  # index of a month, from which it is a peak worth a mail


def season_offer(known: Known) -> ir.Table:
    """Likely buyers of the category whose season comes next: before the peak, whoever bought it then.

    A season is one that is beyond chance and was there in every year seen; without one nobody is on the list.
    """
    peak = coming_peak(known)
    if peak is None:
        return _nobody(known)
    category, month, start = peak
    try:
        found = likely_buyers(known.base, category, AHEAD)
    except NotEnoughData:
        return _nobody(known)
    customers = found.customers.filter(found.customers.probability >= LIKELY * found.mean)
    return customers.select(
        "customer_id",
        due_on=ibis.literal(start.date()),
        item=ibis.literal(category),
        reason=ibis.literal(f"likely to buy {category} in its season, {calendar.month_name[month]}"),
    )


def coming_peak(known: Known) -> tuple[str, int, pd.Timestamp] | None:
    """Category, month and first day of the next weeks' peak: the highest index of those that are clear."""
    try:
        cells = category_months(known.base).cells
    except NotEnoughData:
        return None
    days = pd.date_range(pd.Timestamp(known.day) + pd.Timedelta(days=1), periods=7 * AHEAD, freq="D")
    first = {int(day.month): day for day in days[::-1]}
    peaks = cells[cells["clear"] & (cells["index"] >= WORTHWHILE) & cells["month"].isin(first)]
    if peaks.empty:
        return None
    best = peaks.sort_values(["index", "category"], ascending=[False, True]).iloc[0]
    return str(best["category"]), int(best["month"]), first[int(best["month"])]


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
