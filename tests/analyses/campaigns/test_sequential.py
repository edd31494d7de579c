"""Intervals that may be read every night."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks import nightly_campaigns
from crm_analytics import CustomerBase
from crm_analytics.analyses.campaigns import evaluate
from crm_analytics.analyses.campaigns.measurement.sequential import bounds, clocks, nightly_level, running
from crm_analytics.analyses.campaigns.measurement.treatment_effects import TOO_LITTLE, differences
from crm_analytics.analyses.intervals import wilson

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


def test_nights_read_in_the_benchmark_are_those_of_the_engine_law() -> None:
    treated, before, nightly = nightly_campaigns.draw("few controls", 3, np.random.default_rng(3))
    orders = nightly.sum(axis=2).astype(float)
    effect, error, freedom = nightly_campaigns.effects(treated, before, orders)
    campaign = np.repeat(np.arange(3), nightly_campaigns.MEMBERS)
    rows = pd.DataFrame({"campaign_id": campaign, "customer_id": np.arange(len(campaign)),
        "treated": np.tile(treated.astype("int64"), 3), "orders": orders.ravel().astype("int64"),
        "orders_before": before.ravel().astype("int64")})  # fmt: skip
    base = CustomerBase.open({"transactions": one_line("2026-01-01")}, today="2026-12-31")
    table = base.to_engine(rows)
    levels = {(0,): 0.9, (1,): 0.95, (2,): 0.99}  # each campaign has a level of its own
    found = differences(base, table, {"orders": "orders_before"}, by=("campaign_id",), level=levels)
    half = stats.t.ppf(0.5 + np.array([0.9, 0.95, 0.99]) / 2, freedom) * error
    assert found["adjusted"].to_numpy() == pytest.approx(effect)
    assert (found["adjusted_upper"] - found["adjusted"]).to_numpy() == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("kind", nightly_campaigns.KINDS)
def test_null_campaigns_of_every_kind_seldom_show_an_effect_on_any_night_law(kind: str) -> None:
    found = nightly_campaigns.read(kind, 400, seed=2)
    assert wilson(found.ever, 400, 0.99)[0] <= 0.05
    assert found.naive > 2.5 * found.ever  # what reading a fixed interval every night does
    assert found.width <= 1.3


def test_committed_null_campaigns_hold_the_goal() -> None:
    """10,000 of each kind; the share is 5 % or below, or 5 % lies within its interval."""
    text = (Path(__file__).parents[3] / "docs" / "nightly-results.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^:|]+): [^|]+\| ([\d,]+) \|.*\| ([\d.]+) \|$", text, re.MULTILINE)
    assert text.count("10,000 campaigns without an effect")
    assert [kind for kind, *_ in rows] == list(nightly_campaigns.KINDS)
    for kind, ever, width in rows:
        assert wilson(int(ever.replace(",", "")), 10_000)[0] <= 0.05, kind
        assert float(width) <= 1.3


def one_line(day: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": ["x"], "unit_spend": [1.0], "transaction_date": [day]})


def late_campaign(until: str, early: int = 20) -> CustomerBase:
    """400 members, orders of half of them in the last two of fourteen nights; read at the end of `until`."""
    ids = [f"c{i:03d}" for i in range(400)]
    days = ["2026-03-02", "2026-03-13", "2026-03-14"]
    bought = [(c, days[0 if i % early < 2 else 1 + i % 2]) for i, c in enumerate(ids) if i % 4 < 2]
    old = pd.DataFrame({"customer_id": ids, "unit_spend": 10.0, "transaction_date": "2026-01-05"})
    new = pd.DataFrame(bought, columns=["customer_id", "transaction_date"]).assign(unit_spend=10.0)
    members = pd.DataFrame({"campaign_id": "spring", "customer_id": ids, "sent_at": "2026-03-01",
        "treatment": ["treated", "control"] * 200})  # fmt: skip
    sales = pd.concat([old, new, one_line("2026-03-30")])
    return CustomerBase.open({"transactions": sales, "campaign_members": members}, today="2026-12-31").as_of(
        until
    )


def test_late_orders_widen_the_last_interval_and_few_orders_tell_nothing() -> None:
    few, enough = (running(late_campaign("2026-03-04", early)) for early in (100, 20))
    assert few["verdict"].tolist() == [TOO_LITTLE]
    assert few["lower"].isna().all()
    assert enough["lower"].notna().all()
    base = late_campaign("2026-03-30")
    found = evaluate(base, learner=None, nightly=True)
    (clock,) = clocks(found.waves).values()
    assert len(clock) == 14
    assert clock[-1] > 3 * clock[10]
    once = evaluate(base, learner=None)
    wide, fixed = (
        float((one.campaigns["adjusted_upper"] - one.campaigns["adjusted_lower"]).iloc[1])
        for one in (found, once)
    )
    even = stats.t.ppf(0.5 + nightly_level(14, 14) / 2, 199) / stats.t.ppf(0.975, 199)
    assert even < wide / fixed <= 1.3


def test_night_without_orders_repeats_the_one_before_law() -> None:
    assert bounds(4, clock=(5, 5, 9, 12))[1] == bounds(4, clock=(5, 5, 9, 12))[0]
    assert bounds(3, clock=(0, 4, 9))[0] == 8.0
    assert bounds(5)[:3] == pytest.approx(bounds(5, clock=(1, 2, 3)), abs=1e-6)  # a night knows no later one
