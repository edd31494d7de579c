"""The partners report: whom we share with each partner, who is new, and whom each may be offered to.

Each function is one section of `13_partners.ipynb`. Without partners' records it gives its small form.
"""

from crm_analytics.reports.partners.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.partners.method import method, record
from crm_analytics.reports.partners.report import PartnerReport, prepare
from crm_analytics.reports.partners.sections import (
    give_and_get,
    how_tokens_were_made,
    what_shared_customers_buy,
    who_is_alike,
    who_is_new,
    whom_we_share,
)

__all__ = [
    "PartnerReport",
    "actions",
    "findings",
    "give_and_get",
    "glossary",
    "headline",
    "how_tokens_were_made",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_shared_customers_buy",
    "who_is_alike",
    "who_is_new",
    "whom_we_share",
]
