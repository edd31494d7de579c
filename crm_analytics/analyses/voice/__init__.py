"""The voice of the customer: scores by segment, who answers, reasons, topics, what was said and done."""

from crm_analytics.analyses.voice.answers import CES, CSAT, NPS, Answers, answers
from crm_analytics.analyses.voice.drivers import score_drivers
from crm_analytics.analyses.voice.reasons import free_texts, reasons_by_segment, stated_reasons
from crm_analytics.analyses.voice.response_bias import ResponseBias, response_bias
from crm_analytics.analyses.voice.said_and_done import FOLLOWED, agreement, heard_from, said_and_done
from crm_analytics.analyses.voice.scores import (
    Score,
    apart,
    difference,
    net_promoter_score,
    score,
    scores_by_group,
)
from crm_analytics.analyses.voice.topics import Topics, topics
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "CES", "CSAT", "FOLLOWED", "NPS", "Answers", "ResponseBias", "Score", "Topics", "agreement", "answers",
    "apart", "difference", "free_texts", "heard_from", "net_promoter_score", "reasons_by_segment",
    "response_bias", "said_and_done", "score", "score_drivers", "scores_by_group", "stated_reasons", "topics",
]  # fmt: skip

know_names(globals())
