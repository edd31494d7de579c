"""What the view of one customer is made from, and who may see it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses import customer_view
from crm_analytics.errors import NotebookError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.report import Report
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

PAGE = "page"  # of CRM_DISPLAY: blocks become a published page


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomerView(Report):
    """One customer, ready to be shown."""

    t: Sentences
    seen: customer_view.Card


def prepare(
    base: CustomerBase,
    customer_id: str,
    *,
    show_customer: bool = False,
    models: bool = True,
    limit: int = 200,
    language: str = "en",
) -> CustomerView:
    """Look one customer up.

    Parameters
    ----------
    customer_id : as in the data; never a parameter of a notebook, because parameters are published
    show_customer : say that a person may be shown here; without it nothing is
    models : ask the models of the whole base, too (stage, chance to leave, value to come, next offer, deal
        proneness); without them the answer comes at once from the customer's own rows
    limit : rows of the timeline

    Raises
    ------
    NotebookError : `show_customer` is not given, or this is a published page on which no names are allowed.
    ParameterError : no table knows this customer.
    """
    if not show_customer:
        raise NotebookError(
            "this shows a person: say so with show_customer=True (crm customer --show-customer)"
        )
    if os.environ.get("CRM_DISPLAY") == PAGE and not base.show_customers:
        raise NotebookError(
            "a customer is not shown on a published page. The owner of the data can allow it with "
            "show_customers = true in mapping.toml; `crm customer` shows it on the screen alone"
        )
    among = customer_view.standing(base, customer_id) if models else None
    found = customer_view.card(base, customer_id, standing=among, limit=limit)
    return CustomerView(
        base=base, show_customers=True, language=language, t=catalogue(language, __file__, base.currency),
        missing=dict(among.missing) if among else {}, seen=found,
    )  # fmt: skip
