"""Social CRM: mentions, how they sound, whether they are answered, and whose word counts."""

from crm_analytics.analyses.social.engagement import engagement
from crm_analytics.analyses.social.influence import Influence, influence
from crm_analytics.analyses.social.lead_lag import LeadLag, lead_lag
from crm_analytics.analyses.social.mentions import Mentions, mentions
from crm_analytics.analyses.social.response import Response, response, waiting
from crm_analytics.analyses.social.vader import english_sentiment
from crm_analytics.analyses.social.volume import Voice, voice
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Influence",
    "LeadLag",
    "Mentions",
    "Response",
    "Voice",
    "engagement",
    "english_sentiment",
    "influence",
    "lead_lag",
    "mentions",
    "response",
    "voice",
    "waiting",
]

know_names(globals())
