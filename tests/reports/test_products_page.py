"""The products report on the demo company, and where products, seasons or names are odd."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import blocks
from crm_analytics.reports import products

pytestmark = pytest.mark.usefixtures("somewhere")
SECTIONS = [name for name in products.__all__ if name not in ("prepare", "ProductReport")]


def shown(report) -> dict[str, blocks.Block]:
    return {name: getattr(products, name)(report) for name in SECTIONS}


@pytest.fixture(scope="module")
def page(small_company, somewhere):
    desk = somewhere / "desk"
    desk.mkdir()
    return shown(products.prepare(small_company, run=str(desk))), desk


def test_the_managers_layer_is_short_and_leads_to_its_proofs(page):
    found, _ = page
    assert len(found["findings"].payload["items"]) <= blocks.MOST_FINDINGS
    assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
    assert len(found["kpis"].payload["items"]) == 4
    anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
    assert {item["to"] for item in found["findings"].payload["items"]} - {""} <= anchors
    layer = {name for name, b in found.items() if b.kind == "chart" and "layer" not in b.payload}
    assert layer == {"when_to_stock"}
    assert all(len(b.payload.get("finding", "")) <= 90 for b in found.values())


def test_a_list_holds_as_many_customers_as_its_action_says(page):
    found, desk = page
    named = [item["list"] for item in found["actions"].payload["items"] if "list" in item]
    assert named
    for one in named:
        rows = pq.read_table(desk / "lists" / f"{one['name']}.parquet").to_pandas()
        assert len(rows) == one["count"]
        assert rows["customer"].is_unique
        assert rows["expected_margin"].is_monotonic_decreasing
        assert rows["probability"].between(0, 1).all()
        assert rows["product"].notna().all()


def test_the_page_agrees_with_itself(page):
    found, _ = page
    facts = found["record"].payload["facts"]
    (first, *_) = found["kpis"].payload["items"]
    assert first["value"] == f"€{facts['sales_to_come']:,.0f}"
    assert facts["sales_to_come_lower"] < facts["sales_to_come"] < facts["sales_to_come_upper"]
    assert str(facts["affinities"]) in found["what_goes_together"].payload["finding"]


def test_without_products_the_page_tells_when_customers_buy(small_company_folder):
    sales = pd.read_parquet(small_company_folder / "transactions.parquet")
    base = CustomerBase.open(sales[["customer_id", "transaction_date", "unit_spend"]], today="2026-01-01")
    found = shown(products.prepare(base))
    assert found["headline"].payload["thin"]
    assert "next 8 weeks" in found["headline"].payload["sentence"]
    assert found["when_they_buy"].kind == "chart"
    assert found["what_goes_together"].payload["paragraphs"] == ["It needs a product on each purchase line."]
    assert all("not known" not in item["value"] for item in found["kpis"].payload["items"])


def odd(kind: str) -> pd.DataFrame:
    """Half a year of 150 customers, with one thing that a shop may well have."""
    draw = np.random.default_rng(5)
    n = 1_500
    frame = pd.DataFrame(
        {
            "customer_id": np.char.add("zq7-", draw.integers(0, 150, n).astype(str)),
            "transaction_id": np.char.add("o", (np.arange(n) // 2).astype(str)),
            "transaction_date": np.datetime64("2025-06-01") + (np.arange(n) // 10).astype("timedelta64[D]"),
            "product_id": np.char.add("p", draw.integers(0, 12, n).astype(str)),
            "unit_spend": 5.0,
        }
    )
    frame["customer_id"] = frame.groupby("transaction_id")["customer_id"].transform("first")
    match kind:
        case "one product":
            frame["product_id"] = "p0"
        case "a product each":
            frame["product_id"] = np.char.add("p", np.arange(n).astype(str))
        case "a large basket":
            for k in range(5):  # five customers: what fewer bought has no name on a page
                rows = slice(150 * k, 150 * k + 149)
                frame.loc[rows, ["transaction_id", "customer_id"]] = [f"o{k}", f"zq7-{k}"]
                frame.loc[rows, "transaction_date"] = pd.Timestamp("2025-06-01")
                frame.loc[rows, "product_id"] = np.char.add("q", np.arange(150).astype(str))
        case "free gifts":
            frame.loc[frame["product_id"] == "p1", "unit_spend"] = 0.0
        case "returns above sales":
            frame.loc[frame["product_id"] == "p2", "unit_spend"] = -5.0
        case "a bundle":
            frame["product_id"] = np.where(np.arange(n) % 2, "p0", "p1")
        case "two spellings":
            frame.loc[::3, "product_id"] = frame.loc[::3, "product_id"].str.upper() + " "
    return frame


KINDS = (
    "as usual", "one product", "a product each", "a large basket", "free gifts", "returns above sales",
    "a bundle", "two spellings",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_odd_shops_get_a_page_that_says_what_is_so(kind):
    base = CustomerBase.open(odd(kind), today="2026-02-01")
    found = shown(products.prepare(base))
    text = "\n".join(map(repr, found.values()))
    assert not re.search(r"\bnan\b|\binf\b|zq7-\d", text)
    wanted = {
        "one product": "What goes together cannot be told",
        "a large basket": "5 orders were too large",
        "a product each": "What goes together cannot be told|No two products met",
        "free gifts": "worth nothing, such as gifts",
        "a bundle": "1 pair is hardly ever sold apart",
        "as usual": "a season can be told|cannot be told yet",
    }
    assert re.search(wanted.get(kind, "sells best"), text)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_sentences_say_whether_the_season_below_is_in_the_forecast(small_company, language):
    report = products.prepare(small_company, language=language)
    assert report.ahead is not None

    def lede(way: str, season: float, misses: bool = False) -> str:
        ahead = replace(report.ahead, way=way, season=season, misses_season=misses)
        return products.headline(replace(report, ahead=ahead)).payload["lede"]

    less, more, held, young, small = (
        ("less", "more", "the forecast holds that", "too young", "less than such forecasts err by")
        if language == "en"
        else ("weniger", "mehr", "in der Vorhersage enthalten", "nicht weit genug", "bleibt außen vor")
    )
    assert re.search(rf"26 % {less} .*{held}", lede("last year", 0.74))
    assert re.search(rf"26 % {more} .*{held}", lede("index", 1.26))
    assert re.search(rf"26 % {less} .*{young}", lede("level", 0.74, misses=True))
    assert re.search(rf"7 % {less} .*{small}", lede("level", 0.93))
    assert "aison" not in lede("level", 1.0)
    assert "season" not in lede("level", 1.0)


def test_a_forecast_without_the_season_is_not_held_against_a_year_ago():
    days = pd.date_range("2023-11-15", "2025-12-31")
    sold = days.repeat(np.where(days.month >= 11, 14, 8))
    frame = pd.DataFrame({"transaction_date": sold, "unit_spend": 5.0,
                          "customer_id": [f"c{i % 900}" for i in range(len(sold))]})  # fmt: skip
    base = CustomerBase.open(frame, today="2026-01-01")
    report = products.prepare(base)
    assert report.ahead is not None
    assert report.ahead.misses_season
    assert "than a year ago" not in products.headline(report).payload["sentence"]
    (due, *_) = products.kpis(report).payload["items"]
    assert "a year ago" not in due.get("change", "")
