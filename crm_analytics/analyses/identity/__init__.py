"""Who is who: which records are one customer, why, and what was known of them before.

Rules come first and need nothing further; pairs that no rule finds are weighed by Fellegi and Sunter's
model with the extra `identity`. `resolve` brings a `Memory` up to date; its map goes into
`CustomerBase.with_identities`.
"""

from crm_analytics.analyses.identity.linkage import LinkageModel, has_linkage
from crm_analytics.analyses.identity.memory import Memory, decide_apart, decide_same, forgotten
from crm_analytics.analyses.identity.resolution import Night, resolve
from crm_analytics.analyses.identity.review import compared_fields, explained, reasons_of, review_list, trail
from crm_analytics.analyses.identity.weights import (
    match_probability,
    match_weight,
    threshold_without_labels,
)
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "LinkageModel",
    "Memory",
    "Night",
    "compared_fields",
    "decide_apart",
    "decide_same",
    "explained",
    "forgotten",
    "has_linkage",
    "match_probability",
    "match_weight",
    "reasons_of",
    "resolve",
    "review_list",
    "threshold_without_labels",
    "trail",
]

know_names(globals())
