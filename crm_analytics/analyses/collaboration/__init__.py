"""Whether teams work together: who sees whom, contradictions, hand-offs, repeated questions, pipeline."""

from crm_analytics.analyses.collaboration.contacts import TEAMS, contacts, teams_seen
from crm_analytics.analyses.collaboration.coordination import (
    Rate,
    contradictions,
    hand_offs,
    repeated_questions,
)
from crm_analytics.analyses.collaboration.pipeline import Pipeline, pipeline
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "TEAMS",
    "Pipeline",
    "Rate",
    "contacts",
    "contradictions",
    "hand_offs",
    "pipeline",
    "repeated_questions",
    "teams_seen",
]

know_names(globals())
