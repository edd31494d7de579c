"""The referrals report: who brings whom, what that is worth, and whom to ask next.

Each function is one section of `17_referrals.ipynb`: it takes the prepared report and gives one block.
On a base too small, or without invitations, it gives the section's small form.
"""

from crm_analytics.reports.referrals.first_screen import (
    actions,
    findings,
    glossary,
    headline,
    how_referrals_grow,
    kpis,
)
from crm_analytics.reports.referrals.method import method, record
from crm_analytics.reports.referrals.report import ReferralReport, prepare
from crm_analytics.reports.referrals.sections import (
    referred_against_others,
    top_referrers,
    what_referrals_bring,
    who_brought_whom,
    who_moved,
    who_refers_next,
    worth_themselves_and_by_others,
)

__all__ = [
    "ReferralReport",
    "actions",
    "findings",
    "glossary",
    "headline",
    "how_referrals_grow",
    "kpis",
    "method",
    "prepare",
    "record",
    "referred_against_others",
    "top_referrers",
    "what_referrals_bring",
    "who_brought_whom",
    "who_moved",
    "who_refers_next",
    "worth_themselves_and_by_others",
]
