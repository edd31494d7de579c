"""The customer-equity report: what customers are worth, and where the next money should go.

Each function is one section of `18_customer_equity.ipynb`: it takes the prepared report and gives one block.
On a base too small for a forecast it gives the section's small form.
"""

from crm_analytics.reports.customer_equity.brand_sections import brands, drivers, switching
from crm_analytics.reports.customer_equity.first_screen import (
    actions,
    findings,
    glossary,
    headline,
    kpis,
    where_equity_comes_from,
)
from crm_analytics.reports.customer_equity.method import method, record
from crm_analytics.reports.customer_equity.report import EquityReport, prepare
from crm_analytics.reports.customer_equity.sections import (
    by_channel,
    future_customers,
    next_budget,
    one_per_cent,
    tests_to_make,
    winning_and_keeping,
)

__all__ = [
    "EquityReport",
    "actions",
    "brands",
    "by_channel",
    "drivers",
    "findings",
    "future_customers",
    "glossary",
    "headline",
    "kpis",
    "method",
    "next_budget",
    "one_per_cent",
    "prepare",
    "record",
    "switching",
    "tests_to_make",
    "where_equity_comes_from",
    "winning_and_keeping",
]
