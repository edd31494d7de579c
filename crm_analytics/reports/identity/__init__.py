"""The identity report: which records are one customer, why, and what counting them once changes.

Each function is one section of `11_identity.ipynb`: it takes the prepared report and gives one block.
On a base too small it gives the section's small form.
"""

from crm_analytics.reports.identity.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.identity.method import method, record
from crm_analytics.reports.identity.report import IdentityReport, prepare
from crm_analytics.reports.identity.sections import (
    fields_that_differ,
    how_they_were_found,
    pairs_to_look_at,
    segments_before_and_after,
    what_merging_changes,
)

__all__ = [
    "IdentityReport",
    "actions",
    "fields_that_differ",
    "findings",
    "glossary",
    "headline",
    "how_they_were_found",
    "kpis",
    "method",
    "pairs_to_look_at",
    "prepare",
    "record",
    "segments_before_and_after",
    "what_merging_changes",
]
