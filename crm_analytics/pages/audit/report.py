"""What the audit is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses import audit
from crm_analytics.analyses.cohorts import Cohorts, cohorts
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import words
from crm_analytics.pages.small_form import SEGMENTS_FROM, SmallReport

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class AuditReport:
    """Everything the sections show; a part that the data do not hold is None.

    Attributes
    ----------
    spread : how different customers are, over the last `compare_to`
    change : that period against the one before
    acquisition : first years by source
    cohorts : lenses 3 to 5
    """

    base: CustomerBase
    show_customers: bool
    spread: audit.ValueSpread | None
    change: audit.Change | None
    acquisition: audit.Acquisition | None
    cohorts: Cohorts | None

    def money(self, amount: Any) -> str:
        """An amount in the base's currency."""
        return words.money(amount, self.base.currency)

    @property
    def currency(self) -> str:
        """As a format."""
        return f"money:{self.base.currency}"


def prepare(
    base: CustomerBase, *, every: str = "auto", compare_to: str = "-52w", show_customers: bool = False
) -> AuditReport | SmallReport:
    """Look at the base through the five lenses.

    Parameters
    ----------
    every : length of a cohort's period: month, quarter, year, or auto by the length of the history
    compare_to : length of the period that customers are compared over, and of the one before ("-52w")
    """
    seen = overview(base)
    if seen.customers < SEGMENTS_FROM or seen.revenue <= 0:
        return SmallReport(base, seen, show_customers)
    try:
        spread = audit.value_spread(base, compare_to)
    except NotEnoughData:
        spread = None
    return AuditReport(
        base,
        show_customers,
        spread,
        audit.change(base, compare_to),
        audit.acquisition(base),
        cohorts(base, every),
    )
