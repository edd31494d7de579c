"""The file we give to a partner: tokens of customers who have said yes, and bands of what they buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.campaigns.lists.contact_policy import Terms
from crm_analytics.analyses.campaigns.lists.suppression import reachable
from crm_analytics.analyses.disclosure import OTHERS
from crm_analytics.analyses.partners.matching import CUSTOMER, PROSPECT
from crm_analytics.analyses.partners.tokens import keyed
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.partners.secret import Secret
    from crm_analytics.tables.customer_base import CustomerBase

COLUMNS = ("partner_id", "partner_name", "token", "population", "category", "recency_days", "frequency",
           "monetary_band", "consent", "contributed_at")  # fmt: skip
WEEK = 7
MOST_ORDERS = 20  # beyond, a number of orders is nearly a name
SHARED_BY = 20  # customers who must share a category before it is told


def contribution(base: CustomerBase, secret: Secret, partner_id: str, partner_name: str = "") -> pd.DataFrame:
    """Rows of the contract's `partner_records` for a partner, in the order of their tokens.

    Only customers who may be contacted by some channel are in it. Each has one token: of the mail address, or
    of the phone number where there is none. With two tokens a person would count twice at the partner. Days
    since the last purchase are whole weeks, orders stop at 20, and spend is a third (low, middle, high). A
    category stands there only where 20 customers share it. That is enough to be useful and too little to
    recognise somebody by.

    Parameters
    ----------
    partner_id, partner_name : who we are, as the partner shall call us

    Raises
    ------
    ParameterError : `partner_id` is empty.
    """
    if not partner_id.strip():
        raise ParameterError("a partner's file needs an id of the company it comes from")
    tokens = keyed(base, secret).drop_duplicates("customer_id")  # mail comes before phone
    if tokens.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    may = reachable(base, Terms())
    may = may.filter(may.channel.notnull(), ~may.closed, ~may.barred).select("customer_id")
    history = base.purchase_history
    known = may.left_join(history, "customer_id").drop("customer_id_right")
    if "category" in (liked := favourites(base, SHARED_BY)).columns:
        mine = liked.select("customer_id", "category")
        known = known.left_join(mine, "customer_id").drop("customer_id_right")
    else:
        known = known.mutate(category=ibis.null("string"))
    spend = ibis.ntile(3).over(
        group_by=known.order_count.fill_null(0) > 0, order_by=[known.revenue, known.customer_id]
    )
    bought = known.order_count.fill_null(0) > 0
    silence = ibis.literal(base.day).delta(known.last_day, unit="day")
    rows = known.select(
        "customer_id",
        population=bought.ifelse(CUSTOMER, PROSPECT),
        category=known.category.nullif(OTHERS),
        recency_days=bought.ifelse(silence // WEEK * WEEK, None),
        frequency=ibis.least(known.order_count.fill_null(0), MOST_ORDERS),
        monetary_band=bought.ifelse(
            ibis.cases((spend == 0, "low"), (spend == 1, "middle"), else_="high"), None
        ),
    )
    joined = base.to_engine(tokens).inner_join(rows, "customer_id").drop("customer_id")
    found = base.collect(joined.order_by("token"))
    whole = found.assign(
        partner_id=partner_id.strip(), partner_name=partner_name.strip() or partner_id.strip(), consent=True,
        contributed_at=base.day.isoformat(),
    )  # fmt: skip
    return whole[list(COLUMNS)]
