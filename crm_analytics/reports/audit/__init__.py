"""The customer-base audit: who are our customers, and how healthy is the base.

Each function is one section of `03_audit.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.audit.cohort_sections import (
    do_they_come_back,
    how_a_cohort_ages,
    what_a_cohort_is_worth,
    who_brings_todays_revenue,
)
from crm_analytics.reports.audit.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.audit.method import method, record
from crm_analytics.reports.audit.report import AuditReport, prepare
from crm_analytics.reports.audit.sections import (
    does_winning_cost_more_than_keeping,
    how_different_customers_are,
    where_good_customers_come_from,
    where_it_was_won_and_lost,
    who_costs_more_than_they_bring,
    who_made_the_change,
    why_revenue_changed,
)

__all__ = [
    "AuditReport",
    "actions",
    "do_they_come_back",
    "does_winning_cost_more_than_keeping",
    "findings",
    "glossary",
    "headline",
    "how_a_cohort_ages",
    "how_different_customers_are",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_a_cohort_is_worth",
    "where_good_customers_come_from",
    "where_it_was_won_and_lost",
    "who_brings_todays_revenue",
    "who_costs_more_than_they_bring",
    "who_made_the_change",
    "why_revenue_changed",
]
