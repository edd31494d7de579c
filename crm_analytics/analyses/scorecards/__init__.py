"""Scorecards: the frameworks of the field, measured.

A framework is data (`frameworks/*.toml`, or a user's own file): blocks, their key figures with weight,
direction, floor and target, and questions that only people can answer. `framework.read` reads one,
`scoring.score` measures it, `suitability.ranked` says which framework suits a company, `explanation.explain`
prints a figure's formula with its numbers.
"""

from crm_analytics.analyses.scorecards.explanation import explain
from crm_analytics.analyses.scorecards.framework import Framework, names, read
from crm_analytics.analyses.scorecards.scoring import Scorecard, score
from crm_analytics.analyses.scorecards.suitability import Suitability, ranked
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Framework",
    "Scorecard",
    "Suitability",
    "explain",
    "names",
    "ranked",
    "read",
    "score",
]

know_names(globals())
