"""The audit page: what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.reports import audit
from crm_analytics.tables import demo

OTHER = ("AuditReport", "prepare")
HOSTILE = "<img src=x onerror=alert(1)>"


pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    report = audit.prepare(base, **wanted)
    return {name: repr(getattr(audit, name)(report)) for name in audit.__all__ if name not in OTHER}


def opened(frame: pd.DataFrame, **tables: pd.DataFrame) -> CustomerBase:
    return CustomerBase.open({"transactions": frame, **tables}, today="2027-01-01")


def shop(days: int, seed: int = 3, customers: int = 150) -> pd.DataFrame:
    """Customers who buy at random days of a span that ends with 2026."""
    draw = np.random.default_rng(seed)
    n = customers * 6
    day = pd.Timestamp("2026-12-31") - pd.to_timedelta(draw.integers(0, days, n), unit="D")
    ends = [pd.Timestamp("2026-12-31"), pd.Timestamp("2026-12-31") - pd.Timedelta(days=days - 1)]
    day = pd.DatetimeIndex([*day[:-2], *ends])
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in draw.integers(0, customers, n)],
            "transaction_date": day,
            "unit_spend": draw.gamma(2, 20, n).round(2),
        }
    )


@pytest.fixture(scope="module")
def company(small_company: CustomerBase, somewhere) -> dict[str, str]:
    return said(small_company)


def test_every_section_of_the_company_has_its_numbers(company) -> None:
    for name, text in company.items():
        if name not in ("headline", "kpis", "actions", "method", "record"):
            assert not text.startswith("[note]"), text
    assert "times as much as keeping one" in company["does_winning_cost_more_than_keeping"]
    assert "cost more than they bring" in company["who_costs_more_than_they_bring"]


def test_headline_and_bars_tell_the_same_change(company) -> None:
    facts = dict(line.split(" = ") for line in company["record"].splitlines() if " = " in line)
    change = round(float(facts["revenue"]) - float(facts["revenue_before"]))
    assert f"in total €{change:,}" in company["who_made_the_change"]
    assert f"of {int(facts['customers_repeating']) + int(facts['customers_lapsed']):,}" in company["kpis"]


def test_eighteen_months_are_compared_by_half_years_and_seasons_are_named(somewhere) -> None:
    found = said(CustomerBase.open(demo.write_demo("cdnow", somewhere / "data")))
    assert "on the 26 weeks before" in found["headline"]
    assert "different seasons" in found["headline"]
    assert "Customers with a purchase in the last 52 weeks" in found["how_different_customers_are"]
    assert "acquisition_channel" in found["where_good_customers_come_from"]
    assert "unit_cost" in found["who_costs_more_than_they_bring"]


def test_a_span_that_was_asked_for_is_not_shortened() -> None:
    found = said(opened(shop(500)), compare_to="-52w")
    assert "do not hold two whole periods" in found["headline"]
    assert "26 weeks before" in said(opened(shop(500)))["headline"]


def test_data_without_two_quarters_say_nothing_of_change() -> None:
    found = said(opened(shop(120)))
    assert "do not hold two whole periods" in found["headline"]
    assert found["who_made_the_change"].startswith("[note]")
    assert found["how_different_customers_are"].startswith("[chart]")


def test_customers_before_the_data_are_told_of_where_the_data_begin() -> None:
    assert "customers won before it who paused count as new" in said(opened(shop(750)))["who_made_the_change"]
    assert "who paused" not in said(opened(shop(1_200)))["who_made_the_change"]


def test_lemonade_gets_the_small_form(somewhere) -> None:
    found = said(CustomerBase.open(demo.write_demo("lemonade", somewhere / "data")))
    assert "40 customers" in found["headline"]
    assert not any(name in found["headline"] for name in ("%  ", "top fifth"))


def test_goods_sold_below_their_cost_are_not_blamed_on_service() -> None:
    sales = shop(900).assign(unit_cost=1.0)
    sales.loc[sales["customer_id"] == "c7", "unit_cost"] = 900.0
    found = said(opened(sales))
    assert "bring less than their goods cost" in found["actions"]
    assert "profit is margin" in found["who_costs_more_than_they_bring"]


def test_hostile_sources_stay_text() -> None:
    sales = shop(1_200)
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(150)]})
    people["acquisition_channel"] = np.where(people.index < 70, HOSTILE, "shop")
    report = audit.prepare(opened(sales, customers=people))
    block = audit.where_good_customers_come_from(report)
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
