"""What data can be so odd in that the report must say it first: spend without a mean, dates without days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses import btyd
from crm_analytics.pages import words

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


def has_mean(spend: btyd.GammaGamma) -> bool:
    """Whether there is a mean spend to price purchases with."""
    return spend.params["q"] > 1


def without_mean(spend: btyd.GammaGamma) -> str:
    """Why purchases have no price, and what to do."""
    return (
        "A few customers spend so much on a purchase that the average has no limit (q of Gamma-Gamma is "
        f"{words.number(spend.params['q'], 2)}, not above 1). Look for mistakes and wholesale buyers among "
        "the largest amounts; if all are right, value customers by their own average."
    )


def odd_dates(base: CustomerBase) -> str:
    """Where dates look like those of whole weeks or months: what that does here, and what would be better."""
    found = btyd.cadence(base)
    if not found:
        return ""
    span = "month" if "month" in found else "week"
    return (
        f"The dates look like totals by {span}, not like days of purchase: whoever bought twice in a {span} "
        f"counts once, so read purchases here as {span}s with a purchase. Give the day of each purchase if "
        f"it is known; if you sell on one day of the {span} only, all is well."
    )
