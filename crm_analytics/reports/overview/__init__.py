"""The overview: the cover page of a company, made from its key figures and from what the other reports said.

Each function is one section of `00_overview.ipynb`: it takes the prepared report and gives one block.
On a base too small for a report it gives the section's small form.
"""

from crm_analytics.reports.overview.first_screen import (
    actions,
    findings,
    glossary,
    headline,
    kpis,
    other_reports,
    revenue_by_period,
)
from crm_analytics.reports.overview.method import last_run, method, record
from crm_analytics.reports.overview.report import OverviewReport, SmallOverview, prepare

__all__ = [
    "OverviewReport",
    "SmallOverview",
    "actions",
    "findings",
    "glossary",
    "headline",
    "kpis",
    "last_run",
    "method",
    "other_reports",
    "prepare",
    "record",
    "revenue_by_period",
]
