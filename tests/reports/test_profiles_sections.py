"""The profiles page: what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.reports import profiles
from crm_analytics.tables.company import write_company

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
def company(somewhere) -> dict[str, str]:
    (somewhere / "company").mkdir()
    base = CustomerBase.open(write_company(somewhere / "company", customers=1_500))
    return said(base, contact_cost=1.0, response=0.05)


@pytest.fixture(scope="module")
def poor() -> dict[str, str]:
    """Sales only: no products, no people, no costs."""
    return said(opened(shop()))


def test_every_section_says_something_of_the_company(company) -> None:
    for name, text in company.items():
        assert text.strip(), name
        assert not re.search(r"\bnan\b|None|NaT|<NA>|\binf\b", text), name


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


HALVES = ("2025-03-01", "2026-09-01")
ODD = {
    "everybody once": [(f"c{i}", f"2026-{1 + i % 12:02}-01", 5.0 + i) for i in range(240)],
    "one day": [(f"c{i}", "2026-06-01", 5.0 + i) for i in range(200)],
    "nobody stays": [(f"c{i}", HALVES[i % 2], 5.0) for i in range(200)] + [("z", "2026-12-01", 1.0)],
    "only returns now": [(f"c{i}", "2025-01-01", 5.0) for i in range(200)]
    + [(f"c{i}", "2026-06-01", -5.0) for i in range(100)] + [("z", "2023-01-01", 900.0)],
    "worth nothing": [(f"c{i}", f"{2024 + i % 3}-06-01", 0.0) for i in range(200)],
    "all equal": [(f"c{i % 200}", f"{2024 + i % 3}-06-01", 5.0) for i in range(1_200)],
    "millions": [(f"c{i % 200}", f"{2024 + i % 3}-06-01", 1e9) for i in range(1_200)],
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_odd_bases_are_spoken_of_without_nonsense(kind) -> None:
    for name, text in said(opened(ODD[kind])).items():
        assert text.strip(), name
        assert not re.search(r"\bnan\b|None|NaT|<NA>|\binf\b|; 0 others", text), (name, text)


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


def test_no_customer_stands_on_the_page_by_his_id(company, poor) -> None:
    for name, text in poor.items():
        assert not re.search(r"\bc\d+\b", text), name
    for name, text in company.items():
        assert not re.search(r"\bK\d{7}\b", text), name
