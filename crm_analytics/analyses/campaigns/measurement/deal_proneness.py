"""Who buys with a deal when one is at hand, and who pays the full price either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

PRONE = 0.5  # expected share of the orders at hand from which a customer is called deal-prone
PUBLIC = 2  # customers who use the same public code on a day: it was at hand for everybody
BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))


def deal_proneness(base: CustomerBase, orders: ir.Table) -> tuple[ir.Table, pd.DataFrame]:
    """Each customer's share of orders made with a deal, of those for which one was at hand.

    At hand: the order used one; or it fell on a day on which `PUBLIC` customers or more used a code that is
    no campaign's; or the customer was treated in a campaign with an offer code whose days had not passed.
    The share is drawn towards that of all (beta-binomial, by moments), the more so the fewer orders tell.

    Returns
    -------
    customers : Ibis: customer_id, at_hand, deals, deal_share (expected, 0..1), deal_prone (bool)
    table : low, high, customers, at_hand, deals, spend: by band of the expected share
    """
    marked = _at_hand(base, orders)
    each = marked.group_by("customer_id").aggregate(
        at_hand=marked.at_hand.sum().cast("int64"),
        deals=marked.deal.sum().cast("int64"),
        spend=marked.spend.sum(),
    )
    each = base.materialise(each.filter(each.at_hand > 0))
    a, b = _prior(base.collect(each.group_by("at_hand", "deals").aggregate(n=each.count())))
    share = (each.deals.cast("float64") + ibis.literal(a)) / (each.at_hand + ibis.literal(a + b))
    scored = each.mutate(deal_share=share.cast("float64"), deal_prone=share >= PRONE)
    band = ibis.literal(0)
    for low, _ in BANDS[1:]:
        band += (scored.deal_share >= low).cast("int64")
    placed = scored.mutate(band=band)
    counted = placed.group_by("band").aggregate(
        customers=placed.count(),
        at_hand=placed.at_hand.sum(),
        deals=placed.deals.sum(),
        spend=placed.spend.sum(),
    )
    found = base.collect(counted).set_index("band").reindex(range(len(BANDS)), fill_value=0)
    table = pd.DataFrame(BANDS, columns=["low", "high"]).join(found)
    table = table.astype({"customers": "int64", "at_hand": "int64", "deals": "int64", "spend": "float64"})
    return scored.drop("spend"), table


def _at_hand(base: CustomerBase, orders: ir.Table) -> ir.Table:
    tables = base.tables
    campaigns, members = tables.get("campaigns"), tables.get("campaign_members")
    if campaigns is not None and "offer_code" not in campaigns.columns:
        campaigns = None
    public = orders.filter(orders.code.notnull())
    if campaigns is not None:
        codes = campaigns.filter(campaigns.offer_code.notnull()).select(code="offer_code").distinct()
        public = public.anti_join(codes, "code")
    days = public.group_by("day", "code").aggregate(people=public.customer_id.nunique())
    open_days = days.filter(days.people >= PUBLIC).select(open_day="day").distinct()
    marked = orders.left_join(open_days, orders.day == open_days.open_day)
    at_hand = (marked.deal == 1) | marked.open_day.notnull()
    marked = marked.mutate(at_hand=at_hand).drop("open_day")
    dated = campaigns is not None and {"start_date", "end_date"} <= set(campaigns.columns)
    if campaigns is not None and members is not None and dated:
        marked = _with_own(marked, campaigns, members)
    return marked.mutate(at_hand=marked.at_hand.cast("int64"))


def _with_own(marked: ir.Table, campaigns: ir.Table, members: ir.Table) -> ir.Table:
    """Also the orders of whoever held an offer of a campaign on that day."""
    held = campaigns.filter(campaigns.offer_code.notnull())
    held = held.select(
        "campaign_id",
        starts=held.start_date.date(),
        days=held.end_date.date().delta(held.start_date.date(), unit="day"),
    )
    treated = members.filter(members.treatment == "treated")
    mine = treated.select("campaign_id", "customer_id").distinct().inner_join(held, "campaign_id")
    joined = marked.select("customer_id", "day").inner_join(mine, "customer_id")
    offset = joined.day.delta(joined.starts, unit="day")
    within = joined.filter(offset >= 0, offset < joined.days)  # the last day is over in its first hours
    own = within.select("customer_id", "day").distinct().mutate(own=ibis.literal(True))
    both = marked.left_join(own, ["customer_id", "day"])
    return both.mutate(at_hand=both.at_hand | both.own.fill_null(False)).drop(
        "customer_id_right", "day_right", "own"
    )


def _prior(cells: pd.DataFrame) -> tuple[float, float]:
    """Beta of the shares by moments (Kleinman 1973, JASA 68, 46-54); strong where shares hardly differ."""
    if cells.empty:
        return 1.0, 1.0
    cells = cells.sort_values(["at_hand", "deals"])
    n, k, w = (cells[c].to_numpy(dtype=float) for c in ("at_hand", "deals", "n"))
    weight = w * n
    mean = float((w * k).sum() / weight.sum())
    if not 0 < mean < 1:
        return (1.0 + mean, 2.0 - mean)
    between = float((weight * (k / n - mean) ** 2).sum())
    people = w.sum()
    spare = float(weight.sum() - (w * n**2).sum() / weight.sum())
    within = mean * (1 - mean)
    rho = (between - within * (people - 1)) / (within * (spare - (people - 1))) if spare > people - 1 else 0.0
    rho = float(np.clip(rho, 0.01, 0.9))
    strength = 1 / rho - 1
    return mean * strength, (1 - mean) * strength
