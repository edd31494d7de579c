"""The customer journey: every step in one order, and the views of it."""

from crm_analytics.analyses.journey.daily import STATES, daily_states
from crm_analytics.analyses.journey.mapping import JourneyMap, journey_map
from crm_analytics.analyses.journey.merging import PURCHASE, SOURCES, STAGES
from crm_analytics.analyses.journey.path import END, START, Journey, journey

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
