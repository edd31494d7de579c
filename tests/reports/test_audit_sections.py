"""The audit page: what a manager asks of it, and what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.audit import cost_of_winning
from crm_analytics.analyses.equity import firm_equity
from crm_analytics.analyses.kpis import measure
from crm_analytics.pages import block_views
from crm_analytics.reports import audit, segments
from crm_analytics.tables import demo
from tests.reports.page_laws import badly_said, blocks_of, broken, code_names, english_in, manager
from tests.style import faults

HOSTILE = "<img src=x onerror=alert(1)>"
ASKED = {
    "up or down": r"Revenue of the last 52 weeks is (?:up|down)|No clear change: revenue of the last 52",
    "why": r"New customers brought €.*stayed away",
    "new against old": r"of the buyers of the period before bought again",
    "which category": r"(?:more|less) revenue than before|No product category",
    "how dependent": r"Revenue from the top fifth \| \d+ %",
    "are newer cohorts better": r"of the newest customers come back",
    "which sources are good": r"A first year by|No source brings",
    "who loses us money": r"more than they bring",
    "what does winning cost": r"Winning a customer costs €",
    "what to do": r"Write to .*list \w+: \d+",
}
QUOTES = (
    "€260,490 that left with the lapsed",
    "moved revenue most: €651,871; all together €604,380",
    "in part by chance, as much is often followed by less",
    "Give the first tenth, 313 customers, somebody to call",
    "losing one costs as much as losing many others",
    "at stake €534 a customer",
    "Winning a customer costs 0.7 times as much as keeping one: not five times as much",
)

pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    return {name: repr(block) for name, block in blocks_of(audit, audit.prepare(base, **wanted)).items()}


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


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, small_company, somewhere):
    """The page of the small company in a language, its sections, and the folder of its lists."""
    desk = somewhere / request.param
    desk.mkdir()
    report = audit.prepare(small_company, language=request.param, run=str(desk))
    return request.param, report, blocks_of(audit, report), desk


@pytest.fixture(scope="module")
def report(small_company: CustomerBase, somewhere):
    return audit.prepare(small_company)


@pytest.fixture(scope="module")
def company(report) -> dict[str, str]:
    return {name: repr(block) for name, block in blocks_of(audit, report).items()}


def test_page_is_short_linked_and_well_said(spoken) -> None:
    language, _, found, desk = spoken
    assert broken(found, desk) == []
    assert code_names(found) == []
    assert (badly_said(found) if language == "en" else english_in(found)) == []


def test_the_questions_of_a_manager_are_answered_on_the_first_layer(spoken) -> None:
    language, _, found, _ = spoken
    if language == "en":
        page = manager(found)
        assert not [question for question, answer in ASKED.items() if not re.search(answer, page)]


@pytest.mark.parametrize("quote", QUOTES)
def test_old_sentences_are_known_faults(quote) -> None:
    assert faults(quote)


def test_every_section_of_the_company_has_its_numbers(company) -> None:
    for name, text in company.items():
        if name not in ("headline", "kpis", "actions", "findings", "glossary", "method", "record"):
            assert not text.startswith("[note]"), text


def test_headline_bars_and_record_tell_the_same_change(report, company) -> None:
    facts = audit.record(report).payload["facts"]
    change = round(facts["revenue_of_period"] - facts["revenue_of_period_before"])
    assert f"of a change of €{change:,}" in company["who_made_the_change"]
    moves = report.change.moves.set_index("move")["change"]
    assert f"that took €{-moves['lapsed']:,.0f}" in company["headline"]
    assert sum(moves) == pytest.approx(change, abs=1)
    assert f"of {facts['moved_repeating'] + facts['moved_lapsed']:,} buyers" in company["kpis"]


def test_key_figures_are_those_of_other_pages(report, small_company) -> None:
    other = segments.record(segments.prepare(small_company)).payload["facts"]
    mine = audit.record(report).payload["facts"]
    shared = (mine.keys() & other.keys()) - {"facts_version", "day"}
    assert {"top_fifth_revenue_share", "bought_again", "revenue_to_date", "customers_bought"} <= shared
    assert {name: mine[name] for name in shared} == {name: other[name] for name in shared}
    assert "customers_lapsed" not in mine  # those who stayed away are another group than the lapsed


def test_nobody_is_called_lapsed_by_another_rule(company) -> None:
    bars = company["who_made_the_change"]
    assert "stayed away" in bars
    assert "lapsed" not in bars
    assert "Not all of them have lapsed" in company["glossary"]


def test_winning_counts_advertising(report, small_company, company) -> None:
    spent = small_company.collect(small_company.tables["channel_spend"])
    after = pd.Timestamp(small_company.day) - pd.Timedelta(days=365)
    total = spent.loc[pd.to_datetime(spent["date_day"]) > after, "spend"].astype(float).sum()
    first = small_company.collect(small_company.purchase_history).set_index("customer_id")["first_day"]
    won = (pd.to_datetime(first) > after).sum()
    people = small_company.collect(small_company.tables["customers"]).set_index("customer_id")
    new = first.index[pd.to_datetime(first) > after]
    booked = people["acquisition_cost"].reindex(new).astype(float).mean()
    cost = cost_of_winning(small_company)
    assert cost.advertising == pytest.approx(total / won)
    assert cost.total.value == pytest.approx(booked + total / won)
    own = measure(report.plan.given, ["acquisition_cost"])["acquisition_cost"].value
    others = [cost.total.value, report.acquisition.winning.value, firm_equity(small_company).cost]
    assert others == pytest.approx([own] * 3, rel=1e-12)  # the engine may add in another order
    assert f"Winning a customer costs €{own:.2f} with advertising" in company["findings"]
    times = own / report.acquisition.keeping.value
    assert f"costs {times:.1f} times as much" in company["does_winning_cost_more_than_keeping"]


def test_a_change_that_may_be_chance_is_no_headline(report) -> None:
    total = replace(report.change.totals.revenue, lower=-0.2)
    totals = replace(report.change.totals, revenue=total)
    unclear = replace(report, change=replace(report.change, totals=totals))
    assert "No clear change: revenue of the last" in repr(audit.headline(unclear))


def test_a_category_that_may_be_chance_is_no_finding(report) -> None:
    table = report.change.products.assign(lower=-1e6)
    unclear = replace(report, change=replace(report.change, products=table))
    assert "No product category clearly won or lost revenue" in repr(audit.findings(unclear))
    assert "which may be chance" in repr(audit.where_it_was_won_and_lost(unclear))


def test_eighteen_months_are_compared_by_half_years_and_seasons_are_named(somewhere) -> None:
    found = said(CustomerBase.open(demo.write_demo("cdnow", somewhere / "data")))
    assert "on the 26 weeks before" in found["headline"]
    assert "different seasons" in found["headline"]
    assert "No new customers came" in found["headline"]
    assert "in the last 52 weeks" in found["how_different_customers_are"]
    assert "needs a source in the customers table" in found["where_good_customers_come_from"]
    assert "unit costs" in found["who_costs_more_than_they_bring"]


def test_a_span_that_was_asked_for_is_not_shortened() -> None:
    found = said(opened(shop(500)), compare_to="-52w")
    assert "do not hold two whole periods" in found["headline"]
    assert "last 26 weeks" in said(opened(shop(500)))["headline"]


def test_data_without_two_quarters_say_nothing_of_change() -> None:
    found = said(opened(shop(120)))
    assert "do not hold two whole periods" in found["headline"]
    assert found["who_made_the_change"].startswith("[note]")
    assert found["how_different_customers_are"].startswith("[chart]")
    assert len(re.findall(r"\|", found["kpis"])) >= 4


def test_customers_before_the_data_are_told_of_where_the_data_begin() -> None:
    begins = "customers who bought before it and paused count as new"
    assert begins in said(opened(shop(750)))["who_made_the_change"]
    assert begins not in said(opened(shop(1_200)))["who_made_the_change"]


def test_lemonade_gets_the_small_form(somewhere) -> None:
    found = said(CustomerBase.open(demo.write_demo("lemonade", somewhere / "data")))
    assert "40 customers" in found["headline"]
    assert not any(name in found["headline"] for name in ("%  ", "top fifth"))


def test_goods_sold_below_their_cost_are_not_blamed_on_service() -> None:
    sales = shop(900).assign(unit_cost=1.0)
    sales.loc[sales["customer_id"] == "c7", "unit_cost"] = 900.0
    found = said(opened(sales))
    assert "They pay less than their goods cost" in found["actions"]
    assert "profit is margin here" in found["who_costs_more_than_they_bring"]


def test_hostile_sources_stay_text() -> None:
    sales = shop(1_200)
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(150)]})
    people["acquisition_channel"] = np.where(people.index < 70, HOSTILE, "shop")
    report = audit.prepare(opened(sales, customers=people))
    block = audit.where_good_customers_come_from(report)
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
