"""What channels added, where a part of the customers was left out by lot; and the test where none was.

Credit shares out purchases that came. Whether they came because of the channel only a comparison with
customers left out by lot tells: the controls of campaigns are one. What they say holds for the members of
those campaigns, and for nobody else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

POWER = 7.849  # (z.975 + z.8)^2: sides of 95 % and 80 %


def incremental(base: CustomerBase, margin: float | None = None) -> pd.DataFrame:
    """Orders added by channel, measured by the control groups of its campaigns.

    Parameters
    ----------
    margin : share of the spend left after the cost of the goods; None takes it from the data

    Returns
    -------
    channel, campaigns, treated, control (members), orders_added (by a contact), lower, upper (95 % for all
    channels together), verdict ("more", "less", "no effect shown", "too little happened to tell"), with the
    most members first. Empty where no campaign has a control group and a channel.
    """
    columns = ["channel", "campaigns", "treated", "control", "orders_added", "lower", "upper", "verdict"]
    try:
        waves = past_waves(base, margin=margin)
    except DataError:  # no campaigns, or none with controls: no evidence
        return pd.DataFrame(columns=columns)
    named = waves.campaigns[["campaign_id", "channel"]].dropna()
    if named.empty:
        return pd.DataFrame(columns=columns)
    many = named["channel"].nunique()
    rows = waves.rows.inner_join(base.to_engine(named.astype(str)), "campaign_id")
    pairs = {"orders": waves.outcomes["orders"]}
    found = differences(base, base.materialise(rows), pairs, by=("channel",), level=1 - 0.05 / many)
    counts = named.groupby("channel").size()
    table = found.assign(campaigns=found["channel"].map(counts).astype("int64")).rename(
        columns={
            "adjusted": "orders_added",
            "effect": "plain",
            "lower": "plain_lower",
            "upper": "plain_upper",
        }
    )
    table = table.rename(columns={"adjusted_lower": "lower", "adjusted_upper": "upper"})
    order = (-(table["treated"] + table["control"])).sort_values(kind="stable").index
    return table.loc[order, columns].reset_index(drop=True)


def plan_of_test(
    base: CustomerBase, spend: pd.DataFrame, *, days: int, margin: float, order_value: float
) -> pd.DataFrame:
    """How large and how long a test must be that shows whether a channel earns back what it costs.

    Half of the customers, drawn by lot, do not see the channel. If it just earns back its spend, they order
    so many times less; the test must see that.

    Parameters
    ----------
    spend : channel, spend (money in `days`)
    days : length of the period the spend is of, up to the base's day
    margin : share of an order left after the cost of the goods, above 0 to 1
    order_value : money an order

    Returns
    -------
    channel, spend, break_even_orders (that the channel must add in the period, all customers together),
    share_of_orders (the same as a share of all orders of known customers), customers_each (in each half, for
    80 % power at 95 %, over the same days), customers (there are), weeks (with half of them in each half; the
    need falls as the days grow); the most spend first. Normal approximation, customers as the draw.
    """
    if not 0 < margin <= 1 or not order_value > 0 or days < 1:
        raise ParameterError(
            "a test plan needs a margin above 0 and up to 1, an order value above 0, and days"
        )
    orders = base.exact_occasions
    recent = orders.day >= base.day - pd.Timedelta(days=days - 1).to_pytimedelta()
    each = orders.group_by("customer_id").aggregate(n=recent.sum().cast("int64"))
    row = base.collect(
        each.aggregate(customers=each.count(), total=each.n.sum(), squares=(each.n * each.n).sum())
    ).iloc[0]
    customers, total = int(row["customers"]), float(row["total"] or 0)
    variance = (
        max(0.0, float(row["squares"] or 0) / customers - (total / customers) ** 2) if customers else 0.0
    )
    rows = []
    for channel, money in spend[spend["spend"] > 0][["channel", "spend"]].itertuples(index=False):
        must = float(money) / (margin * order_value)
        gap = must / customers if customers else math.nan
        need = POWER * 2 * variance / gap**2 if customers else math.nan
        weeks = days / 7 * need / (customers / 2) if customers else math.nan
        rows.append(
            (channel, float(money), must, must / total if total else math.nan, need, customers, weeks)
        )
    columns = [
        "channel",
        "spend",
        "break_even_orders",
        "share_of_orders",
        "customers_each",
        "customers",
        "weeks",
    ]
    table = pd.DataFrame(rows, columns=columns).sort_values(["spend", "channel"], ascending=[False, True])
    return table.reset_index(drop=True)
