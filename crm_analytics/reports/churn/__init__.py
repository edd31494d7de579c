"""The churn report: which customers will fall silent, why, and what contacting them would bring.

Each function is one section of `08_churn.ipynb`: it takes the prepared report and gives one block.
"""

from crm_analytics.reports.churn.contract_sections import (
    how_long_contracts_last,
    what_contracts_bring,
    which_contracts_end,
)
from crm_analytics.reports.churn.first_screen import actions, findings, glossary, headline, kpis
from crm_analytics.reports.churn.method import method, record
from crm_analytics.reports.churn.report import ChurnReport, prepare
from crm_analytics.reports.churn.sections import (
    does_it_say_what_comes,
    how_many_it_finds,
    how_well_it_did,
    what_contacting_brings,
    who_will_leave,
    whom_to_save_first,
)
from crm_analytics.reports.churn.why_sections import (
    how_it_depends,
    what_a_complaint_does,
    what_tells_leavers,
    when_somebody_is_gone,
    who_is_misjudged,
    who_lapses_faster,
)

__all__ = [
    "ChurnReport",
    "actions",
    "does_it_say_what_comes",
    "findings",
    "glossary",
    "headline",
    "how_it_depends",
    "how_long_contracts_last",
    "how_many_it_finds",
    "how_well_it_did",
    "kpis",
    "method",
    "prepare",
    "record",
    "what_a_complaint_does",
    "what_contacting_brings",
    "what_contracts_bring",
    "what_tells_leavers",
    "when_somebody_is_gone",
    "which_contracts_end",
    "who_is_misjudged",
    "who_lapses_faster",
    "who_will_leave",
    "whom_to_save_first",
]
