"""The customer journey: every step in one order, and the views of it."""

from crm_analytics.analyses.journey.daily import STATES, daily_states
from crm_analytics.analyses.journey.event_log import PURCHASE, SOURCES, STAGES
from crm_analytics.analyses.journey.journey import Journey, journey
from crm_analytics.analyses.journey.journey_map import JourneyMap, journey_map
from crm_analytics.analyses.journey.steps import END, START
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "END",
    "PURCHASE",
    "SOURCES",
    "STAGES",
    "START",
    "STATES",
    "Journey",
    "JourneyMap",
    "daily_states",
    "journey",
    "journey_map",
]

know_names(globals())
