"""The journey page: what it says on whole, purchase-only, small and odd bases."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey.period import period_of, stopped_lately
from crm_analytics.pages import blocks
from crm_analytics.reports import journey
from crm_analytics.reports.journey.first_screen import worst_pain
from crm_analytics.reports.journey.path_sections import _first_choice
from tests.style import faults

OTHER = ("JourneyReport", "prepare")
MANAGER = ("headline", "kpis", "actions", "findings", "where_customers_are_lost", "glossary")
# What a manager asks, and what on the first layer answers it.
ASKED = {
    "conversion": r"Of 100 who reach “product page”, \d+ reach “order”",
    "where are they lost": r"most stop before “",
    "which goods are left": r"fewer who look take it than elsewhere|No kind of goods is looked at and left",
    "mobile or desktop": r"(?:No device is shown to bring|come to the end than elsewhere)",
    "complaints": r"of them are complaints",
    "how long does it take": r"Half of those who buy again within 30 days do so within",
    "worth of a fix": r"One in a hundred more who goes on to buy is worth €",
    "satisfaction": r"Net promoter score \| −?\d",
    "last year": r"A year ago \d+ of 100 came to the end",
    "by segment": r"Within 30 days \d+ % of “.*” buy again|No segment buys again clearly",
}
# Sentences and headings that once stood on the page.
QUOTES = (
    "Make one point more the goal", "those before do not come to", "mend what stops them",
    "those who did not may be others", "who bought first in it is new", "Who is awake", "At risk mau",
    "P adjusted", "Product Added", "hurts most", "99.9 %",
)  # fmt: skip


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
    assert "most stop before" in company["headline"]
    assert "nobody" not in company["the_map"]


@pytest.mark.parametrize("question", ASKED)
def test_a_manager_finds_the_answer_on_the_first_layer(company, question):
    layer = "\n".join(company[name] for name in MANAGER)
    assert re.search(ASKED[question], layer), layer


def test_old_sentences_code_names_and_hollow_findings_are_gone(company):
    page = "\n".join(text for name, text in company.items() if name not in ("method", "record"))
    assert not [quote for quote in QUOTES if quote in page]
    for name, text in company.items():
        for line in text.splitlines():
            if name not in ("record", "method", "glossary") and "  " not in line:
                assert not faults(line), (name, line)


@pytest.fixture(scope="module")
def pages(small_company: CustomerBase, somewhere):
    """The blocks of the page in both languages, and the folder of its lists."""
    desk = somewhere / "journey"
    desk.mkdir()
    reports = [journey.prepare(small_company, run=str(desk)), journey.prepare(small_company, language="de")]
    names = [name for name in journey.__all__ if name not in OTHER]
    return *({name: getattr(journey, name)(report) for name in names} for report in reports), desk


def test_the_managers_layer_is_short_and_leads_to_its_proofs(pages):
    for found in pages[:2]:
        assert len(found["findings"].payload["items"]) == 5
        assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
        assert len(found["kpis"].payload["items"]) == 4
        anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
        assert {item["to"] for item in found["findings"].payload["items"]} <= anchors
        layer = [name for name, b in found.items() if b.kind == "chart" and "layer" not in b.payload]
        assert layer == ["where_customers_are_lost"]
        assert not [b.payload["finding"] for b in found.values() if len(b.payload.get("finding", "")) > 90]
        assert len(found["headline"].payload["sentence"]) <= 90
        assert "sankey" not in "".join(str(b.payload.get("figure", "")) for b in found.values())


def test_lists_hold_as_many_customers_as_the_page_says(pages):
    found, _, desk = pages
    named = [item["list"] for item in found["actions"].payload["items"] if "list" in item]
    assert named
    for one in named:
        rows = pq.read_table(desk / "lists" / f"{one['name']}.parquet").to_pandas()
        assert len(rows) == one["count"]
        assert rows["customer"].is_unique


def test_a_german_page_has_no_english(pages):
    text = "\n".join(repr(block) for name, block in pages[1].items() if name != "record")
    assert not re.findall(r".*\b(?:purchases?|weeks?|customers?|year ago|to|others?)\b.*", text)


def test_unknown_is_a_dash_and_tables_have_no_row_numbers(pages):
    for name, block in pages[0].items():
        table = block.payload.get("table")
        if table is not None:
            labels = [column["label"] for column in table["columns"]]
            assert all(labels), (name, labels)
            assert not any("_" in label for label in labels), (name, labels)


def test_a_subject_with_nearly_all_complaints_is_no_finding_law():
    def with_pains(*rows):
        pains = pd.DataFrame(rows, columns=["subject", "complaints"])
        return worst_pain(SimpleNamespace(map=SimpleNamespace(pains=pains)))

    assert with_pains(("problem", 488), ("question", 1)) is None
    assert with_pains(("problem", 488)) is None
    assert with_pains(("late", 60), ("broken", 40))["subject"] == "late"


def test_a_step_that_all_take_is_no_finding_law():
    visits = pd.DataFrame({-2: [0.6, 0.4, 0.0], -1: [0.0, 0.001, 0.999]}, index=["Ad", "Mail", "Checkout"])
    assert _first_choice(visits) == (-2, "Ad")
    assert _first_choice(visits[[-1]]) is None


def planted(rate: dict[str, float], seed: int = 5, people: int = 900) -> dict[str, pd.DataFrame]:
    """Visitors who look at goods on a device and order, each device at its own rate."""
    draw = np.random.default_rng(seed)
    device = draw.choice(list(rate), people)
    kind = draw.choice(["tea", "pots"], people)
    buys = draw.random(people) < np.array([rate[name] for name in device])
    takes = buys | (draw.random(people) < np.where(kind == "tea", 0.5, 0.1))
    at = pd.Timestamp("2026-10-01") + pd.to_timedelta(draw.integers(0, 80, people), unit="D")
    who = [f"c{i}" for i in range(people)]
    rows = []
    for i, name in enumerate(who):
        steps = ["Look", *["Take"] * bool(takes[i]), *["Pay"] * bool(buys[i])]
        rows += [(name, step, at[i] + pd.Timedelta(minutes=k), device[i], kind[i])
                 for k, step in enumerate(steps)]  # fmt: skip
    columns = ["customer_id", "event", "timestamp", "device", "product_id"]
    return {"transactions": purchases(), "events": pd.DataFrame(rows, columns=columns).assign(channel="web")}


def test_devices_and_goods_recover_planted_truth():
    base = CustomerBase.open(planted({"mobile": 0.1, "desktop": 0.4}), today="2027-01-01")
    text = said(base, funnel="Look -> Take -> Pay", compare_to="-20w")
    assert re.search(r"On (?:computers|mobile phones) \d+ points (?:more|fewer) come", text["findings"])
    assert re.search(r"Pots: \d+ points fewer who look take it than elsewhere", text["findings"])


def test_devices_alike_are_said_to_be_alike():
    base = CustomerBase.open(planted({"mobile": 0.2, "desktop": 0.2}), today="2027-01-01")
    assert (
        "No device is shown to bring"
        in said(base, funnel="Look -> Take -> Pay", compare_to="-20w")["findings"]
    )


def test_whoever_bought_after_filling_the_basket_is_not_written_to():
    base = CustomerBase.open(planted({"mobile": 0.3}), today="2027-01-01")
    period = period_of(base, pd.Timestamp("2026-08-01").date(), ("Look", "Take", "Order Completed"))
    open_ = set(base.collect(stopped_lately(period))["customer_id"])
    events = base.collect(base.tables["events"])
    taken = events[(events["event"] == "Take") & (events["timestamp"] > "2026-12-02")]
    days = base.collect(base.exact_occasions)
    last = taken.groupby("customer_id")["timestamp"].max()
    bought = days.groupby("customer_id")["day"].max().reindex(last.index)
    owed = set(last.index[~(pd.to_datetime(bought) >= last.dt.normalize()).to_numpy()])
    assert open_ == owed


def test_the_map_stands_for_each_segment_as_it_was_before(company):
    text = company["the_map_of_each_segment"]
    assert "buy again" in text
    assert "New customers" in text
    assert "First-time" not in text
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
    assert "Half of those who buy do so within 4 days of their first step, 9 in 10 within 10" in text


def test_denominators_and_days_stand_beside_the_shares(company):
    assert "within 30 days" in company["kpis"]
    assert " of " in company["the_map"]
    assert "Of" in company["where_customers_are_lost"]
    assert "visitors were never recognised" in company["headline"]


def test_purchases_alone_say_what_is_missing():
    text = said(CustomerBase.open(purchases(), today="2027-01-01"))
    assert "What customers do before they buy is not recorded" in text["headline"]
    assert "need a table of events" in text["ways_through_a_visit"]
    assert "needs a table of tickets" in text["what_hurts"]
    assert "Before the purchase" not in text["the_map"]
    assert "did something in the last month" in text["how_many_are_active"]


def test_a_small_base_takes_the_small_form():
    text = said(CustomerBase.open(purchases(40), today="2027-01-01"))
    assert "too little for a statistical model" in text["headline"]
    assert text["where_customers_are_lost"].startswith("[chart]")


def test_a_year_of_returns_only_says_that_no_step_was_recorded():
    sales = purchases()
    recent = sales["transaction_date"] > "2025-12-31"
    sales["unit_spend"] = sales["unit_spend"].where(~recent, -1.0)
    text = said(CustomerBase.open(sales, today="2027-01-01"))
    nothing = "No step of a journey is recorded since"
    assert nothing in text["headline"]
    assert "thin" in text["headline"]


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
    assert "Name other steps with the parameter" in text["where_customers_are_lost"]
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
