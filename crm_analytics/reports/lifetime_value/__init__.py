"""The lifetime-value report: what today's customers will bring, how sure that is, and who carries it.

Each function is one section of `02_lifetime_value.ipynb`: it takes the prepared report and gives one block.
On a base too small for the models it gives the section's small form.
"""

from crm_analytics.reports.lifetime_value.evidence import (
    against_simple_rules,
    by_purchases_before,
    did_the_last_forecast_hold,
)
from crm_analytics.reports.lifetime_value.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.lifetime_value.key_accounts import key_accounts
from crm_analytics.reports.lifetime_value.method import method, record
from crm_analytics.reports.lifetime_value.next_purchases import spend_and_frequency, who_will_buy
from crm_analytics.reports.lifetime_value.report import ValueReport, prepare
from crm_analytics.reports.lifetime_value.sections import (
    best_customers,
    by_the_textbook,
    second_opinion,
    who_carries_it,
    who_is_still_there,
)
from crm_analytics.reports.lifetime_value.value_driver_sections import (
    today_and_to_come,
    value_by_segment,
    what_has_changed,
    who_is_overlooked,
)

__all__ = [
    "ValueReport",
    "actions",
    "against_simple_rules",
    "best_customers",
    "by_purchases_before",
    "by_the_textbook",
    "did_the_last_forecast_hold",
    "findings",
    "glossary",
    "headline",
    "key_accounts",
    "kpis",
    "method",
    "prepare",
    "record",
    "second_opinion",
    "spend_and_frequency",
    "today_and_to_come",
    "value_by_segment",
    "what_has_changed",
    "who_carries_it",
    "who_is_overlooked",
    "who_is_still_there",
    "who_will_buy",
]
