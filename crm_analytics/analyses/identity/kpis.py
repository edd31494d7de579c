"""Key figures of who is who: records that are a second one, and the revenue that has a customer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crm_analytics.analyses.intervals import Z95, error_of_sum
from crm_analytics.analyses.kpi import COUNT, DOWN, SHARE, UP, Kpi, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_analytics.analyses.measured import Measured

EXPLAINED_IN = "identity"
NO_RECORDS = "there is no table of customers"


def duplicate_records(given: Measured) -> Kpi:
    """Records of customers that are a further record of somebody."""
    found = given.who_is_who
    if found is None or not found.records:
        return refused("duplicate_records", COUNT, DOWN, NO_RECORDS, EXPLAINED_IN)
    return Kpi("duplicate_records", COUNT, DOWN, found.merged, found.records, explained_in=EXPLAINED_IN)


def duplicate_share(given: Measured) -> Kpi:
    """Share of the records of customers that are a further record of somebody."""
    found = given.who_is_who
    if found is None or not found.records:
        return refused("duplicate_share", SHARE, DOWN, NO_RECORDS, EXPLAINED_IN)
    share = found.merged / found.records
    return Kpi("duplicate_share", SHARE, DOWN, share, found.records, explained_in=EXPLAINED_IN)


def pairs_to_review(given: Measured) -> Kpi:
    """Pairs of records that may be one customer, and that somebody should look at."""
    found = given.who_is_who
    if found is None or not found.records:
        return refused("pairs_to_review", COUNT, DOWN, NO_RECORDS, EXPLAINED_IN)
    if not found.weighed:
        why = "pairs are weighed by crm identities resolve"
        return refused("pairs_to_review", COUNT, DOWN, why, EXPLAINED_IN)
    n = len(found.review)
    return Kpi("pairs_to_review", COUNT, DOWN, n, found.records, explained_in=EXPLAINED_IN)


def identified_revenue_share(given: Measured) -> Kpi:
    """Share of revenue to date from lines with a customer (IDIC: identify)."""
    counts = given.base.counts
    total = float(counts["revenue"])
    if total <= 0:
        return refused("identified_revenue_share", SHARE, UP, "there is no revenue", EXPLAINED_IN)
    share = 1 - float(counts["anonymous_spend"]) / total
    lines = given.base.transactions
    known = error_of_sum(given.base.purchase_history.revenue)
    nobody = error_of_sum(lines.filter(lines.customer_id.isnull()).unit_spend)  # each line is its own draw
    half = Z95 * math.hypot((1 - share) * known, share * nobody) / total
    ends = (max(0.0, share - half), min(1.0, share + half))
    n = int(counts["rows"])
    return Kpi("identified_revenue_share", SHARE, UP, share, n, *ends, explained_in=EXPLAINED_IN)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    duplicate_records, duplicate_share, pairs_to_review, identified_revenue_share,
)  # fmt: skip
