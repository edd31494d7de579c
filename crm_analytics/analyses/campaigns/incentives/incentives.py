"""What coupons, discounts and a loyalty programme do: to baskets, to coming back, and to the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.incentives.baskets import deal_orders, within_customers
from crm_analytics.analyses.campaigns.incentives.membership import MATCHED_ON, membership
from crm_analytics.analyses.campaigns.incentives.offers import Offers, offers
from crm_analytics.analyses.campaigns.measurement.deal_proneness import deal_proneness
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
AGAIN = 90  # days in which the next purchase counts as a repeat
RANDOMISED = "randomised"
WITHIN = "matched within the customer"
STRATIFIED = "stratified on recency, frequency and value before"
MATCHED = f"matched on {', '.join(MATCHED_ON)}; since when they are members is not known"
ORDER_CUTS, DAY_CUTS = (1, 2, 5), (30, 90)


@dataclass(frozen=True)
class Incentives(ObjectCard):
    """What incentives did.

    Attributes
    ----------
    effects : incentive, outcome, how (randomised, or by what it is matched), effect, lower, upper, unit
        ("ratio": 1 is no effect; "difference": 0 is none), n, verdict; everything below in one table
    baskets : of orders with a deal against the same customers' without, `baskets.within_customers`
    repeat : purchase within `AGAIN` days after an order with a deal against one without, stratified;
        columns of `treatment_effects.differences`
    offers : by the control groups of campaigns with an offer code: effects, redemption, margin given away;
        None without
    membership : `membership.membership`; None without a loyalty tier
    customers : Ibis: customer_id, at_hand, deals, deal_share, deal_prone; None without coupons or discounts
    proneness : the same by bands of the share
    deals, orders, discount : orders with a deal, all orders, money taken off
    """

    effects: pd.DataFrame
    baskets: pd.DataFrame
    repeat: pd.DataFrame
    offers: Offers | None
    membership: pd.DataFrame | None
    customers: ir.Table | None
    proneness: pd.DataFrame
    deals: int
    orders: int
    discount: float

    card_frame = "effects"


def incentives(
    base: CustomerBase,
    *,
    margin: float | None = None,
    contact_cost: float | None = None,
    window: int | None = None,
    segments: ir.Table | None = None,
    level: float = 0.95,
) -> Incentives:
    """Measure coupons, discounts and membership, each by the best comparison the tables allow.

    Parameters
    ----------
    margin : share of the spend left after the cost of goods, 0..1; default from unit costs
    window : days of an offer; default the campaign's own
    segments : customer_id, segment; for redemption by segment

    Raises
    ------
    NotEnoughData : the tables know neither a coupon, nor a discount, nor a loyalty tier.
    """
    base.require(NEEDS)
    arguments.level(level)
    found = deal_orders(base, margin)
    orders = None if found is None else base.materialise(found)
    deals, count, discount = 0, 0, 0.0
    if orders is not None:
        sums = orders.aggregate(
            deals=orders.deal.sum(), orders=orders.count(), discount=orders.discount.sum()
        )
        row = base.collect(sums).iloc[0]
        deals, count, discount = int(row["deals"] or 0), int(row["orders"]), float(row["discount"] or 0)
    members = membership(base, margin, level=level)
    if not deals and members is None:
        raise NotEnoughData("the measure of incentives", 0, 1, "orders with a coupon or discount, or members")
    baskets, repeat, people, bands, offered = pd.DataFrame(), pd.DataFrame(), None, pd.DataFrame(), None
    if orders is not None and deals:
        baskets = within_customers(base, orders, level=level)
        repeat = _repeat(base, orders, level)
        people, bands = deal_proneness(base, orders)
        if "campaign_members" in base.tables:
            offered = offers(
                base, orders, segments=segments, margin=margin, contact_cost=contact_cost, window=window,
                level=level,
            )  # fmt: skip
    effects = _together(baskets, repeat, offered, members)
    return Incentives(
        effects,
        baskets,
        repeat,
        offered,
        members,
        people,
        bands,
        deals=deals,
        orders=count,
        discount=discount,
    )


def _repeat(base: CustomerBase, orders: ir.Table, level: float) -> pd.DataFrame:
    """Who comes back within `AGAIN` days after an order with a deal, against orders of alike customers."""
    own = ibis.window(group_by="customer_id", order_by="day")
    before = ibis.cumulative_window(group_by="customer_id", order_by="day")
    placed = orders.mutate(
        number=ibis.row_number().over(own),
        previous=orders.day.lag().over(own),
        following=orders.day.lead().over(own),
        so_far=orders.spend.sum().over(before) - orders.spend,
    )
    since = placed.day.delta(placed.previous, unit="day").cast("int64")
    until = placed.following.delta(placed.day, unit="day").cast("int64")
    left = ibis.literal(base.day).delta(placed.day, unit="day").cast("int64")
    placed = placed.mutate(since=since, again=(until <= AGAIN).fill_null(False).cast("int64"), left=left)
    placed = placed.filter(placed.left >= AGAIN)
    mean = placed.so_far.cast("float64") / ibis.greatest(placed.number, 1)
    cuts = base.collect(placed.aggregate(**{f"q{k}": mean.quantile(k / 3) for k in (1, 2)})).iloc[0]
    bands = [_band(placed.number, ORDER_CUTS), _band(placed.since.fill_null(-1), (0, *DAY_CUTS))]
    bands.append(_band(mean, tuple(float(c) for c in cuts.fillna(0.0))))
    stratum = ibis.literal("|").join([b.cast("string") for b in bands])
    rows = placed.select(
        "customer_id", "again", number=placed.number.cast("int64"), treated=placed.deal, campaign_id=stratum
    )
    return differences(base, base.materialise(rows), {"again": "number"}, level=level)


def _band(value: ir.Value, cuts: tuple[float, ...]) -> ir.Value:
    band = ibis.literal(0)
    for cut in cuts:
        band += (value >= cut).cast("int64")
    return band


_COLUMNS = ["incentive", "outcome", "how", "effect", "lower", "upper", "unit", "n", "verdict"]


def _together(
    baskets: pd.DataFrame, repeat: pd.DataFrame, offered: Offers | None, members: pd.DataFrame | None
) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    for r in baskets.to_dict("records"):
        ends = (r["ratio"], r["lower"], r["upper"])
        rows.append(
            ("coupon or discount", r["outcome"], WITHIN, *ends, "ratio", r["customers"], r["verdict"])
        )
    for r in repeat.to_dict("records"):
        ends = (r["adjusted"], r["adjusted_lower"], r["adjusted_upper"])
        outcome = f"bought again within {AGAIN} days"
        rows.append(
            ("coupon or discount", outcome, STRATIFIED, *ends, "difference", r["customers"], r["verdict"])
        )
    for r in () if offered is None else offered.effects.to_dict("records"):
        ends = (r["adjusted"], r["adjusted_lower"], r["adjusted_upper"])
        outcome = f"{r['outcome']} in {r['window_days']} days"
        rows.append(
            ("campaign's offer", outcome, RANDOMISED, *ends, "difference", r["customers"], r["verdict"])
        )
    for r in () if members is None else members.to_dict("records"):
        ends = (r["ratio"], r["lower"], r["upper"])
        people = int(r["members"]) + int(r["others"])
        rows.append(("loyalty programme", r["outcome"], MATCHED, *ends, "ratio", people, r["verdict"]))
    return pd.DataFrame(rows, columns=_COLUMNS)
