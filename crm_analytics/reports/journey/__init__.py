"""The journey report: which way customers take, where they are lost, how it feels, and what it is worth.

Each function is one section of `06_journey.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.journey.first_screen import actions, headline, kpis
from crm_analytics.reports.journey.method import method, record
from crm_analytics.reports.journey.path_sections import (
    against_the_expected_journey,
    step_by_step,
    ways_through_a_visit,
    what_buyers_do_differently,
    who_is_awake,
)
from crm_analytics.reports.journey.report import JourneyReport, prepare
from crm_analytics.reports.journey.sections import (
    how_long_until_they_buy,
    the_map,
    the_map_of_each_segment,
    what_hurts,
    where_customers_are_lost,
)

__all__ = [
    "JourneyReport",
    "actions",
    "against_the_expected_journey",
    "headline",
    "how_long_until_they_buy",
    "kpis",
    "method",
    "prepare",
    "record",
    "step_by_step",
    "the_map",
    "the_map_of_each_segment",
    "ways_through_a_visit",
    "what_buyers_do_differently",
    "what_hurts",
    "where_customers_are_lost",
    "who_is_awake",
]
