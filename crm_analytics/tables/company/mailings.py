"""Campaigns by mail: who was chosen, who was held back at random, what came of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block, Calendar, Campaigns


def make_waves(block: Block, table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Who was chosen for which campaign, and at random treated or held back: who, campaign, treated."""
    chance = block.chance
    may = (table["consent_email"].fillna(False) & ~table["do_not_contact"]).to_numpy(bool)
    parts = []
    for number, start in enumerate(block.campaigns.starts):
        chosen = np.flatnonzero(may & (truth["joined"].to_numpy() < start - 1))
        chosen = chosen[chance.random(len(chosen)) < plan.CAMPAIGN_REACH]
        treated = chance.random(len(chosen)) >= plan.CONTROL_SHARE
        parts.append(pd.DataFrame({"who": chosen, "campaign": number, "treated": treated}))
    return pd.concat(parts, ignore_index=True)


def add_campaign_orders(
    block: Block, orders: pd.DataFrame, waves: pd.DataFrame, truth: pd.DataFrame
) -> pd.DataFrame:
    """The orders with those that a campaign brought: a treated customer, still there, orders once more.

    Each order gets `campaign` (the number of the one that brought it, -1 for none).
    """
    chance, start = block.chance, block.campaigns.starts[waves["campaign"]]
    lift = np.array([s.lift for s in plan.SEGMENTS])[truth["segment"].to_numpy()[waves["who"]]]
    at = start + 0.4 + chance.random(len(waves)) * (plan.CAMPAIGN_WINDOW - 0.5)
    there = truth["leaves"].to_numpy()[waves["who"]] > at
    won = waves["treated"].to_numpy() & there & (chance.random(len(waves)) < lift)
    won &= truth["bought"].to_numpy()[waves["who"]]
    added = pd.DataFrame(
        {"who": waves["who"][won], "at": at[won], "complaint": False, "campaign": waves["campaign"][won]}
    )
    both = pd.concat([orders.assign(campaign=-1), added], ignore_index=True)
    return both.sort_values(["who", "at"], ignore_index=True)


def make_campaigns(campaigns: Campaigns, calendar: Calendar) -> pd.DataFrame:
    """The table of campaigns, all by mail."""
    start = calendar.stamp(campaigns.starts + 8 / 24)
    offer = campaigns.coupons
    return pd.DataFrame(
        {
            "campaign_id": campaigns.ids,
            "campaign_name": [f"Newsletter {day:%B %Y}" for day in start],
            "objective": np.where(campaigns.has_coupon, "offer", "news"),
            "channel": "email",
            "list_name": "all with consent",
            "start_date": start,
            "end_date": start + pd.Timedelta(days=plan.CAMPAIGN_WINDOW),
            "offer_code": offer,
            "offer_cost": np.where(campaigns.has_coupon, plan.COUPON_DISCOUNT, 0.0),
            "budget": 500.0,
        }
    )


def make_members(
    block: Block, waves: pd.DataFrame, truth: pd.DataFrame, won: pd.DataFrame, ids: np.ndarray
) -> pd.DataFrame:
    """The table of members; what became known later has its time. `won`: who, campaign, at, worth."""
    chance, campaigns, calendar = block.chance, block.campaigns, block.calendar
    treated = waves["treated"].to_numpy()
    sent = campaigns.starts[waves["campaign"]] + 8 / 24 + chance.random(len(waves)) / 24
    there = truth["leaves"].to_numpy()[waves["who"]] > sent
    opened = treated & (chance.random(len(waves)) < np.where(there, 0.4, 0.1))
    clicked = opened & (chance.random(len(waves)) < 0.2)
    gone = treated & (chance.random(len(waves)) < np.where(there, 0.002, 0.006))
    found = waves.merge(won, on=["who", "campaign"], how="left")
    delay = sent + chance.exponential(0.6, len(waves))
    late = delay + chance.exponential(0.1, len(waves))

    def when(mask: np.ndarray, at: np.ndarray) -> pd.Series:
        known = mask & (at < calendar.days)
        return pd.Series(calendar.stamp(np.where(known, at, 0.0))).where(known)

    answered = found["at"].notna().to_numpy()
    campaign, who = campaigns.ids[waves["campaign"]], ids[waves["who"]]
    return pd.DataFrame(
        {
            "member_id": campaign + "-" + who,
            "campaign_id": campaign,
            "customer_id": who,
            "treatment": np.where(treated, "treated", "control"),
            "reason_code": "consent",
            "sent_at": calendar.stamp(sent),
            "opened_at": when(opened, delay),
            "clicked_at": when(clicked, late),
            "responded_at": when(answered, found["at"].fillna(0).to_numpy()),
            "unsubscribed_at": when(gone, late),
            "response_value": found["worth"].to_numpy(),
            "cost": np.where(treated, 0.05, 0.0),
        }
    )
