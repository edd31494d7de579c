"""Whom to contact and why, whom not, and what came of it: campaign lists that close the loop."""

from crm_analytics.analyses.campaigns.incentives.incentives import Incentives, incentives
from crm_analytics.analyses.campaigns.lists.churn_scores import leaving
from crm_analytics.analyses.campaigns.lists.contact_policy import CHANNELS, Terms
from crm_analytics.analyses.campaigns.lists.exporting import export, issued, previous_of
from crm_analytics.analyses.campaigns.lists.list_summaries import (
    overlap,
    reach_of_top,
    summary,
    waterfall,
)
from crm_analytics.analyses.campaigns.lists.lists import Lists, lists
from crm_analytics.analyses.campaigns.lists.rules import RULES, ListRule, chosen
from crm_analytics.analyses.campaigns.lists.suppression import STEPS
from crm_analytics.analyses.campaigns.lists.wave_repair import is_torn, repair, repair_record
from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves, past_waves
from crm_analytics.analyses.campaigns.measurement.evaluation import Evaluation, evaluate
from crm_analytics.analyses.campaigns.measurement.measuring import as_campaigns, write_campaigns
from crm_analytics.analyses.campaigns.measurement.qini import Qini, qini
from crm_analytics.analyses.campaigns.measurement.response import response, response_by_group
from crm_analytics.analyses.campaigns.measurement.uplift import Uplift
from crm_analytics.analyses.customer_facts import Previous
from crm_analytics.tables.wrong_calls import know_names

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
    "is_torn",
    "issued",
    "leaving",
    "lists",
    "overlap",
    "past_waves",
    "previous_of",
    "qini",
    "reach_of_top",
    "repair",
    "repair_record",
    "response",
    "response_by_group",
    "summary",
    "waterfall",
    "write_campaigns",
]

know_names(globals())
