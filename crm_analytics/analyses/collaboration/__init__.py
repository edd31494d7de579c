"""Whether teams work together: who sees whom, contradictions, hand-offs, repeated questions, pipeline."""

from crm_analytics.analyses.collaboration.contacts import TEAMS, contacts, teams_seen
from crm_analytics.analyses.collaboration.coordination import (
    Rate,
    contradictions,
    hand_offs,
    repeated_questions,
)
from crm_analytics.analyses.collaboration.pipeline import Pipeline, pipeline

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


def __dir__() -> list[str]:
    """The public names: what completion offers."""
    return sorted(__all__)
