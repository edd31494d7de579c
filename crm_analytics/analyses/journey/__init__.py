"""The customer journey: every step in one order, and the views of it."""

from crm_analytics.analyses.journey.merging import PURCHASE, SOURCES, STAGES
from crm_analytics.analyses.journey.path import END, START, Journey, journey

__all__ = ["END", "PURCHASE", "SOURCES", "STAGES", "START", "Journey", "journey"]
