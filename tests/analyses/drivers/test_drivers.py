"""Drivers of a change: customers who changed otherwise than the others, and dates."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.drivers import by_attribute, change_at, changes
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.errors import DataError

START, DAYS = pd.Timestamp("2023-01-02"), 1_092


def company(
    drop: float = 1.0,
    since: int = 910,
    manager: str | None = None,
    seed: int = 7,
    customers: int = 900,
    shock: float = 0.0,
) -> CustomerBase:
    """Customers join all the time, buy more in December, and a part of them less often from a day on.

    shock : spread, in logarithms, by which all of them buy more or less in a fortnight
    """
    rng = np.random.default_rng(seed)
    join = rng.random(customers) * DAYS * 0.95
    names = rng.choice(["Ash", "Birch", "Cedar"], customers)
    who = np.repeat(np.arange(customers), rng.poisson(0.06 * (DAYS - join)))
    day = join[who] + rng.random(len(who)) * (DAYS - join)[who]
    december = (START + pd.to_timedelta(np.floor(day), unit="D")).month == 12
    hit = (day > since) & ((names[who] == manager) if manager else True)
    kept = rng.random(len(who)) < np.where(december, 1.0, 0.5) * np.where(hit, drop, 1.0)
    if shock:
        fortnight = np.exp(rng.normal(0, shock, DAYS // 14 + 1))
        kept &= rng.random(len(who)) < (fortnight / fortnight.max())[(day // 14).astype(int)]
    who, day = np.concatenate([np.arange(customers), who[kept]]), np.concatenate([join, day[kept]])
    sales = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in who], "unit_spend": 10.0,
         "transaction_date": START + pd.to_timedelta(np.floor(day), unit="D")}
    )  # fmt: skip
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(customers)], "account_manager": names})
    return CustomerBase.open({"transactions": sales, "customers": people}, today="2026-06-30")


def test_manager_whose_customers_leave_recovers_planted_truth() -> None:
    found = by_attribute(company(0.5, since=910, manager="Cedar"))
    first = found[found["measure"] == "orders"].iloc[0]
    assert (first["group"], bool(first["clear"])) == ("Cedar", True)
    assert first["lower"] < 0.5 < first["upper"]
    assert not by_attribute(company())["clear"].any()


def test_change_at_a_date_recovers_planted_truth_and_season_is_none() -> None:
    day = (START + pd.Timedelta(days=910)).date()
    found = change_at(company(0.6), day)
    assert found.lower < 0.6 < found.upper < 1
    assert found.evidence is Evidence.SHOWN
    winter = date(2025, 11, 30)  # December sells twice as much, every year
    assert change_at(company(), winter - timedelta(days=7), weeks=4).lower < 1


def test_drivers_say_how_much_history_they_need() -> None:
    base = company()
    with pytest.raises(DataError, match="drivers need data before"):
        by_attribute(base, "-130w")
    with pytest.raises(DataError, match="needs data from"):
        change_at(base, date(2023, 6, 1))


def test_thin_groups_are_left_out_law() -> None:
    sales = pd.DataFrame({"customer_id": list("abc") * 40, "unit_spend": 1.0,
        "transaction_date": pd.date_range("2024-01-01", periods=120, freq="7D")})  # fmt: skip
    people = pd.DataFrame({"customer_id": list("abc"), "region": ["north", "south", "south"]})
    base = CustomerBase.open({"transactions": sales, "customers": people}, today="2026-12-31")
    assert by_attribute(base).empty


def test_search_names_the_weeks_of_a_planted_change_recovers_planted_truth() -> None:
    """Everybody buys half as often from a day on; found at one of the looked-at days near it, in orders."""
    day = START + pd.Timedelta(days=910)
    found = changes(company(0.4, customers=2_000))
    assert found[0].evidence is Evidence.SHOWN
    assert found[0].upper < 1
    assert abs(pd.Timestamp(found[0].day) - day) <= pd.Timedelta(days=28)
    (one, *_) = changes(company(0.6), [day.date()])
    assert (one.day, one.evidence) == (day.date(), Evidence.SHOWN)
    assert one.lower < 0.6 < one.upper < 1


def test_search_shows_nothing_where_only_season_and_age_change_law() -> None:
    """Of eight companies 0.4 are expected to be said to change at some date; 3 come once in 100."""
    assert sum(changes(company(seed=seed))[0].evidence is Evidence.SHOWN for seed in range(20, 28)) <= 2


def test_shared_shocks_widen_the_intervals_law() -> None:
    """All customers skip weeks of their own year at random: no date may be named for that."""
    shown = 0
    for seed in range(4):
        base = company(customers=3_000, seed=seed, shock=0.4)
        shown += changes(base)[0].evidence is Evidence.SHOWN
    assert shown <= 1
