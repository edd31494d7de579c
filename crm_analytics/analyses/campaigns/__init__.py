"""Whom to contact and why, whom not, and what came of it: campaign lists that close the loop."""

from crm_analytics.analyses.campaigns.evaluation import Evaluation, evaluate
from crm_analytics.analyses.campaigns.exporting import export, issued, previous_of, take_out
from crm_analytics.analyses.campaigns.incentives import Incentives, incentives
from crm_analytics.analyses.campaigns.known import Previous
from crm_analytics.analyses.campaigns.leaving import leaving
from crm_analytics.analyses.campaigns.lists import Lists, lists
from crm_analytics.analyses.campaigns.measuring import as_campaigns, write_campaigns
from crm_analytics.analyses.campaigns.qini import Qini, qini
from crm_analytics.analyses.campaigns.response import response, response_by_group
from crm_analytics.analyses.campaigns.rules import RULES, ListRule, chosen
from crm_analytics.analyses.campaigns.suppression import STEPS
from crm_analytics.analyses.campaigns.tallies import overlap, reach_of_top, summary, waterfall
from crm_analytics.analyses.campaigns.terms import CHANNELS, Terms
from crm_analytics.analyses.campaigns.uplift import Uplift
from crm_analytics.analyses.campaigns.waves import Waves, past_waves

__all__ = [
    "CHANNELS",
    "RULES",
    "STEPS",
    "Evaluation",
    "Incentives",
    "ListRule",
    "Lists",
    "Previous",
    "Qini",
    "Terms",
    "Uplift",
    "Waves",
    "as_campaigns",
    "chosen",
    "evaluate",
    "export",
    "incentives",
    "issued",
    "leaving",
    "lists",
    "overlap",
    "past_waves",
    "previous_of",
    "qini",
    "reach_of_top",
    "response",
    "response_by_group",
    "summary",
    "take_out",
    "waterfall",
    "write_campaigns",
]
