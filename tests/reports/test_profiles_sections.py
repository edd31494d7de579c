"""The profiles page: what a manager asks of it, and what it says on whole, short, poor and odd bases."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.profiling.demography import composition
from crm_analytics.pages import block_views
from crm_analytics.reports import profiles, segments
from tests.reports.page_laws import badly_said, blocks_of, broken, code_names, english_in, manager
from tests.style import faults

HOSTILE = "<img src=x onerror=alert(1)>"
ASKED = {
    "who are my customers": r"of customers are (?:of the type|of the age|from|“)|spend about alike",
    "what do the best like": r"buys .* most: \d+ % of its purchases",
    "what marks each segment": r"of the others|No habit clearly sets",
    "where is growth": r"with room to grow could bring €",
    "which play for a segment": r"Champions .*Thank them, show new things first",
    "which budget for a segment": r"May cost, each",
    "who moved": r"are in the same segment as on|than on \d",
    "who loses us money": r"to cost .*more than they bring|No customer is expected to cost|are no burden",
    "firms against persons": r"of the type “\w+”; they bring|spend about alike",
    "which need groups": r"groups by what they buy|do not fall into clear groups",
}
QUOTES = (
    "could bring €27,496 more in another year like their best",
    "“Lost”: 64 % have a low basket, 24 % elsewhere",
    "“company”: 68 % mostly buy by web",
    "7 groups of customers want the same",
    "10 customers with the most reasons",
    "Clear after correction for many looks",
    "All customers' favourites are a table: analyses.favourites.favourites(base)",
)

pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    report = profiles.prepare(base, **wanted)
    return {name: repr(block) for name, block in blocks_of(profiles, report).items()}


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


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, small_company, somewhere):
    """The page of the small company in a language, its sections, and the folder of its lists."""
    desk = somewhere / request.param
    desk.mkdir()
    report = profiles.prepare(small_company, language=request.param, run=str(desk))
    return request.param, report, blocks_of(profiles, report), desk


@pytest.fixture(scope="module")
def report(small_company: CustomerBase, somewhere):
    return profiles.prepare(small_company, contact_cost=1.0, response=0.05)


@pytest.fixture(scope="module")
def company(report) -> dict[str, str]:
    return {name: repr(block) for name, block in blocks_of(profiles, report).items()}


@pytest.fixture(scope="module")
def poor() -> dict[str, str]:
    """Sales only: no products, no people, no costs."""
    return said(opened(shop()))


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


def test_key_figures_and_actions_are_those_of_other_pages(report, small_company) -> None:
    other = segments.prepare(small_company)
    theirs, mine = (m.record(r).payload["facts"] for m, r in ((segments, other), (profiles, report)))
    shared = (mine.keys() & theirs.keys()) - {"facts_version", "day"}
    assert {"top_fifth_revenue_share", "bought_again", "revenue_to_date"} <= shared
    assert {name: mine[name] for name in shared} == {name: theirs[name] for name in shared}
    assert report.taste == pytest.approx(other.taste) or report.taste[0] == other.taste[0]
    assert len(report.actions) == len(other.plan.actions)
    for one, same in zip(report.actions, other.plan.actions, strict=True):
        assert one.facts() == pytest.approx(same.facts(), rel=1e-9)  # sums of the engine differ in a last bit


def test_the_four_groups_add_up_to_the_forecast_of_all_pages(report) -> None:
    groups = report.portfolio.groups
    margin = groups["value"].sum() + groups["cost_to_serve"].sum()
    assert margin == pytest.approx(report.margin * report.kpis["value_to_come"].value, rel=1e-3)
    assert report.plays["value"].sum() == pytest.approx(report.kpis["value_to_come"].value, rel=1e-3)


def test_a_segment_that_may_not_have_moved_is_no_headline(report) -> None:
    still = replace(report.migration, net=report.migration.net.assign(clear=False))
    calm = replace(report, migration=still)
    assert re.search(
        r"A fifth of the customers will bring \d+ % of next year's margin", repr(profiles.headline(calm))
    )
    assert "No segment gained or lost customers" in repr(profiles.where_customers_moved(calm))


def test_a_play_sends_nobody_to_those_whom_another_list_spares(company) -> None:
    assert "Do not spend on them" not in company["what_to_do_with_each_segment"]
    assert "Leave" in company["actions"]


def test_groups_of_people_are_counted_and_never_small(small_company) -> None:
    table = composition(small_company)
    assert (table["customers"] >= 30).all()
    for _, rows in table.groupby("attribute"):
        assert rows["share"].sum() == pytest.approx(1)
        assert rows["revenue_share"].sum() == pytest.approx(1)
    people = small_company.collect(small_company.customers.select("customer_id", "customer_type"))
    bought = small_company.collect(small_company.purchase_history)
    both = bought[bought["order_count"] > 0].merge(people, on="customer_id")
    firms = table[(table["attribute"] == "customer_type") & (table["group"] == "company")].iloc[0]
    assert firms["customers"] == (both["customer_type"] == "company").sum()
    money = both.groupby("customer_type")["revenue"].sum().astype(float)
    assert firms["revenue_share"] == pytest.approx(money["company"] / money.sum())


def test_unknown_costs_are_no_zero(poor) -> None:
    assert "Cost to serve" not in poor["who_is_worth_most"]
    assert "Cost to serve" not in poor["whom_to_look_after"]
    assert "Without the cost of goods" in poor["findings"]


def test_a_row_that_is_not_drawn_is_not_explained(poor) -> None:
    assert "Not yet a customer" not in poor["where_customers_moved"].split("\n")[2]


def test_sections_say_what_they_would_need(poor) -> None:
    assert "categories of products are not in these data" in poor["who_wants_the_same"]
    assert "birth date" in poor["which_habits_go_with_whom"]
    assert "birth date" in poor["who_they_are"]
    assert "4 reasons are not known" in poor["who_matters_and_why"]
    assert "expected revenue" in poor["who_is_worth_most"]


def test_a_given_margin_is_that_of_the_portfolio(poor) -> None:
    half = said(opened(shop()), margin=0.5)
    assert "Margin is 50 % of revenue" in half["who_is_worth_most"]
    value = re.compile(r"customers will bring ([\d,]+)")
    whole, part = (float(value.search(t["who_is_worth_most"])[1].replace(",", "")) for t in (poor, half))
    assert part == pytest.approx(whole / 2, rel=0.01)
    assert "may cost at most" in half["what_to_do_with_each_segment"]


def test_a_small_base_takes_the_small_form() -> None:
    text = said(opened(shop(customers=40)))
    assert "too little for a statistical model" in text["headline"]
    assert "comes with the models" in text["who_is_worth_most"]


def test_names_from_the_data_are_escaped_on_the_page() -> None:
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(150)], "last_name": HOSTILE})
    report = profiles.prepare(opened(shop(), customers=people), show_customers=True)
    block = profiles.whom_to_look_after(report)
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page


def test_money_of_a_segment_of_few_is_not_shown(report) -> None:
    few = report.plays.assign(customers=report.plays["customers"].where(report.plays.index != 0, 1))
    block = profiles.what_to_do_with_each_segment(replace(report, plays=few))
    shown = [row[0] for row in block.payload["table"]["rows"]]
    assert report.plays["segment"].iloc[0] not in shown
    assert len(shown) >= 5
