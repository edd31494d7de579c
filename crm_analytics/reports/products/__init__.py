"""The products report: what sells and moves, when to stock, what goes together, whom to offer what.

Each function is one section of `10_products.ipynb`: it takes the prepared report and gives one block.
On a base too small for models it gives the section's small form.
"""

from crm_analytics.reports.products.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.products.method import method, record
from crm_analytics.reports.products.offering import (
    how_good_such_lists_are,
    what_goes_together,
    who_buys_across_categories,
    whom_to_offer_what,
)
from crm_analytics.reports.products.report import ProductReport, prepare
from crm_analytics.reports.products.selling import (
    what_begins_long_relations,
    what_comes_back,
    what_moves,
    what_sells,
    what_they_choose,
)
from crm_analytics.reports.products.timing import (
    around_holidays,
    around_pay_days,
    on_which_day_and_hour,
    when_they_buy,
    when_to_stock,
    which_category_when,
    who_keeps_to_a_day,
)

__all__ = [
    "ProductReport",
    "actions",
    "around_holidays",
    "around_pay_days",
    "findings",
    "glossary",
    "headline",
    "how_good_such_lists_are",
    "kpis",
    "method",
    "on_which_day_and_hour",
    "prepare",
    "record",
    "what_begins_long_relations",
    "what_comes_back",
    "what_goes_together",
    "what_moves",
    "what_sells",
    "what_they_choose",
    "when_they_buy",
    "when_to_stock",
    "which_category_when",
    "who_buys_across_categories",
    "who_keeps_to_a_day",
    "whom_to_offer_what",
]
