"""The segments report: who the customers are, who brings the money, who is at risk.

Each function is one section of `01_segments.ipynb`: it takes the prepared report and gives one block.
On a base too small for segments it gives the section's small form.
"""

from crm_analytics.reports.segments.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.segments.method import method, record
from crm_analytics.reports.segments.report import SegmentReport, prepare
from crm_analytics.reports.segments.sections import (
    does_80_20_hold,
    from_what_effect_writing_pays,
    what_changed,
    when_customers_come_back,
    where_the_money_sits,
    who_brings_the_money,
    whom_to_contact,
)

__all__ = [
    "SegmentReport",
    "actions",
    "does_80_20_hold",
    "findings",
    "from_what_effect_writing_pays",
    "glossary",
    "headline",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_changed",
    "when_customers_come_back",
    "where_the_money_sits",
    "who_brings_the_money",
    "whom_to_contact",
]
