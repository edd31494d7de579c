"""The campaigns report: what past campaigns and incentives did, and whom to contact next.

Each function is one section of `09_campaigns.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.campaigns.answer_sections import who_answers
from crm_analytics.reports.campaigns.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.campaigns.incentive_sections import (
    do_offers_bring_people_back,
    what_incentives_do,
    what_was_given_away,
    who_buys_with_deals,
)
from crm_analytics.reports.campaigns.list_sections import (
    what_contacting_the_best_brings,
    who_comes_first,
    who_is_due_twice,
    who_is_kept_out,
    whom_to_contact_now,
)
from crm_analytics.reports.campaigns.method import method, record
from crm_analytics.reports.campaigns.report import CampaignsReport, prepare
from crm_analytics.reports.campaigns.sections import (
    were_the_arms_alike,
    what_campaigns_did,
    what_campaigns_earned,
    which_campaigns_worked,
    who_is_moved,
    whom_to_contact_first,
)

__all__ = [
    "CampaignsReport",
    "actions",
    "do_offers_bring_people_back",
    "findings",
    "glossary",
    "headline",
    "kpis",
    "method",
    "prepare",
    "record",
    "were_the_arms_alike",
    "what_campaigns_did",
    "what_campaigns_earned",
    "what_contacting_the_best_brings",
    "what_incentives_do",
    "what_was_given_away",
    "which_campaigns_worked",
    "who_answers",
    "who_buys_with_deals",
    "who_comes_first",
    "who_is_due_twice",
    "who_is_kept_out",
    "who_is_moved",
    "whom_to_contact_first",
    "whom_to_contact_now",
]
