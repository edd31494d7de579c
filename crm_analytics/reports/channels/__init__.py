"""The channels report: which media earn their money, under every model, and what only a test can tell.

Each function is one section of `07_channels.ipynb`: it takes the prepared report and gives one block.
Where nothing is tracked it answers from what customers say.
"""

from crm_analytics.reports.channels.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.channels.method import method, record
from crm_analytics.reports.channels.report import ChannelReport, prepare
from crm_analytics.reports.channels.sections import (
    against_the_earlier_period,
    how_long_it_takes,
    what_a_new_customer_brings,
    what_a_new_customer_costs,
    what_customers_say,
    what_each_model_says,
    what_only_a_test_can_tell,
    which_channels_meet,
    which_channels_pay,
    which_paths_lead_to_purchases,
    who_begins_and_who_ends,
)

__all__ = [
    "ChannelReport", "actions", "against_the_earlier_period", "findings", "glossary", "headline",
    "how_long_it_takes", "kpis", "method", "prepare", "record", "what_a_new_customer_brings",
    "what_a_new_customer_costs", "what_customers_say", "what_each_model_says", "what_only_a_test_can_tell",
    "which_channels_meet", "which_channels_pay", "which_paths_lead_to_purchases", "who_begins_and_who_ends",
]  # fmt: skip
