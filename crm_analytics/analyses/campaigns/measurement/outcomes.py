"""What members of a campaign did in its window, and before they were sent anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses import arguments
from crm_analytics.analyses.margin import margin_lines, margin_share
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

COST_UNKNOWN = "the cost of a contact is not known"


def with_outcomes(
    base: CustomerBase, kept: ir.Table, before: int, margin: float | None, contact_cost: float | None
) -> tuple[ir.Table, dict[str, str], str]:
    """The members with their outcomes and their past, the outcomes by name, and the costs in words."""
    days, costs = days_with_margin(base, margin)
    happened = _happened(kept, days, before)
    rows = kept.drop("reason").left_join(happened, ["campaign_id", "customer_id"])
    filled = {
        c: rows[c].fill_null(ibis.literal(0).cast(rows[c].type()))
        for c in happened.columns
        if c not in ("campaign_id", "customer_id", "recency_days", "tenure_days")
    }
    rows = rows.mutate(**filled).drop("campaign_id_right", "customer_id_right")
    outcomes = {"conversion": "conversion_before", "orders": "orders_before", "spend": "spend_before"}
    visits = _visits(base)
    if visits is not None:
        came = _inside(kept, visits).distinct().mutate(visit=ibis.literal(1).cast("int64"))
        rows = rows.left_join(came, ["campaign_id", "customer_id"])
        rows = rows.mutate(visit=rows.visit.fill_null(0)).drop("campaign_id_right", "customer_id_right")
        outcomes = {"visit": "conversion_before"} | outcomes
    if "margin" in rows.columns:
        outcomes |= {"margin": "spend_before"}
        costs += f"; {_cost_of_contacts(kept, contact_cost)}"
        if COST_UNKNOWN not in costs:
            rows = rows.mutate(profit=(rows.margin - rows.cost).cast(MONEY))
            outcomes |= {"profit": "spend_before"}
    return rows, outcomes, costs


def _cost_of_contacts(kept: ir.Table, given: float | None) -> str:
    """Where it comes from, or of how many campaigns it is missing."""
    if given is not None:
        return "cost of a contact as given"
    counted = kept.aggregate(
        campaigns=kept.campaign_id.nunique(), missing=kept.campaign_id.nunique(where=kept.cost.isnull())
    )
    (found,) = counted.to_pyarrow().to_pylist()
    if not found["missing"]:
        return "cost of a contact as the members' table says"
    of = f" for {found['missing']} of {found['campaigns']} campaigns" if found["campaigns"] > 1 else ""
    return f"{COST_UNKNOWN}: none is given, nor in the members' table{of}; the margin is before it"


def days_with_margin(base: CustomerBase, margin: float | None) -> tuple[ir.Table, str]:
    """Customer-days with their margin where it is known, and where it comes from in words."""
    days = base.customer_days
    if margin is not None:
        arguments.share("margin", margin)
        worth = (days.spend * ibis.literal(margin)).round(4).cast(MONEY)
        return days.mutate(margin=worth), f"margin {margin:.0%} of the spend, as given"
    lines, share = margin_lines(base), margin_share(base)
    if lines is None or share is None:
        return days, "no unit costs and no margin given: the profit is not known"
    daily = lines.group_by("customer_id", "day").aggregate(
        known_margin=lines.margin.sum(), costed=lines.costed.sum()
    )
    days = days.left_join(daily, ["customer_id", "day"]).drop("customer_id_right", "day_right")
    rest = (days.spend - days.costed.fill_null(0)).cast("float64") * share
    worth = (days.known_margin.fill_null(0).cast(MONEY) + rest.round(4).cast(MONEY)).cast(MONEY)
    return (
        days.mutate(margin=worth).drop("known_margin", "costed"),
        "margin from the unit costs of the lines",
    )


def _happened(kept: ir.Table, days: ir.Table, before: int) -> ir.Table:
    """What each member bought in the window and before, of those who bought or returned anything."""
    members = kept.select("campaign_id", "customer_id", "sent_day", "window_days")
    joined = members.inner_join(days, "customer_id")
    offset = joined.day.delta(joined.sent_day, unit="day").cast("int64")
    joined = joined.mutate(offset=offset, bought=joined.is_occasion)
    inside = (joined.offset >= 0) & (joined.offset <= joined.window_days)
    earlier = joined.offset < 0
    recent = earlier & (joined.offset >= -before)
    worth = {"margin": joined.margin.sum(where=inside).cast(MONEY)} if "margin" in days.columns else {}
    return joined.group_by("campaign_id", "customer_id").aggregate(
        conversion=(inside & joined.bought).any().cast("int64"),
        orders=(inside & joined.bought).sum().cast("int64"),
        spend=joined.spend.sum(where=inside).cast(MONEY),
        **worth,
        conversion_before=(recent & joined.bought).any().cast("int64"),
        orders_before=(recent & joined.bought).sum().cast("int64"),
        spend_before=joined.spend.sum(where=recent).cast(MONEY),
        recency_days=-joined.offset.max(where=earlier & joined.bought),
        tenure_days=-joined.offset.min(where=earlier & joined.bought),
        order_count=(earlier & joined.bought).sum().cast("int64"),
        revenue=joined.spend.sum(where=earlier).cast(MONEY),
    )


def _visits(base: CustomerBase) -> ir.Table | None:
    """Days on which a known customer was seen by itself: customer_id, day. What we sent is no visit."""
    events = base.tables.get("events")
    if events is None or "customer_id" not in events.columns:
        return None
    events = events.filter(events.customer_id.notnull())
    if "direction" in events.columns:
        events = events.filter((events.direction != "out").fill_null(True))
    return events.select("customer_id", day=events.timestamp.date()).distinct()


def _inside(kept: ir.Table, days: ir.Table) -> ir.Table:
    """Members with one of the days in their window: campaign_id, customer_id."""
    joined = kept.select("campaign_id", "customer_id", "sent_day", "window_days").inner_join(
        days, "customer_id"
    )
    offset = joined.day.delta(joined.sent_day, unit="day").cast("int64")
    return joined.filter(offset >= 0, offset <= joined.window_days).select("campaign_id", "customer_id")
