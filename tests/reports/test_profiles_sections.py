"""The profiles page: what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.reports import profiles

OTHER = ("ProfilesReport", "prepare")
HOSTILE = "<img src=x onerror=alert(1)>"


pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    report = profiles.prepare(base, **wanted)
    return {name: repr(getattr(profiles, name)(report)) for name in profiles.__all__ if name not in OTHER}


def opened(rows: list[tuple[str, str, float]], **tables: pd.DataFrame) -> CustomerBase:
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open({"transactions": frame, **tables}, today="2027-01-01")


def shop(days: int = 700, customers: int = 150, seed: int = 3) -> list[tuple[str, str, float]]:
    """Customers who buy at random days of a span that ends with 2026."""
    draw = np.random.default_rng(seed)
    n = customers * 6
    day = pd.Timestamp("2026-12-31") - pd.to_timedelta(draw.integers(0, days, n), unit="D")
    who = [f"c{i}" for i in draw.integers(0, customers, n)]
    spend = draw.gamma(2, 20, n).round(2)
    return [*zip(who, day.astype(str), spend, strict=True), ("c1", "2026-12-31", 9.0)]


@pytest.fixture(scope="module")
def company(small_company: CustomerBase, somewhere) -> dict[str, str]:
    return said(small_company, contact_cost=1.0, response=0.05)


@pytest.fixture(scope="module")
def poor() -> dict[str, str]:
    """Sales only: no products, no people, no costs."""
    return said(opened(shop()))


def test_the_headline_has_a_share_with_its_interval_and_says_who_moved(company) -> None:
    assert re.search(r"carry \d+ % of next year's margin", company["headline"])
    assert re.search(r"Their share: \d+–\d+ %", company["headline"])
    assert re.search(r"are in the same segment as on .+\(\d+–\d+ %\)", company["headline"])


def test_an_expected_value_is_said_where_cost_and_response_are_given(company, poor) -> None:
    assert "should bring most" in company["what_to_do_with_each_segment"]
    assert "Expected value" in company["what_to_do_with_each_segment"]
    assert "needs margin, contact_cost and response" in poor["what_to_do_with_each_segment"]


def test_sections_say_what_they_would_need(poor) -> None:
    assert "category_0_name" in poor["who_wants_the_same"]
    assert "birth_date" in poor["which_habits_go_with_whom"]
    assert (
        "Not known here: benchmark, inspiration, door opener and cost magnet" in poor["who_matters_and_why"]
    )
    assert "value is revenue" in poor["who_is_worth_most"]
    assert "Below zero" not in poor["kpis"]


def test_a_given_margin_is_that_of_the_portfolio(poor) -> None:
    half = said(opened(shop()), margin=0.5)
    assert "Margin is 50.0 % of revenue" in half["who_is_worth_most"]
    value = re.compile(r"forecast to bring ([\d,]+)")
    whole, part = (float(value.search(t["who_is_worth_most"])[1].replace(",", "")) for t in (poor, half))
    assert part == pytest.approx(whole / 2, rel=0.01)
    assert "At most" in half["what_to_do_with_each_segment"]


def test_a_small_base_takes_the_small_form() -> None:
    text = said(opened(shop(customers=40)))
    assert "too little for a statistical model" in text["headline"]
    assert "begins with 100 customers" in text["who_is_worth_most"]


def test_names_from_the_data_are_escaped_on_the_page() -> None:
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(150)], "last_name": HOSTILE})
    report = profiles.prepare(opened(shop(), customers=people), show_customers=True)
    block = profiles.whom_to_look_after(report)
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
