"""What data can be so odd in that the report must say it first: spend without a mean, dates without days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses import btyd

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


def has_mean(spend: btyd.GammaGamma) -> bool:
    """Whether there is a mean spend to price purchases with."""
    return spend.params["q"] > 1


def odd_dates(base: CustomerBase) -> str:
    """Whether dates look like totals of a "month" or "week", and not like days of purchase; else empty."""
    found = btyd.cadence(base)
    return ("month" if "month" in found else "week") if found else ""
