"""What offers did, judged by the control groups of the campaigns that carried them.

The part of the redeemed orders that would have come anyway is what the controls ordered against what the
treated ordered. The estimate supposes that orders that would have come anyway used the offer as often as
those it added, and got as much off. The interval supposes neither. At its lower end, `given_away_at_least`,
as many orders as can be were added, all of them used the offer, and they got the most off. At its upper end
as few as can be were added, and no more of them used the offer than must have, for those with the least off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves, past_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences, product
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

LOOKS = 6  # orders, spend and profit in two spans of days: what a page picks its sentence from
LATER = 90  # days after the sending in which a repeat purchase, or one only brought forward, shows


@dataclass(frozen=True)
class Offers(ObjectCard):
    """Campaigns with an offer code, treated against control.

    Attributes
    ----------
    effects : window_days, outcome and the columns of `treatment_effects.differences`: in the campaign's
        window, and in `LATER` days, where a purchase that was only brought forward no longer counts
    redemption : segment (None: all), treated, orders, redeemed, share, lower, upper: of the orders of the
        treated in the window, those with the campaign's code
    given_away : one row: redeemed (orders), discount (money taken off them), anyway_share, anyway_lower,
        anyway_upper (of them, those that would have come without the offer), given_away, given_away_lower,
        given_away_upper, given_away_at_least, discount_elsewhere (money taken off outside these
        campaigns, of which no control group tells)
    """

    effects: pd.DataFrame
    redemption: pd.DataFrame
    given_away: pd.DataFrame


def offers(
    base: CustomerBase,
    orders: ir.Table,
    *,
    segments: ir.Table | None = None,
    margin: float | None = None,
    contact_cost: float | None = None,
    window: int | None = None,
    level: float = 0.95,
) -> Offers | None:
    """Measure the campaigns that carry an offer code; None where none has a control group.

    Parameters
    ----------
    orders : of `baskets.deal_orders`
    segments : customer_id, segment; for redemption by segment
    """
    arguments.level(level)
    campaigns = base.tables.get("campaigns")
    if campaigns is None or "offer_code" not in campaigns.columns:
        return None
    codes = campaigns.filter(campaigns.offer_code.notnull()).select("campaign_id", "offer_code")
    effects, first = [], None
    for days in (window, LATER):
        try:
            waves = past_waves(base, window=days, margin=margin, contact_cost=contact_cost)
        except NotEnoughData:
            continue
        rows = waves.rows.inner_join(codes, "campaign_id")
        waves = replace(waves, rows=base.materialise(rows))
        found = differences(base, waves.rows, waves.outcomes, level=1 - (1 - level) / LOOKS)
        if found.empty:
            continue
        first = first or waves
        period = window if days == window else LATER
        found.insert(0, "window_days", _days(waves) if period is None else period)
        effects.append(found)
    if first is None:
        return None
    redeemed = base.materialise(_redeemed(first, orders))
    return Offers(
        pd.concat(effects, ignore_index=True),
        _redemption(first, redeemed, segments, level),
        _given_away(base, redeemed, orders, effects[0]),
    )


def _days(waves: Waves) -> int:
    """The commonest window."""
    return int(waves.campaigns["window_days"].mode().iloc[0])


def _redeemed(waves: Waves, orders: ir.Table) -> ir.Table:
    """One row per treated member: customer_id, orders in the window, redeemed, discount of the redeemed."""
    rows = waves.rows.filter(waves.rows.treated == 1)
    rows = rows.select("campaign_id", "customer_id", "orders", "offer_code", "sent_day", "window_days")
    used = orders.filter(orders.code.notnull()).select("customer_id", "day", "code", "discount")
    joined = rows.inner_join(used, "customer_id")
    offset = joined.day.delta(joined.sent_day, unit="day").cast("int64")
    mine = joined.filter(offset >= 0, offset <= joined.window_days, joined.code == joined.offer_code)
    counted = mine.group_by("campaign_id", "customer_id").aggregate(
        redeemed=mine.count(), discount=mine.discount.sum()
    )
    both = rows.left_join(counted, ["campaign_id", "customer_id"])
    return both.select(
        "campaign_id",
        "customer_id",
        "orders",
        redeemed=both.redeemed.fill_null(0).cast("int64"),
        discount=both.discount.fill_null(0),
    )


def _redemption(waves: Waves, redeemed: ir.Table, segments: ir.Table | None, level: float) -> pd.DataFrame:
    """Share of the orders that used the code; customers are the draw."""
    parts: list[tuple[ir.Table, list[str]]] = [(redeemed, [])]
    if segments is not None:
        named = redeemed.inner_join(segments.select("customer_id", "segment"), "customer_id")
        parts.append((named, ["segment"]))
    tables = []
    for rows, by in parts:
        each = rows.group_by(*by, "customer_id").aggregate(
            n=rows.count(), o=rows.orders.sum().cast("int64"), r=rows.redeemed.sum().cast("int64")
        )
        sums = {"treated": each.n.sum(), "orders": each.o.sum(), "redeemed": each.r.sum(),
                "rr": product(each.r, each.r).sum(), "ro": product(each.r, each.o).sum(),
                "oo": product(each.o, each.o).sum()}  # fmt: skip
        grouped = each.group_by(by).aggregate(**sums) if by else each.aggregate(**sums)
        tables.append(waves.base.collect(grouped).assign(**({} if by else {"segment": None})))
    found = pd.concat([t.astype({"segment": "object"}) for t in tables], ignore_index=True)
    found = found.sort_values(["segment"], na_position="first", ignore_index=True)
    n, orders = found["treated"], found["orders"].astype(float)
    share = (found["redeemed"] / orders).where(orders > 0)
    spread = found["rr"] - 2 * share * found["ro"] + share**2 * found["oo"]
    least = (found["redeemed"] + 1) / (orders + 2)  # no variance is seen where all or none redeemed
    variance = np.maximum(spread / orders**2, np.where(spread > 0, 0.0, least * (1 - least) / (orders + 2)))
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance)
    return pd.DataFrame(
        {
            "segment": found["segment"],
            "treated": n.astype("int64"),
            "orders": found["orders"].astype("int64"),
            "redeemed": found["redeemed"].astype("int64"),
            "share": share,
            "lower": (share - half).clip(lower=0.0),
            "upper": (share + half).clip(upper=1.0),
        }
    )


def _given_away(
    base: CustomerBase, redeemed: ir.Table, orders: ir.Table, effects: pd.DataFrame
) -> pd.DataFrame:
    sums = redeemed.aggregate(
        members=redeemed.count(), redeemed=redeemed.redeemed.sum(), discount=redeemed.discount.sum()
    )
    row = {k: float(v or 0) for k, v in base.collect(sums).iloc[0].items()}
    everywhere = float(base.collect(orders.aggregate(d=orders.discount.sum()))["d"].iloc[0] or 0)
    effect = effects[effects["outcome"] == "orders"].iloc[0]
    came = float(effect["treated_mean"])
    anyway = float(np.clip(1 - effect["adjusted"] / came, 0, 1)) if came > 0 else np.nan
    most = effect["adjusted_upper"]
    added = np.inf if np.isnan(most) else max(0.0, float(most)) * row["members"]
    discount, used = row["discount"], row["redeemed"]
    few = effect["adjusted_lower"]
    must = 0.0 if np.isnan(few) else max(0.0, used - max(0.0, came - float(few)) * row["members"])
    least = _least_off(base, redeemed, max(0.0, used - added))
    most_off = discount - _least_off(base, redeemed, must)
    return pd.DataFrame(
        [
            {
                "redeemed": int(used),
                "discount": discount,
                "anyway_share": anyway,
                "anyway_lower": min(anyway, max(0.0, 1 - added / used)) if used else np.nan,
                "anyway_upper": max(anyway, 1 - must / used) if used else np.nan,
                "given_away": discount * anyway,
                "given_away_lower": min(least, discount * anyway),
                "given_away_upper": max(most_off, discount * anyway),
                "given_away_at_least": min(least, discount * anyway),
                "discount_elsewhere": everywhere - discount,
            }
        ]
    )


def _least_off(base: CustomerBase, redeemed: ir.Table, orders: float) -> float:
    """The least money that so many of the redeemed orders can have got off: the smallest discounts.

    Members' orders are taken at their mean. Between two members the money grows with the orders.
    """
    if not orders > 0:
        return 0.0
    used = redeemed.filter(redeemed.redeemed > 0)
    used = used.mutate(each=(used.discount / used.redeemed).cast("decimal(18, 4)"))
    steps = used.group_by("each").aggregate(n=used.redeemed.sum().cast("int64"))
    table = base.collect(steps.order_by("each"))
    before = table["n"].cumsum() - table["n"]
    taken = (orders - before).clip(lower=0).clip(upper=table["n"])
    return float((taken * table["each"]).sum())
