"""The social report: what is said in public, how it sounds, whether it is answered, and who waits.

Each function is one section of `16_social.ipynb`: it takes the prepared report and gives one block.
On a base too small, or without mentions, it gives the section's small form.
"""

from crm_analytics.reports.social.first_screen import (
    actions,
    findings,
    glossary,
    headline,
    how_much_and_how,
    kpis,
)
from crm_analytics.reports.social.method import method, record
from crm_analytics.reports.social.report import SocialReport, prepare
from crm_analytics.reports.social.sections import (
    how_much_is_liked,
    how_we_answer,
    talk_and_sales,
    what_about,
    who_waits,
    whose_voice,
    whose_word_is_answered,
)

__all__ = [
    "SocialReport",
    "actions",
    "findings",
    "glossary",
    "headline",
    "how_much_and_how",
    "how_much_is_liked",
    "how_we_answer",
    "kpis",
    "method",
    "prepare",
    "record",
    "talk_and_sales",
    "what_about",
    "who_waits",
    "whose_voice",
    "whose_word_is_answered",
]
