"""The voice report: what customers answer, who answers, why they buy, and whether they do what they say.

Each function is one section of `15_voice.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.voice.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.voice.method import method, record
from crm_analytics.reports.voice.report import VoiceReport, prepare
from crm_analytics.reports.voice.sections import (
    how_they_say_they_came,
    reasons_by_segment,
    said_against_done,
    scores_by_segment,
    scores_over_time,
    what_moves_the_score,
    what_they_write_about,
    who_answers,
    why_they_buy,
)

__all__ = [
    "VoiceReport", "actions", "findings", "glossary", "headline", "how_they_say_they_came", "kpis", "method",
    "prepare", "reasons_by_segment", "record", "said_against_done", "scores_by_segment", "scores_over_time",
    "what_moves_the_score", "what_they_write_about", "who_answers", "why_they_buy",
]  # fmt: skip
