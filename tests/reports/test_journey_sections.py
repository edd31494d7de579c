"""The journey page: what it says on whole, purchase-only, small and odd bases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.reports import journey

OTHER = ("JourneyReport", "prepare")


pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    report = journey.prepare(base, **wanted)
    return {name: repr(getattr(journey, name)(report)) for name in journey.__all__ if name not in OTHER}


def purchases(customers: int = 150, seed: int = 3) -> pd.DataFrame:
    """Customers who buy at random days of two years."""
    draw = np.random.default_rng(seed)
    n = customers * 5
    day = pd.Timestamp("2026-12-31") - pd.to_timedelta(draw.integers(0, 730, n), unit="D")
    who = [f"c{i}" for i in draw.integers(0, customers, n)]
    frame = pd.DataFrame({"customer_id": who, "transaction_date": day, "unit_spend": draw.gamma(2, 20, n)})
    return frame.round({"unit_spend": 2})


@pytest.fixture(scope="module")
def company(small_company: CustomerBase, somewhere) -> dict[str, str]:
    return said(small_company)


def test_the_company_fills_every_section(company):
    notes = [name for name, text in company.items() if text.startswith("[note]")]
    assert notes == []
    assert "most are lost between" in company["headline"]
    assert "nobody" not in company["the_map"]


def test_the_map_stands_for_each_segment_as_it_was_before(company):
    text = company["the_map_of_each_segment"]
    assert "buy again within 30 days" in text
    assert "First-time buyers" in text
    assert "Champions" in text


def test_how_long_it_takes_counts_whole_days_from_the_first_step():
    who, days = [f"c{i}" for i in range(150)], [3] * 100 + [9] * 50
    begun = pd.Timestamp("2026-11-01 12:00")
    looked = pd.DataFrame({"customer_id": who, "timestamp": begun, "event": "Look", "channel": "web"})
    when = [begun + pd.Timedelta(days=d, hours=1) for d in days]
    bought = pd.DataFrame({"customer_id": who, "transaction_date": when, "unit_spend": 10.0})
    bought.loc[len(bought)] = ["old", pd.Timestamp("2026-09-01"), 10.0]
    base = CustomerBase.open({"transactions": bought, "events": looked}, today="2027-01-01")
    text = said(base, compare_to="-4w")["how_long_until_they_buy"]
    assert "Half of those who buy do so within 4 days of their first step, nine in ten within 10" in text


def test_denominators_and_days_stand_beside_the_shares(company):
    assert "within 30 days" in company["kpis"]
    assert " of " in company["the_map"]
    assert "Of" in company["where_customers_are_lost"]
    assert "visitors were never recognised" in company["headline"]


def test_purchases_alone_say_what_is_missing():
    text = said(CustomerBase.open(purchases(), today="2027-01-01"))
    assert "what they do before is not recorded" in text["headline"]
    assert "It needs the table events" in text["ways_through_a_visit"]
    assert "It needs the table tickets" in text["what_hurts"]
    assert "Before the purchase" not in text["the_map"]
    assert "did something in the last month" in text["who_is_awake"]


def test_a_small_base_takes_the_small_form():
    text = said(CustomerBase.open(purchases(40), today="2027-01-01"))
    assert "too little for a statistical model" in text["headline"]
    assert "journeys are mapped from 100 on" in text["where_customers_are_lost"]


def test_a_year_of_returns_only_says_that_no_step_was_recorded():
    sales = purchases()
    recent = sales["transaction_date"] > "2025-12-31"
    sales["unit_spend"] = sales["unit_spend"].where(~recent, -1.0)
    text = said(CustomerBase.open(sales, today="2027-01-01"))
    nothing = "No step of the funnel has been recorded after 1 January 2026"
    assert nothing in text["headline"]
    assert "thin" in text["headline"]
    for name in ("the_map", "where_customers_are_lost", "what_hurts", "who_is_awake"):
        assert nothing in text[name]
        assert "too few" not in text[name].lower()


def events(names: list[str], customers: int = 150) -> pd.DataFrame:
    rows = [
        (f"c{i}", name, pd.Timestamp("2026-11-01") + pd.Timedelta(hours=7 * i, minutes=k))
        for i in range(customers)
        for k, name in enumerate(names)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "event", "timestamp"]).assign(channel="web")


def test_other_events_ask_for_another_funnel():
    base = CustomerBase.open(
        {"transactions": purchases(), "events": events(["Look", "Ask"])}, today="2027-01-01"
    )
    text = said(base)
    assert "Give other steps with the parameter funnel" in text["where_customers_are_lost"]
    assert "“Look”" in text["where_customers_are_lost"]
    named = said(base, funnel="Look -> Ask")
    assert "“Ask”" in named["headline"]


def test_a_rare_event_is_not_shown_for_it_may_name_somebody():
    odd = events(["Look"])
    odd.loc[0, "event"] = "Ann Smith called"
    base = CustomerBase.open({"transactions": purchases(), "events": odd}, today="2027-01-01")
    assert not any("Ann Smith" in text for text in said(base, funnel="Look -> Order Completed").values())


def test_what_came_later_changes_nothing(somewhere):
    base = CustomerBase.open(
        {"transactions": purchases(), "events": events(["Look", "Ask"])}, today="2027-01-01"
    )
    early = said(base.as_of("2026-12-01"), funnel="Look -> Ask")
    kept = base.as_of("2026-12-01").save(somewhere / "cut")
    assert said(CustomerBase.open(kept), funnel="Look -> Ask") == early
