"""The profiles report: who is worth most, who moved, what sets customers apart, and what to do.

Each function is one section of `04_profiles.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.profiles.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.profiles.method import method, record
from crm_analytics.reports.profiles.report import ProfilesReport, prepare
from crm_analytics.reports.profiles.sections import (
    what_to_do_with_each_segment,
    where_customers_moved,
    who_is_worth_most,
    who_matters_and_why,
    whom_to_look_after,
)
from crm_analytics.reports.profiles.trait_sections import (
    what_sets_segments_apart,
    what_the_best_customers_like,
    which_habits_go_with_whom,
    who_they_are,
    who_wants_the_same,
)

__all__ = [
    "ProfilesReport",
    "actions",
    "findings",
    "glossary",
    "headline",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_sets_segments_apart",
    "what_the_best_customers_like",
    "what_to_do_with_each_segment",
    "where_customers_moved",
    "which_habits_go_with_whom",
    "who_is_worth_most",
    "who_matters_and_why",
    "who_they_are",
    "who_wants_the_same",
    "whom_to_look_after",
]
