"""Intervals that may be read every night."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.campaigns.measurement.sequential import bounds, nightly_level, running

FIXED = 1.959964


def test_bounds_match_jennison_and_turnbull() -> None:
    """Lan-DeMets spending of the O'Brien-Fleming type, 5 % two-sided, five equal looks."""
    assert bounds(5) == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=0.002)
    assert bounds(1) == pytest.approx((FIXED,), abs=1e-4)


def test_ten_thousand_null_campaigns_read_on_thirty_nights_seldom_show_an_effect_law() -> None:
    """Arms of 400; each member orders at a pace of their own, so that nights go together."""
    nights, campaigns, arm = 30, 10_000, 400
    rng = np.random.default_rng(24)
    pace = rng.gamma(2.0, 0.5, (campaigns, 2, arm)).sum(
        axis=2
    )  # of a whole arm; counts of an arm are Poisson
    counts = rng.poisson(pace[:, :, None] * 0.02, (campaigns, 2, nights)).cumsum(axis=2)
    time = np.arange(1, nights + 1)
    mean = counts.sum(axis=1) / (2 * arm)
    variance = mean + (0.02 * time) ** 2 * 0.5  # Poisson, and the spread of the paces
    z = (counts[:, 0] - counts[:, 1]) / np.sqrt(2 * arm * variance)
    shown = (np.abs(z) > np.array(bounds(nights))).any(axis=1)
    assert shown.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / campaigns)
    naive = (np.abs(z) > FIXED).any(axis=1)
    assert naive.mean() > 0.15  # what reading a fixed interval every night does
    assert bounds(nights)[-1] / FIXED <= 1.3


def test_level_rises_towards_the_first_nights_law() -> None:
    levels = [nightly_level(k, 30) for k in range(1, 31)]
    assert levels == sorted(levels, reverse=True)
    assert nightly_level(45, 30) == levels[-1]  # a night after the last planned one


def test_running_campaign_is_read_before_its_window_is_over() -> None:
    ids = [f"c{i:03d}" for i in range(400)]
    bought = [c for i, c in enumerate(ids) if i % 2 == 0]
    sales = pd.DataFrame({"customer_id": [*ids, *bought], "unit_spend": 10.0,
        "transaction_date": ["2026-01-05"] * 400 + ["2026-03-05"] * len(bought)})  # fmt: skip
    last = pd.DataFrame({"customer_id": ["x"], "unit_spend": 1.0, "transaction_date": "2026-03-11"})
    members = pd.DataFrame({"campaign_id": "spring", "customer_id": ids, "sent_at": "2026-03-01",
        "treatment": ["treated", "control"] * 200})  # fmt: skip
    tables = {"transactions": pd.concat([sales, last]), "campaign_members": members}
    found = running(CustomerBase.open(tables, today="2026-12-31"))
    assert found[["night", "nights"]].to_numpy().tolist() == [[10, 14]]
    assert found["effect"].iloc[0] > 0.5
    alone = pd.DataFrame({**members.to_dict("list"), "treatment": "treated"})
    assert running(CustomerBase.open(tables | {"campaign_members": alone}, today="2026-12-31")).empty
