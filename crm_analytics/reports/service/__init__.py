"""The service report: how often customers need help, how they are helped, what it costs and what it changes.

Each function is one section of `14_service.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.service.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.service.method import method, record
from crm_analytics.reports.service.report import ServiceReport, prepare
from crm_analytics.reports.service.sections import (
    after_a_complaint,
    contacts_by_month,
    how_long_it_takes,
    how_well_it_goes,
    known_problems,
    products_that_cause_tickets,
    targets_kept,
    what_complaints_are_about,
    what_is_open,
    what_quick_help_changes,
    what_serving_costs,
    when_tickets_come,
    who_comes_again,
)

__all__ = [
    "ServiceReport", "actions", "after_a_complaint", "contacts_by_month", "findings", "glossary", "headline",
    "how_long_it_takes", "how_well_it_goes", "known_problems", "kpis", "method", "prepare",
    "products_that_cause_tickets", "record", "targets_kept", "what_complaints_are_about", "what_is_open",
    "what_quick_help_changes", "what_serving_costs", "when_tickets_come", "who_comes_again",
]  # fmt: skip
