"""What is known of each customer's mentions on a day: features of churn, and facts for rules of lists.

Counters of likes and followers hold the state of today, so no fact is made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.social.mentions import authors_of, handle_of, scale_of
from crm_analytics.analyses.social.volume import NEGATIVE

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


def mention_facts(past: CustomerBase) -> ir.Table | None:
    """Mentions of each known customer up to the base's day; None where no author can be a customer.

    Returns
    -------
    customer_id, mentions, negative_mentions, mention_days (since the last)
    """
    table = past.tables.get("mentions")
    if table is None:
        return None
    has, known = set(table.columns), authors_of(past)
    told = table.customer_id if "customer_id" in has else ibis.null("string")
    scale = scale_of(past)
    rows = table.select(
        customer_id=told,
        platform=table.platform.lower(),
        author=handle_of(table.author_handle) if "author_handle" in has else ibis.null("string"),
        day=table.created_timestamp.date(),
        bad=(table.sentiment / scale < NEGATIVE).fill_null(False) if scale else ibis.literal(False),
        mine=~(table.is_owned.fill_null(False) if "is_owned" in has else ibis.literal(False)),
    )
    if known is not None and "author_handle" in has:
        rows = rows.left_join(known, ["platform", "author"])
        rows = rows.mutate(customer_id=rows.customer_id.fill_null(rows.known_id))
    elif "customer_id" not in has:
        return None
    rows = rows.filter(rows.customer_id.notnull() & rows.mine)
    ago = ibis.literal(past.day).delta(rows.day, unit="day").cast("int64")
    return rows.group_by("customer_id").aggregate(
        mentions=rows.count(), negative_mentions=rows.bad.sum().cast("int64"), mention_days=ago.min()
    )
