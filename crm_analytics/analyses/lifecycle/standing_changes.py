"""How many customers are active, at risk and lapsed, against a year ago, by the words of today."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.definitions import ACTIVE, STANDINGS, Definitions, standings
from crm_analytics.analyses.intervals import Z95

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


def standing_changes(base: CustomerBase, found: Definitions, days: int = YEAR) -> dict[str, Change]:
    """Customers of each standing now and `days` ago, with the 95 % interval of the change over customers.

    Parameters
    ----------
    base : cut at its day
    found : its words; both days are judged by them
    days : how far back, by default 52 weeks

    Returns
    -------
    standing -> now, before (customers) and their relative change. A standing is left out where nobody could
    have had it then, because the data had begun too late

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> early = [(f"c{i}", day) for i in range(60) for day in ("2024-03-01", "2025-02-01")]
    >>> late = [(f"d{i}", day) for i in range(40) for day in ("2025-12-01", "2026-02-01")]
    >>> frame = pd.DataFrame(early + late, columns=["customer_id", "transaction_date"]).assign(unit_spend=5.0)
    >>> words = Definitions(100, 0.5, 300, 0.2, 30, 100, 700, False)
    >>> now = standing_changes(CustomerBase.open(frame, today="2026-02-02"), words)["active"]
    >>> now.now, now.before
    (40.0, 60.0)
    """
    day = base.day - timedelta(days=days)
    held = (day - base.first_day).days
    if found.at_risk_days is None or held < found.at_risk_days:
        return {}
    now, then = standings(base, found), standings(base.as_of(day), found)
    before = then.select("customer_id", before=then.standing)
    both = now.left_join(before, "customer_id")
    counts = base.collect(
        both.group_by("standing", "before").aggregate(n=both.count()).order_by("standing", "before")
    )
    lasting = held >= (found.lapsed_days or found.at_risk_days)
    changes = {}
    for name in STANDINGS:
        if name != ACTIVE and not lasting:
            continue
        is_now, was = counts["standing"].eq(name), counts["before"].eq(name).fillna(False).astype(bool)
        kept, came, left = (
            float(counts.loc[rows, "n"].sum()) for rows in (is_now & was, is_now & ~was, ~is_now & was)
        )
        changes[name] = _change(kept, came, left)
    return changes


def _change(kept: float, came: float, left: float) -> Change:
    """A ratio estimator over customers, as `Change` has it: each of them is in a group or not."""
    now, before = kept + came, kept + left
    if not before:
        return Change(now, before, None, None, None)
    ratio = now / before
    half = Z95 * math.sqrt(kept * (1 - ratio) ** 2 + came + left * ratio**2) / before
    return Change(now, before, ratio - 1, ratio - 1 - half, ratio - 1 + half)
