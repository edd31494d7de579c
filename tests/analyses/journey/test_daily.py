"""States day by day, against a plain count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey.daily import STATES, daily_states

FIRST = pd.Timestamp("2026-01-01")


def plain(days, day):
    """The state of one customer by the definitions."""
    active = [d for d in days if d <= day]
    if not active:
        return None
    if day in active:
        earlier = [d for d in active if d < day]
        if not earlier:
            return "new"
        since = day - earlier[-1]
        return "current" if since <= 7 else "reactivated" if since <= 30 else "resurrected"
    since = day - active[-1]
    return "at_risk_wau" if since <= 7 else "at_risk_mau" if since <= 30 else "dormant"


@pytest.fixture(scope="module")
def drawn():
    draw = np.random.default_rng(2)
    days = {f"c{i}": sorted(set(draw.integers(0, 120, draw.integers(1, 8)))) for i in range(40)}
    days["edges"] = [0, 7, 15, 45, 76, 119]  # 7, 8, 30, 31 days, each side of a limit
    rows = [(who, FIRST + pd.Timedelta(days=int(d)), 5.0) for who, ds in days.items() for d in ds]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return days, CustomerBase.open(frame, today="2026-12-01")


def test_states_match_the_plain_count(drawn):
    days, base = drawn
    table = daily_states(base)
    found = table.pivot(index="day", columns="state", values="customers")
    for number, day in enumerate(found.index):
        states = pd.Series([plain(ds, number) for ds in days.values()]).value_counts()
        assert found.loc[day].to_dict() == {s: int(states.get(s, 0)) for s in STATES}, day


def test_every_customer_is_in_one_state(drawn):
    days, base = drawn
    last = daily_states(base).groupby("day")["customers"].sum()
    assert last.is_monotonic_increasing
    assert last.iloc[-1] == len(days)


def test_the_past_does_not_know_the_future(drawn):
    _, base = drawn
    day = "2026-02-20"
    whole = daily_states(base)
    then = daily_states(base.as_of(day))
    pd.testing.assert_frame_equal(then, whole[whole["day"] <= day])
