"""The journey report: which way customers take, where they stop, how it feels, and what it is worth.

Each function is one section of `06_journey.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.journey.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.journey.method import method, record
from crm_analytics.reports.journey.path_sections import (
    against_the_expected_journey,
    how_many_are_active,
    step_by_step,
    ways_through_a_visit,
    what_buyers_do_differently,
)
from crm_analytics.reports.journey.report import JourneyReport, prepare
from crm_analytics.reports.journey.sections import (
    by_device,
    how_long_until_they_buy,
    looked_at_and_left,
    the_map,
    the_map_of_each_segment,
    what_hurts,
    where_customers_are_lost,
)

__all__ = [
    "JourneyReport", "actions", "against_the_expected_journey", "by_device", "findings", "glossary",
    "headline", "how_long_until_they_buy", "how_many_are_active", "kpis", "looked_at_and_left", "method",
    "prepare", "record", "step_by_step", "the_map", "the_map_of_each_segment", "ways_through_a_visit",
    "what_buyers_do_differently", "what_hurts", "where_customers_are_lost",
]  # fmt: skip
