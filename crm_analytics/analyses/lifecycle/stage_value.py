"""What the customers of each stage brought, and what the chain expects of them; what a contact costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    from crm_analytics.analyses.lifecycle.chain_fit import FittedChain
    from crm_analytics.analyses.lifecycle.stage_history import Stages
    from crm_analytics.tables.customer_base import CustomerBase


def stage_worth(staged: Stages, fitted: FittedChain | None) -> pd.DataFrame:
    """Money by stage: stage, customers, revenue (to date), revenue_share, ahead, ahead_per_customer.

    `ahead` is the value to come by the chain, added up over the recencies of a stage's customers; whoever is
    silent for longer than the chain's last state counts as nothing. Missing without a chain, and for
    customers who never bought.
    """
    base = staged.base
    length = fitted.period_days if fitted else 28
    history = base.purchase_history.select("customer_id", "last_day", "revenue")
    both = staged.customers.left_join(history, "customer_id")
    since = ibis.literal(base.day).delta(both.last_day, unit="day").cast("int64")
    counted = both.mutate(recency=(since // length + 1).cast("int64")).group_by("stage", "recency")
    sums = counted.aggregate(
        customers=ibis._.count(), revenue=ibis._.revenue.sum().fill_null(ibis.literal(0).cast(MONEY))
    )
    frame = base.collect(sums.order_by("stage", "recency"))
    if fitted:
        values = fitted.states.set_index("recency")["ahead"]
        frame["ahead"] = frame["customers"] * frame["recency"].map(values).fillna(0.0)
        frame.loc[frame["recency"].isna(), "ahead"] = float("nan")  # of who never bought it knows nothing
    else:
        frame["ahead"] = float("nan")
    grouped = frame.groupby("stage")
    table = grouped[["customers", "revenue"]].sum().join(grouped["ahead"].sum(min_count=1))
    table = table.reindex(staged.order).reset_index(names="stage")
    table["revenue_share"] = table["revenue"] / table["revenue"].sum()
    table["ahead_per_customer"] = table["ahead"] / table["customers"]
    columns = ["stage", "customers", "revenue", "revenue_share", "ahead", "ahead_per_customer"]
    return table[columns].round({"ahead": 4, "ahead_per_customer": 6})


def contact_cost_of(base: CustomerBase, length: int = 28) -> float | None:
    """Cost of staying in touch with a customer for a period: of campaigns, per customer and period mailed.

    None where the source has no `campaign_members` with a cost.
    """
    table = base.tables.get("campaign_members")
    if table is None or not {"customer_id", "cost", "sent_at"} <= set(table.columns):
        return None
    sent = table.filter(table.customer_id.notnull(), table.cost.notnull(), table.sent_at.notnull())
    back = ibis.literal(base.day).delta(sent.sent_at.date(), unit="day").cast("int64") // length
    each = sent.mutate(back=back).group_by("customer_id", "back").aggregate(cost=sent.cost.sum())
    row = each.aggregate(n=each.count(), cost=each.cost.sum()).to_pyarrow().to_pylist()[0]
    return float(row["cost"]) / int(row["n"]) if row["n"] and row["cost"] else None
