"""RFM: recency, frequency and monetary value; segments, moves between them, what to do with each.

`score` a base; `migration` compares two scorings; `plays` says what each segment is worth talking to.
"""

from crm_analytics.analyses.rfm.migration import Migration, migration
from crm_analytics.analyses.rfm.plays import plays
from crm_analytics.analyses.rfm.rules import (
    NO_PURCHASE,
    Rhythm,
    Rule,
    check_rules,
    default_rules,
    read_rules,
    rhythm_of,
)
from crm_analytics.analyses.rfm.scores import (
    MEASURES,
    MINIMUM_CUSTOMERS,
    NEEDS,
    ORDER_BANDS,
    OTHERS,
    RfmScores,
    recency_frequency_grid,
    revenue_concentration,
    score,
)
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "MEASURES",
    "MINIMUM_CUSTOMERS",
    "NEEDS",
    "NO_PURCHASE",
    "ORDER_BANDS",
    "OTHERS",
    "Migration",
    "RfmScores",
    "Rhythm",
    "Rule",
    "check_rules",
    "default_rules",
    "migration",
    "plays",
    "read_rules",
    "recency_frequency_grid",
    "revenue_concentration",
    "rhythm_of",
    "score",
]

know_names(globals())
