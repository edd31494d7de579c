"""What to do with each segment, what it may bring, and how much may be spent on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.errors import ParameterError
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.rfm.scores import RfmScores


def plays(
    scores: RfmScores,
    scored: ir.Table | None = None,
    *,
    margin: float | None = None,
    cost: float | None = None,
    response: float | None = None,
) -> pd.DataFrame:
    """One row per segment, in rule order.

    Parameters
    ----------
    scored : what `btyd.score` gives; without it no ceiling is known
    margin : share of revenue left after the cost of the goods, 0..1
    cost : of contacting one customer, money
    response : share of the contacted who order because of it, 0..1

    Returns
    -------
    segment, play, customers, revenue (to date), value (forecast revenue of the horizon), ceiling (the
    forecast margin of a mean customer: more may not be spent on keeping one), expected_value (customers x
    (response x margin x order value - cost); only where margin, cost and response are given)

    Raises
    ------
    ParameterError : a share lies outside 0..1, or the cost is negative.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses import rfm
    >>> sales = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": 10.0})
    >>> scores = rfm.score(CustomerBase.open(sales, today="2026-12-31"))
    >>> found = plays(scores, margin=0.5, cost=1.0, response=0.1)  # 30 x (0.1 x 0.5 x 10 - 1)
    >>> float(found["expected_value"].sum())
    -15.0
    """
    for name, share in (("margin", margin), ("response", response)):
        if share is not None and not 0 <= share <= 1:
            raise ParameterError(f"{name} is a share between 0 and 1, got {share}")
    if cost is not None and cost < 0:
        raise ParameterError(f"the cost of a contact cannot be negative, got {cost}")
    table = scores.segments[["segment", "play", "customers", "revenue", "order_value"]].copy()
    if scored is not None:
        joined = scores.customers.select("customer_id", "segment").inner_join(scored, "customer_id")
        sums = joined.group_by("segment").aggregate(value=joined.lifetime_value.round(4).cast(MONEY).sum())
        value = scores.base.collect(sums).set_index("segment")["value"]
        table["value"] = table["segment"].map(value).fillna(0.0)
        if margin is not None:
            table["ceiling"] = margin * table["value"] / table["customers"].where(table["customers"] > 0)
    if margin is not None and cost is not None and response is not None:
        each = response * margin * table["order_value"].fillna(0.0) - cost
        table["expected_value"] = table["customers"] * each
    return table.drop(columns="order_value")
