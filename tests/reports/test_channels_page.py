"""The channels page: what a manager reads of it, what it never claims, and what it says of odd bases."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.attribution.payback import MONTH, payback
from crm_analytics.analyses.attribution.self_reported import heard_from
from crm_analytics.analyses.attribution.tracked import tracked
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.pages import blocks
from crm_analytics.reports import channels
from crm_analytics.reports.channels.report import best_test
from crm_analytics.reports.channels.sections import by_evidence
from tests.style import faults

pytestmark = pytest.mark.usefixtures("somewhere")
SECTIONS = [name for name in channels.__all__ if name not in ("prepare", "ChannelReport")]
MANAGER = ("headline", "kpis", "actions", "findings", "which_channels_pay", "glossary")
# What a manager asks, and what on the first layer answers it; none of it says what a channel causes.
ASKED = {
    "which channels pay": r"paid channels? (?:stand|stands) on one side of spend|credits less margin",
    "where to put the next euro": r"only a test tells|pay only if they add",
    "what a new customer costs": r"Channel spend per new customer, last 26 weeks \| €",
    "how certain": r"\(−?\d.* to \d",
    "how much of sales is marketing's": r"Purchases after a touch, last 26 weeks \| \d+ %",
    "what customers say": r"of customers (?:name|are registered|say)",
    "which channels work together": r"follow several channels, most often",
    "how to test, with whom": r"Change no budget of .* yet|Leave .* out for [\d,]+ of [\d,]+ customers",
    "trend": r"a year ago",
    "payback": r"earns? (?:it )?back",
}
# Sentences that once stood on the page.
QUOTES = (
    "keep their sign whatever the model",
    "a way that no click shows",
    "Revenue per money spent",
    "paths drawn by lot",
    "purchases helped for each one it ended",
    "loses: €",
    "Roas low",
    "Cac",
)
CAUSAL = re.compile(
    r"\b(?:brings?|earns?|loses?|causes?|drives?|generates?) (?:€|sales|revenue|profit|orders)"
)


def shown(report) -> dict[str, blocks.Block]:
    return {name: getattr(channels, name)(report) for name in SECTIONS}


@pytest.fixture(scope="module")
def pages(small_company, somewhere):
    """The page in both languages, and the folder of its lists."""
    desk = somewhere / "channels"
    desk.mkdir()
    english = shown(channels.prepare(small_company, run=str(desk)))
    return english, shown(channels.prepare(small_company, language="de")), desk


def test_the_managers_layer_is_short_and_leads_to_its_proofs(pages):
    for found in pages[:2]:
        assert len(found["findings"].payload["items"]) == 5
        assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
        assert len(found["kpis"].payload["items"]) == 4
        anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
        assert {item["to"] for item in found["findings"].payload["items"]} <= anchors
        layer = [name for name, b in found.items() if b.kind == "chart" and "layer" not in b.payload]
        assert layer == ["which_channels_pay"]
        assert not [b.payload["finding"] for b in found.values() if len(b.payload.get("finding", "")) > 90]
        assert len(found["headline"].payload["sentence"]) <= 90


@pytest.mark.parametrize("question", ASKED)
def test_a_manager_finds_the_answer_on_the_first_layer(pages, question):
    said = "\n".join(repr(pages[0][name]) for name in MANAGER)
    assert re.search(ASKED[question], said), said


def test_old_sentences_and_claims_of_cause_are_gone(pages):
    said = "\n".join(repr(block) for name, block in pages[0].items() if name != "method")
    assert not [quote for quote in QUOTES if quote in said]
    for name, block in pages[0].items():
        for line in repr(block).splitlines():
            if block.kind not in ("record", "method", "glossary") and "  " not in line:
                assert not faults(line), (name, line)
                assert not CAUSAL.search(line), (name, line)
    headings = [b.payload["finding"] for b in pages[0].values() if "finding" in b.payload]
    assert all(heading[0].isupper() or heading[0].isdigit() for heading in headings), headings


def test_a_german_page_has_no_english(pages):
    said = "\n".join(repr(block) for name, block in pages[1].items() if name != "record")
    assert not re.search(r"\b(?:purchases?|spend|weeks?|customers?|year ago|to)\b", said), re.findall(
        r".*\b(?:purchases?|spend|weeks?|customers?|to)\b.*", said
    )[:3]


def test_the_test_has_its_list_and_both_halves(somewhere):
    desk = somewhere / "tested"
    desk.mkdir()
    tables = visits(["web", "mail"])
    days = pd.date_range("2026-01-01", "2026-12-31", freq="7D")
    tables["channel_spend"] = pd.DataFrame({"date_day": days, "channel": "web", "spend": 60.0})
    report = channels.prepare(CustomerBase.open(tables, today="2027-01-01"), run=str(desk))
    assert report.holdout.channels == ("web",)
    first = channels.actions(report).payload["items"][0]
    rows = pq.read_table(desk / "lists" / "holdout.parquet").to_pandas()
    assert first["list"] == {"name": "holdout", "count": len(rows)}
    halves = rows["arm"].value_counts()
    assert f"Leave web out for {halves['hold back']} of {len(rows)} customers, drawn by lot" in first["do"]
    assert rows["customer"].is_unique
    assert len(rows) == report.facts["customers"]


def test_spend_per_new_customer_counts_all_new_customers_law(pages, small_company):
    facts = pages[0]["record"].payload["facts"]
    now = tracked(small_company, "-26w")
    history = small_company.purchase_history
    first = history.first_day.to_pyarrow().to_pandas()
    new = int((pd.to_datetime(first) >= pd.Timestamp(now.paths.first_day)).sum())
    assert facts["spend_per_new_customer_n"] == new
    assert facts["spend_per_new_customer"] * new == pytest.approx(facts["channel_spend"], rel=1e-9)
    assert facts["sales_per_spend"] * facts["channel_spend"] == pytest.approx(
        facts["tracked_sales"], rel=1e-9
    )


def test_tests_together_need_fewer_weeks_law():
    spend = np.array([300.0, 100.0, 100.0])
    tests = pd.DataFrame({
        "channel": ["display", "search", "mail"], "spend": spend, "break_even_orders": spend / 10,
        "share_of_orders": spend / 1e4, "customers_each": 2e6 / spend**2 * 9, "customers": 100,
        "weeks": 130.0 * (300 / spend) ** 2,
    })  # fmt: skip
    best = best_test(tests)
    assert best.channels == ("display", "search", "mail")  # 130, 73, then 130 x (3/5)^2 = 46.8
    assert best.weeks == pytest.approx(46.8)
    assert best.orders == pytest.approx(50)
    assert best.fits
    assert best_test(tests.assign(weeks=tests["weeks"] / 10)).channels == ("display",)
    never = best_test(tests.assign(weeks=tests["weeks"] * 10))
    assert not never.fits
    assert len(never.channels) == 3


def test_payback_counts_the_margin_of_followed_customers_law():
    who = [f"c{i}" for i in range(60)]
    begun = pd.Timestamp("2025-01-10")
    rows = [(c, begun + pd.Timedelta(days=math.ceil(k * MONTH)), 20.0) for c in who for k in range(12)]
    rows += [(f"new{i}", pd.Timestamp("2026-03-01"), 500.0) for i in range(20)]  # not followed for a year
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open(frame, today="2026-04-01")
    found = payback(base, cost=35.0, margin=0.5)
    assert found.customers == 60
    assert found.curve["margin"].tolist() == pytest.approx([10.0 * k for k in range(1, 13)])
    assert found.months == 4
    assert payback(base, cost=1_000.0, margin=0.5).months is None
    with pytest.raises(NotEnoughData, match="followed for a year"):
        payback(base.as_of("2025-12-01"), cost=35.0, margin=0.5)
    with pytest.raises(ParameterError, match="cost above 0"):
        payback(base, cost=0.0, margin=0.5)


def test_every_answer_counts_once_law(small_company):
    alone, grouped = heard_from(small_company), heard_from(small_company, 5)
    for source in ("survey", "register"):
        of = [set(found.loc[found["source"] == source, "of"]) for found in (alone, grouped)]
        assert of[0] == of[1]


def visits(channel: list[str], customers: int = 200) -> dict[str, pd.DataFrame]:
    """Customers who come by a channel and buy an hour later, twice a year for two years."""
    draw = np.random.default_rng(4)
    n = customers * 4
    when = pd.Timestamp("2026-12-31") - pd.to_timedelta(draw.integers(0, 700, n), unit="D")
    who = [f"c{i}" for i in draw.integers(0, customers, n)]
    bought = pd.DataFrame({"customer_id": who, "transaction_date": when + pd.Timedelta(hours=10),
                           "unit_spend": draw.gamma(2, 20, n).round(2)})  # fmt: skip
    came = pd.DataFrame({"customer_id": who, "timestamp": when + pd.Timedelta(hours=9), "event": "Visit",
                         "channel": draw.choice(channel, n)})  # fmt: skip
    return {"transactions": bought, "events": came}


def test_without_spend_the_page_asks_for_it_and_says_nothing_of_profit():
    found = shown(channels.prepare(CustomerBase.open(visits(["web", "mail"]), today="2027-01-01")))
    assert "What channels cost is not in the data" in found["headline"].payload["lede"]
    assert "Write down what each channel costs" in repr(found["actions"])
    assert found["which_channels_pay"].kind == "note"
    assert "not known" not in repr(found["kpis"])


def test_one_channel_alone_and_its_spend_without_a_visit():
    tables = visits(["web"])
    days = pd.date_range("2026-01-01", "2026-12-31", freq="7D")
    tables["channel_spend"] = pd.concat(
        [pd.DataFrame({"date_day": days, "channel": c, "spend": 40.0}) for c in ("web", "radio")]
    )
    found = shown(channels.prepare(CustomerBase.open(tables, today="2027-01-01")))
    assert "Find out why radio leaves no trace" in found["actions"].payload["items"][0]["do"]
    assert "No tracked purchase followed more than one channel" in repr(found["findings"])
    assert "one of" not in repr(found["headline"])


def test_amounts_beyond_a_trillion_and_names_of_200_letters_fit_the_page():
    tables = visits(["שלום " * 40, "w" * 200])
    tables["transactions"]["unit_spend"] *= 1e8
    days = pd.date_range("2026-01-01", "2026-12-31", freq="7D")
    spent = [pd.DataFrame({"date_day": days, "channel": c, "spend": 9e9}) for c in ("שלום " * 40, "w" * 200)]
    tables["channel_spend"] = pd.concat(spent)
    tables["transactions"]["currency"] = "IDR"
    for language in ("en", "de"):
        found = shown(channels.prepare(CustomerBase.open(tables, today="2027-01-01"), language=language))
        assert all(len(item["text"]) <= 90 for item in found["findings"].payload["items"])


def test_nothing_tracked_is_said_once(somewhere):
    frame = visits(["web"])["transactions"]
    found = shown(channels.prepare(CustomerBase.open(frame, today="2027-01-01")))
    assert found["headline"].payload["thin"]
    notes = {repr(b) for name, b in found.items() if b.kind == "note"}
    assert len(notes) == 1
    assert "table of events" in notes.pop()


def test_channels_are_ranked_by_what_is_measured_and_never_by_credit() -> None:
    """The one shown to add orders first, the one shown to cost some last, between them the most money."""
    table = pd.DataFrame({"channel": ["brand", "display", "email", "post"], "spend": [10.0, 90.0, 5.0, 50.0],
                          "profit_low": [900.0, -50.0, 1.0, -10.0]})  # fmt: skip
    known = {"email": ("more", 0.02), "post": ("less", -0.01), "display": ("no effect shown", 0.05)}

    def added(name: str) -> pd.Series | None:
        return pd.Series(known[name], index=["verdict", "orders_added"]) if name in known else None

    found = by_evidence(SimpleNamespace(added=added), table)
    assert found["channel"].tolist() == ["email", "display", "brand", "post"]
    assert list(found.columns) == list(table.columns)
