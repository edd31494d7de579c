"""Which channels pay: credit beside spend, under every model, with a verdict that no model decides alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import shared
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from datetime import date

    from crm_analytics.tables.customer_base import CustomerBase

LUCRATIVE, UNDECIDED, LOSS = "lucrative", "undecided", "loss"
NO_SPEND, NO_TOUCH_SEEN = "no spend given", "spend without a touch"
MONTHS = 12


@dataclass(frozen=True)
class Economics(ObjectCard):
    """What channels cost and bring.

    Attributes
    ----------
    models : model, channel, conversions, value, spend, roas (value / spend), profit (value x margin -
        spend), roi (profit / spend), cost_per_order; empty where a channel has no spend
    channels : one row per channel: spend, profit_low and profit_high (over models and, where the credit has
        them, its intervals), roas_low, roas_high, new_customers, cac, value_per_cac, payback_months, verdict
    margin : share of the value that is left after the cost of goods
    """

    models: pd.DataFrame
    channels: pd.DataFrame
    margin: float

    card_frame = "channels"
    plot = Plots("crm_analytics.analyses.attribution.pictures", "profit", "spend")


def spend_by_channel(base: CustomerBase, since: date, minimum: int = 1) -> pd.DataFrame | None:
    """Spend by channel from a day on (from `channel_spend`): channel, spend; None without the table.

    Channels that stand in fewer than `minimum` rows of the table are called "others".
    """
    if "channel_spend" not in base.snapshot.tables:
        return None
    spent = base.tables["channel_spend"]
    named = shared(spent.mutate(row=ibis.row_number()), "channel", minimum, "row")
    spent = named.filter(named.date_day >= since)
    found = spent.group_by("channel").aggregate(spend=spent.spend.sum())
    return base.collect(found.order_by("channel"))


def economics(
    credit: pd.DataFrame,
    spend: pd.DataFrame | None,
    margin: float,
    new_customers: pd.DataFrame | None = None,
    customer_value: float | None = None,
) -> Economics:
    """Set credit against spend.

    A channel is *lucrative* when its profit is above zero under every model, a *loss* when it is below zero
    under every model, and *undecided* when its sign hangs on the model (or lies within the interval). It is
    a statement about credit: whether the orders would have come anyway only a holdout or geo test tells.

    Parameters
    ----------
    credit : of `attribute`: model, channel, conversions, value [, value_lower, value_upper]
    spend : channel, spend; the same period as the credit
    margin : share of the value, above 0 to 1
    new_customers : model, channel, new_customers; for the cost of winning one (CAC)
    customer_value : margin that a new customer brings, money; for value : CAC and payback, which takes it
        to come evenly over a year

    Examples
    --------
    >>> credit = pd.DataFrame({"model": ["first", "last"], "channel": ["mail"] * 2,
    ...     "conversions": [10, 4], "value": [500.0, 200.0]})
    >>> found = economics(credit, pd.DataFrame({"channel": ["mail"], "spend": [100.0]}), margin=0.4)
    >>> found.models["profit"].tolist(), found.channels["verdict"].tolist()
    ([100.0, -20.0], ['undecided'])
    """
    if not 0 < margin <= 1:
        raise ParameterError(f"margin = {margin}: it is a share of the value, above 0 to 1")
    given = spend if spend is not None else pd.DataFrame({"channel": [], "spend": []})
    if (given["spend"] < 0).any():
        raise ParameterError("spend is negative for " + ", ".join(given.loc[given["spend"] < 0, "channel"]))
    models = credit.merge(given, on="channel", how="left")
    cost = models["spend"].where(models["spend"] > 0)
    models["roas"] = models["value"] / cost
    models["profit"] = models["value"] * margin - models["spend"]
    models["roi"] = models["profit"] / cost
    models["cost_per_order"] = models["spend"] / models["conversions"].where(models["conversions"] > 0)
    low = models["value_lower"] if "value_lower" in models else models["value"]
    high = models["value_upper"] if "value_upper" in models else models["value"]
    models["profit_low"] = low * margin - models["spend"]
    models["profit_high"] = high * margin - models["spend"]
    groups = models.groupby("channel", sort=True)
    channels = groups.agg(
        spend=("spend", "first"),
        value_low=("value", "min"),
        value_high=("value", "max"),
        profit_low=("profit_low", "min"),
        profit_high=("profit_high", "max"),
        roas_low=("roas", "min"),
        roas_high=("roas", "max"),
    ).reset_index()
    channels = pd.concat([channels, _untouched(given, channels)], ignore_index=True)
    if new_customers is not None:
        won = new_customers.groupby("channel", sort=True)["new_customers"].mean()
        channels["new_customers"] = channels["channel"].map(won)
        enough = channels["new_customers"].where(channels["new_customers"] > 0)
        channels["cac"] = channels["spend"] / enough
        if customer_value is not None:
            channels["value_per_cac"] = customer_value / channels["cac"].where(channels["cac"] > 0)
            channels["payback_months"] = (
                MONTHS * channels["cac"] / customer_value if customer_value > 0 else None
            )
    channels["verdict"] = [_verdict(row) for row in channels.to_dict("records")]
    order = channels["profit_low"].fillna(float("-inf")) + channels["profit_high"].fillna(float("-inf"))
    channels = channels.iloc[order.sort_values(ascending=False, kind="stable").index]
    return Economics(models, channels.reset_index(drop=True), margin)


def _untouched(given: pd.DataFrame, channels: pd.DataFrame) -> pd.DataFrame:
    """Channels that cost money and have no touch: all of it is lost, as far as the paths tell."""
    rest = given[~given["channel"].isin(channels["channel"]) & (given["spend"] > 0)]
    zero = dict.fromkeys(("value_low", "value_high", "roas_low", "roas_high"), 0.0)
    return rest.assign(**zero, profit_low=-rest["spend"], profit_high=-rest["spend"], verdict=NO_TOUCH_SEEN)


def _verdict(row: dict[Any, Any]) -> str:
    if row.get("verdict") == NO_TOUCH_SEEN:
        return NO_TOUCH_SEEN
    low, high = float(row["profit_low"]), float(row["profit_high"])
    if math.isnan(low):
        return NO_SPEND
    return LUCRATIVE if low > 0 else LOSS if high < 0 else UNDECIDED
