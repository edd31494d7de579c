"""The strategy report: which model suits us, where we stand, the weakest links, the next step.

Each function is one section of `19_strategy.ipynb`: it takes the prepared report and gives one block.
On a base too small for a report it gives the section's small form.
"""

from crm_analytics.reports.strategy.first_screen import (
    actions,
    findings,
    glossary,
    headline,
    kpis,
    where_we_stand,
)
from crm_analytics.reports.strategy.method import method, record
from crm_analytics.reports.strategy.report import StrategyReport, prepare
from crm_analytics.reports.strategy.sections import (
    every_figure,
    formulas,
    intention_and_reality,
    weakest_links,
    what_to_bring,
    which_model_suits,
)

__all__ = [
    "StrategyReport",
    "actions",
    "every_figure",
    "findings",
    "formulas",
    "glossary",
    "headline",
    "intention_and_reality",
    "kpis",
    "method",
    "prepare",
    "record",
    "weakest_links",
    "what_to_bring",
    "where_we_stand",
    "which_model_suits",
]
