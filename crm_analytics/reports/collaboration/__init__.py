"""The collaboration report: who sees whom, who contradicts whom, hand-offs, repeated questions, pipeline.

Each function is one section of `12_collaboration.ipynb`.
"""

from crm_analytics.reports.collaboration.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.collaboration.report import CollaborationReport, prepare
from crm_analytics.reports.collaboration.sections import (
    method,
    record,
    sales_pipeline,
    what_contradicts,
    what_is_handed_over,
    who_sees_whom,
)

__all__ = [
    "CollaborationReport",
    "actions",
    "findings",
    "glossary",
    "headline",
    "kpis",
    "method",
    "prepare",
    "record",
    "sales_pipeline",
    "what_contradicts",
    "what_is_handed_over",
    "who_sees_whom",
]
