"""Whose customers leave faster: planted, absent, and not to be confused with a slower pace."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.drivers import leaving_by_attribute

START, DAYS, WINDOW = pd.Timestamp("2023-03-01"), 900, 90


def firm(seed: int, *, hazard: float = 1.0, pace: float = 1.0, customers: int = 400) -> CustomerBase:
    """Regular orders, a manager each; *Vale*'s leave `hazard` times as fast, at `pace` times the pace."""
    rng = np.random.default_rng([seed, 71])
    manager = rng.choice(["Vale", "Moor", "Heath", "Fen"], customers)
    mine = manager == "Vale"
    join = rng.uniform(0, 400, customers)
    end = np.minimum(join + rng.exponential(np.where(mine, 600 / hazard, 600.0)), DAYS)
    gaps = rng.gamma(4, np.where(mine, 14 / pace, 14.0)[:, None] / 4, (customers, 200))
    day = join[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    who, place = np.nonzero(day < end[:, None])
    sales = pd.DataFrame(
        {"customer_id": [f"w{i}" for i in who], "unit_spend": np.round(rng.pareto(2.5, len(who)) * 90 + 5, 2),
         "transaction_date": START + pd.to_timedelta(np.floor(day[who, place]), unit="D")}
    )  # fmt: skip
    people = pd.DataFrame({"customer_id": [f"w{i}" for i in range(customers)], "account_manager": manager})
    return CustomerBase.open({"transactions": sales, "customers": people}, today="2026-01-01")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_manager_whose_customers_leave_twice_as_fast_is_named_recovers_planted_truth(seed: int) -> None:
    table = leaving_by_attribute(firm(seed, hazard=2.0), WINDOW)
    clear = table[table["clear"]]
    assert clear["group"].tolist() == ["Vale"]
    row = clear.iloc[0]
    assert row["lower"] <= 2 <= row["upper"]
    assert 1 < row["lower"] < row["ratio"] < row["upper"]
    assert (table["left"] <= table["customers"]).all()


def test_nobody_is_named_where_all_leave_alike_even_at_half_the_pace_law() -> None:
    """Of 24 companies 1.2 are expected to name somebody; 5 or more come once in 140."""
    named = [
        leaving_by_attribute(firm(seed, pace=pace), WINDOW)["clear"].any()
        for seed in range(12)
        for pace in (1.0, 0.5)
    ]
    assert sum(named) <= 4


def test_expected_leavers_add_up_to_those_who_left_law() -> None:
    table = leaving_by_attribute(firm(4, hazard=1.5), WINDOW)
    assert set(table["group"]) == {"Vale", "Moor", "Heath", "Fen"}
    assert table["expected"].sum() == pytest.approx(table["left"].sum())


def test_too_few_leavers_are_not_compared() -> None:
    assert leaving_by_attribute(firm(5, customers=30), WINDOW).empty
