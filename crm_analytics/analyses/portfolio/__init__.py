"""The customer portfolio: most valuable, most growable, strategic and unprofitable customers, value tiers."""

from crm_analytics.analyses.portfolio.portfolio import Portfolio, portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant, significant
from crm_analytics.analyses.portfolio.value_grid import ValueGrid, value_grid
from crm_analytics.analyses.portfolio.value_tiers import ValueTiers, value_tiers

__all__ = [
    "Portfolio",
    "Significant",
    "ValueGrid",
    "ValueTiers",
    "portfolio",
    "significant",
    "value_grid",
    "value_tiers",
]


def __dir__() -> list[str]:
    """The public names: what completion offers."""
    return sorted(__all__)
