"""Whom to contact and why, whom not, and what came of it: campaign lists that close the loop."""

from crm_analytics.analyses.campaigns.evaluation import Evaluation, evaluate
from crm_analytics.analyses.campaigns.incentives import Incentives, incentives
from crm_analytics.analyses.campaigns.qini import Qini, qini
from crm_analytics.analyses.campaigns.response import response, response_by_group
from crm_analytics.analyses.campaigns.uplift import Uplift
from crm_analytics.analyses.campaigns.waves import Waves, past_waves

__all__ = [
    "Evaluation",
    "Incentives",
    "Qini",
    "Uplift",
    "Waves",
    "evaluate",
    "incentives",
    "past_waves",
    "qini",
    "response",
    "response_by_group",
]
