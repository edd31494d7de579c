"""The lifecycle report: which stage each customer is in, how they move, what comes next.

Each function is one section of `05_lifecycle.ipynb`: it takes the prepared report and gives one block. A base
too small for stages gets the small form.
"""

from crm_analytics.reports.lifecycle.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.lifecycle.method import method, record
from crm_analytics.reports.lifecycle.outlook_sections import (
    did_the_last_forecast_hold,
    how_sizes_will_be,
    is_the_last_purchase_enough,
    what_a_state_is_worth,
    when_to_stop,
)
from crm_analytics.reports.lifecycle.report import LifecycleReport, prepare
from crm_analytics.reports.lifecycle.sections import (
    how_long_they_stay,
    how_stages_grew,
    what_becomes_of_them,
    where_customers_stand,
    who_moved_where,
)

__all__ = [
    "LifecycleReport",
    "actions",
    "did_the_last_forecast_hold",
    "findings",
    "glossary",
    "headline",
    "how_long_they_stay",
    "how_sizes_will_be",
    "how_stages_grew",
    "is_the_last_purchase_enough",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_a_state_is_worth",
    "what_becomes_of_them",
    "when_to_stop",
    "where_customers_stand",
    "who_moved_where",
]
