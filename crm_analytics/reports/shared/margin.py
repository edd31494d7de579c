"""The margin a report counts with, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crm_analytics.analyses.margin import margin_share

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Margin:
    """What is left of revenue after the cost of the goods.

    Attributes
    ----------
    share : of revenue, above 0 to 1; None where it is not known
    source : "given" by whoever asked, from "unit costs" in the data, "assumed", or "unknown"
    """

    share: float | None
    source: Literal["given", "unit costs", "assumed", "unknown"]

    def or_assumed(self, share: float) -> tuple[float, Margin]:
        """The share, or another in its place where it is not known; and where it comes from.

        >>> Margin(None, "unknown").or_assumed(0.4)
        (0.4, Margin(share=0.4, source='assumed'))
        """
        if self.share is not None:
            return self.share, self
        return share, Margin(share, "assumed")


def margin_of(base: CustomerBase, given: float = 0.0) -> Margin:
    """The margin as given; else from unit costs in the data; else unknown.

    Parameters
    ----------
    given : share of revenue; 0 takes it from the data
    """
    if given:
        return Margin(given, "given")
    found = margin_share(base)
    return Margin(found, "unknown" if found is None else "unit costs")
