"""What was planted, as plain data: the answers that analyses are asked to find again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Calendar, Campaigns


def planted(calendar: Calendar, campaigns: Campaigns, customers: int, seed: int) -> dict[str, Any]:
    """The truth of a company of this size: rates a day, shares, effects, money in its currency."""
    segments = {}
    for s in plan.SEGMENTS:
        told = {k: v for k, v in asdict(s).items() if k not in ("name", "tastes")}
        total = sum(s.tastes)
        tastes = {c: round(t / total, 4) for c, t in zip(plan.CATEGORIES, s.tastes, strict=True)}
        segments[s.name] = {**told, "tastes": tastes}
    return {
        "version": plan.VERSION,
        "seed": seed,
        "customers": customers,
        "first_day": str(calendar.first.date()),
        "last_day": str(plan.LAST_DAY),
        "segments": segments,
        "season": {"by_month": list(plan.SEASON), "of_a_segment": "1 + season * (by_month - 1)"},
        "complaint": {"multiplies_hazard_of_leaving": plan.COMPLAINT_HAZARD},
        "loyalty": {"members": plan.LOYALTY_MEMBERS, "multiplies_buying_rate": plan.LOYALTY_RATE},
        "channels": {c.name: {k: v for k, v in asdict(c).items() if k != "name"} for c in plan.CHANNELS},
        "paths": {
            "base": plan.CONVERSION_BASE,
            "stop_after_each_touch": plan.PATH_STOPS,
            "tracked_customers": plan.TRACKED,
            "converts_with": "1 - (1 - base) * product of (1 - effect) over the touches",
        },
        "acquisition_cost": plan.ACQUISITION_COST,
        "campaigns": {
            "count": len(campaigns.starts),
            "control_share": plan.CONTROL_SHARE,
            "window_days": plan.CAMPAIGN_WINDOW,
            "lift": {s.name: s.lift for s in plan.SEGMENTS},
            "lift_is": "orders added to a treated customer who has bought before and has not left",
        },
        "coupons": {
            "discount": plan.COUPON_DISCOUNT,
            "multiplies_further_lines": plan.COUPON_BASKET,
            "days": plan.COUPON_DAYS,
            "sale_months": list(plan.SALE_MONTHS),
            "sale_days": plan.SALE_DAYS,
        },
        "returns": {"share_of_lines": plan.RETURN_SHARE},
        "anonymous": {"share_of_orders": plan.ANONYMOUS_SHARE},
        "referrals": {"would_have_joined": plan.REFERRAL_WOULD_HAVE_JOINED},
        "brand_choice": {"last": plan.BRAND_LAST, "drivers": plan.BRAND_DRIVERS, "model": "logit"},
        "heard_from": {"honest": plan.HEARD_HONEST},
        "subscriptions": {"cancelled_a_month": plan.SUBSCRIPTION_CANCEL},
        "duplicates": {"share_of_customers": plan.DUPLICATES},
    }
