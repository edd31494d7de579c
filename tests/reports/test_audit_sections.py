"""The audit page: what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.reports import audit
from crm_analytics.tables import demo
from crm_analytics.tables.company import write_company

OTHER = ("AuditReport", "prepare")
HOSTILE = "<img src=x onerror=alert(1)>"


pytestmark = pytest.mark.usefixtures("somewhere")


HALVES = ("2024-03-01", "2025-09-01")
ODD = {
    "nobody stays": [(f"c{i}", HALVES[i % 2], 5.0) for i in range(200)] + [("z", "2026-01-01", 1.0)],
    "only returns now": [(f"c{i}", "2025-01-01", 5.0) for i in range(200)]
    + [(f"c{i}", "2026-06-01", -5.0) for i in range(100)] + [("z", "2023-01-01", 900.0)],
    "nothing before": [(f"c{i}", "2026-06-01", 5.0) for i in range(200)] + [("z", "2022-01-01", 1.0)],
    "worth nothing": [(f"c{i}", f"{2024 + i % 3}-06-01", 0.0) for i in range(200)],
    "one day": [(f"c{i}", "2026-06-01", 5.0 + i) for i in range(200)],
    "all equal": [(f"c{i % 200}", f"{2024 + i % 3}-06-01", 5.0) for i in range(1_200)],
    "millions": [(f"c{i % 200}", f"{2024 + i % 3}-06-01", 1e9) for i in range(1_200)],
}  # fmt: skip


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
def company(somewhere) -> dict[str, str]:
    (somewhere / "company").mkdir()
    return said(CustomerBase.open(write_company(somewhere / "company", customers=1_200)))


def test_every_section_says_something_of_the_company(company) -> None:
    for name, text in company.items():
        assert text.strip(), name
        assert "nan" not in text.lower().replace("finance", "").split(), name
        if name not in ("headline", "kpis", "actions", "method", "record"):
            assert not text.startswith("[note]"), text
    assert "times as much as keeping one" in company["does_winning_cost_more_than_keeping"]
    assert "cost more than they bring" in company["who_costs_more_than_they_bring"]


def test_headline_and_bars_tell_the_same_change(company) -> None:
    facts = dict(line.split(" = ") for line in company["record"].splitlines() if " = " in line)
    change = round(float(facts["revenue"]) - float(facts["revenue_before"]))
    assert f"all together €{change:,}" in company["who_made_the_change"]
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


def test_sections_are_in_the_notebook_in_the_order_of_the_page() -> None:
    from tests.notebooks.normalise import FOLDER

    notebook = json.loads((FOLDER / "03_audit.ipynb").read_text(encoding="utf-8"))
    source = "\n".join("".join(c["source"]) for c in notebook["cells"])
    for name, thing in inspect.getmembers(audit, inspect.isfunction):
        assert name == "prepare" or f"audit.{name}(report)" in source, thing


def test_goods_sold_below_their_cost_are_not_blamed_on_service() -> None:
    sales = shop(900).assign(unit_cost=1.0)
    sales.loc[sales["customer_id"] == "c7", "unit_cost"] = 900.0
    found = said(opened(sales))
    assert "bring less than their goods cost" in found["actions"]
    assert "profit is margin" in found["who_costs_more_than_they_bring"]


@pytest.mark.parametrize("name", ODD)
def test_odd_bases_never_fail_a_section(name: str) -> None:
    rows = pd.DataFrame(ODD[name], columns=["customer_id", "transaction_date", "unit_spend"])
    found = "\n".join(said(opened(rows)).values())
    assert "nan" not in found.lower().replace("finance", "")


def test_hostile_sources_stay_text() -> None:
    sales = shop(1_200)
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(150)]})
    people["acquisition_channel"] = np.where(people.index < 70, HOSTILE, "shop")
    report = audit.prepare(opened(sales, customers=people))
    block = audit.where_good_customers_come_from(report)
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
