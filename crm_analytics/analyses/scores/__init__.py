"""Scores that leave: one row per customer, and key figures as rows."""

from crm_analytics.analyses.scores.customer_scores import PARTS, CustomerScores, customer_scores
from crm_analytics.analyses.scores.kpi_rows import kpi_rows, measured_of
from crm_analytics.analyses.scores.value_range import value_ranges, worth_ratios
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "PARTS",
    "CustomerScores",
    "customer_scores",
    "kpi_rows",
    "measured_of",
    "value_ranges",
    "worth_ratios",
]

know_names(globals())
