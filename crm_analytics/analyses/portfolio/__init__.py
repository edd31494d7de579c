"""The customer portfolio: most valuable, most growable, strategic and unprofitable customers, value tiers."""

from crm_analytics.analyses.portfolio.portfolio import Portfolio, portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant, significant
from crm_analytics.analyses.portfolio.value_grid import ValueGrid, value_grid
from crm_analytics.analyses.portfolio.value_tiers import ValueTiers, value_tiers
from crm_analytics.tables.wrong_calls import know_names

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

know_names(globals())
