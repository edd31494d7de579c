"""The customer-base audit: how different customers are, how they change, where they came from.

Lenses 1 and 2 and acquisition; lenses 3 to 5 are `analyses.cohorts`.

Source: P. S. Fader, B. G. S. Hardie & M. Ross, *The Customer-Base Audit* (2022).
"""

from crm_analytics.analyses.audit.acquisition import (
    Acquisition,
    CostOfWinning,
    acquisition,
    cost_of_winning,
)
from crm_analytics.analyses.audit.change import Change, change, new_repeating_lapsed
from crm_analytics.analyses.audit.gain_loss import gain_loss, gain_loss_by
from crm_analytics.analyses.audit.revenue_tree import Period, RevenueTree, revenue_tree
from crm_analytics.analyses.audit.source_comparison import sources_apart
from crm_analytics.analyses.audit.value_spread import ValueSpread, value_spread
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Acquisition",
    "Change",
    "CostOfWinning",
    "Period",
    "RevenueTree",
    "ValueSpread",
    "acquisition",
    "change",
    "cost_of_winning",
    "gain_loss",
    "gain_loss_by",
    "new_repeating_lapsed",
    "revenue_tree",
    "sources_apart",
    "value_spread",
]

know_names(globals())
