"""The lifecycle page: what a manager asks, findings on planted and odd bases, what is too short to say."""

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import lifecycle as analyses
from crm_analytics.analyses.definitions import AT_RISK, definitions, standings
from crm_analytics.reports import lifecycle, segments
from crm_analytics.tables import demo
from crm_analytics.tables.company import TRUTH_CUSTOMERS
from tests.reports.page_laws import badly_said, blocks_of, broken, code_names, english_in, manager
from tests.style import faults

pytestmark = pytest.mark.usefixtures("somewhere")
ASKED = {
    "how many are active": r"[\d,]+ customers are active",
    "how many are at risk": r"Customers at risk \| [\d,]+",
    "what is the trend": r"on a year ago",
    "do new ones come back": r"of new customers buy again",
    "what comes in three months": r"In 12 weeks about [\d,]+ will be at risk|What comes next is open",
    "what is saving one worth": r"A customer at risk may bring €",
    "when to remind": r"After \d+ days of silence under half buy again",
    "when to stop": r"after \d+ under a fifth|Leave [\d,]+ lapsed customers? alone",
    "who": r"list at_risk: \d+",
    "what was it last year": r"after [\d,]+ a year ago",
}
QUOTES = (
    "From here 79 % go on to At risk",
    "Half of Loyal spells last longer than 167 days",
    "a stage whose half has not left yet has none",
    "Then plus came less left is now",
    "better than “as it was”",
    "41 % of those who come to be at risk buy before they lapse",
    "staying in touch pays as long as the data reach",
    "It takes a customer no longer contacted for lost",
    "a contact at $0.73 no longer comes back from there",
)


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, small_company, somewhere):
    """The page of the small company in a language, its sections, and the folder of its lists."""
    desk = somewhere / request.param
    desk.mkdir()
    report = lifecycle.prepare(small_company, language=request.param, run=str(desk))
    return request.param, report, blocks_of(lifecycle, report), desk


@pytest.fixture(scope="module")
def report(small_company, somewhere):
    return lifecycle.prepare(small_company)


def said(report):
    return {name: repr(block) for name, block in blocks_of(lifecycle, report).items()}


def test_page_is_short_linked_and_well_said(spoken):
    language, _, found, desk = spoken
    assert broken(found, desk) == []
    assert code_names(found) == []
    assert (badly_said(found) if language == "en" else english_in(found)) == []


def test_the_questions_of_a_manager_are_answered_on_the_first_layer(spoken):
    language, _, found, _ = spoken
    if language == "en":
        page = manager(found)
        assert not [question for question, answer in ASKED.items() if not re.search(answer, page)]


@pytest.mark.parametrize("quote", QUOTES)
def test_old_sentences_are_known_faults(quote):
    assert faults(quote)


def test_at_risk_and_lapsed_are_the_customers_that_every_page_means(report, small_company):
    found = definitions(small_company)
    words = small_company.collect(
        standings(small_company, found).group_by("standing").aggregate(n=lambda t: t.count())
    )
    counts = words.set_index("standing")["n"]
    assert report.size("At risk") == counts["at risk"] == report.kpis["customers_at_risk"].value
    assert report.size("Lapsed") == counts["lapsed"]
    active = sum(report.size(stage) for stage in ("New", "Active", "Loyal", "Won back"))
    assert active == counts["active"] == report.kpis["customers_active"].value


def test_stages_share_no_label_with_segments_or_with_other_groups(report):
    stages = {report.name(stage) for stage in report.staged.order} - {"At risk", "Lapsed"}
    groups = {text for name, text in report.t.messages.items() if name.startswith("segment.")}
    assert not stages & groups
    assert "Active" not in stages  # active customers are all who are neither at risk nor lapsed


def test_actions_are_those_of_the_segments_page(report, small_company):
    other = {action.id: action for action in segments.prepare(small_company).plan.actions}
    for action in report.actions:
        if action.id in other:
            assert action.customers == other[action.id].customers
            assert action.facts() == pytest.approx(other[action.id].facts(), rel=1e-9)


def test_new_customers_are_reached_by_one_action_only(report):
    lists = {action.id: set(report.base.collect(action.audience)["customer_id"]) for action in report.actions}
    lists["best"] = set(
        report.base.collect(next(a for a in report.plan.actions if a.id == "best").audience)["customer_id"]
    )
    names = list(lists)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert not lists[one] & lists[other], (one, other)


def test_seldom_is_said_only_under_a_fifth(report, small_company):
    finding = repr(lifecycle.findings(report))
    lost = report.dwell.exits.query("stage == 'At risk' and to_stage == 'Lapsed'")["share_within"].iloc[0]
    assert lost < 0.8
    assert "seldom" not in finding
    assert f"{1 - lost:.0%}".replace("%", " %") in finding
    rare = CustomerBase.open(who_seldom_comes_back(), today="2026-01-02")
    page = repr(lifecycle.findings(lifecycle.prepare(rare)))
    assert re.search(r"Few customers at risk come back: \d+ % buy before they lapse", page)


def who_seldom_comes_back():
    """Five purchases within weeks; then two customers in five come back, up to 400 days later."""
    rows = []
    for i in range(420):
        start = pd.Timestamp("2024-01-01") + pd.Timedelta(days=i % 300)
        days = [0, 9, 18, 27, 36] + ([56 + 7 * i % 380] if i % 5 < 2 else [])
        rows += [(f"c{i}", start + pd.Timedelta(days=d), 10.0) for d in days]
    return pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])


def test_a_forecast_worse_than_no_change_is_not_told_as_one(report):
    from dataclasses import replace

    ahead = report.forecast
    bad = ahead.check.assign(expected=ahead.check["expected"] + 1000, unchanged=ahead.check["actual"])
    failed = replace(report, forecast=replace(ahead, check=bad))
    assert "no better than assuming no change" in repr(lifecycle.findings(failed))
    assert "read this one with care" in repr(lifecycle.how_sizes_will_be(failed))
    assert "no better than" not in repr(lifecycle.findings(report))


def test_stages_recover_who_of_the_demo_company_has_left(report, small_company_folder):
    truth = pd.read_feather(small_company_folder / TRUTH_CUSTOMERS)
    staged = report.base.collect(report.staged.customers).merge(truth, on="customer_id")
    there = ~(staged["leaves_at"] <= pd.Timestamp(report.base.day))
    alive = there.groupby(staged["stage"]).mean()
    assert alive["Loyal"] > 0.88
    assert alive["Lapsed"] < 0.3
    assert alive["Lapsed"] < alive["At risk"] < alive["Loyal"]


def test_a_years_change_is_what_the_two_days_say(report, small_company):
    change = report.changes["active"]
    then = small_company.as_of(small_company.day - pd.Timedelta(days=364))
    before = small_company.collect(standings(then, report.plan.given.definitions))
    assert change.before == (before["standing"] == "active").sum()
    assert change.now == report.kpis["customers_active"].value
    assert change.lower < change.change < change.upper


def test_money_to_come_is_that_of_all_pages(report):
    worth = report.worth.set_index("stage")["value"]
    assert worth["At risk"] == pytest.approx(report.kpis["value_at_risk"].value, rel=1e-6)
    assert report.plan.given.value_by_standing.set_index("segment").loc[AT_RISK, "value"] == pytest.approx(
        worth["At risk"]
    )


def test_kpis_and_account_agree(report):
    flows = report.flows.sizes.set_index("stage")
    assert f"{flows.loc['Lapsed', 'came']:,.0f} customers lapsed" in said(report)["headline"]
    assert flows["now"].sum() == report.staged.sizes["customers"].sum()


def test_given_costs_are_used_and_named(report):
    dear = lifecycle.prepare(report.base, margin=0.2, contact_cost=9.0)
    texts = said(dear)
    assert "costs €9 per customer and four weeks, as given" in texts["method"]
    assert re.search(
        r"At €9 a contact, (?:stop after \d+ weeks|contact stops paying after)", texts["when_to_stop"]
    )


def test_a_small_base_gets_the_small_form(somewhere):
    small = lifecycle.prepare(CustomerBase.open(demo.write_demo("lemonade", somewhere / "data")))
    texts = said(small)
    assert "thin" in texts["headline"]
    assert "comes with the models" in texts["how_sizes_will_be"]


def test_a_short_history_says_what_to_bring():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i % 150}" for i in range(300)],
            "transaction_date": pd.Timestamp("2025-05-01") + pd.to_timedelta(rng.integers(0, 40, 300), "D"),
            "unit_spend": 10.0,
        }
    )
    report = lifecycle.prepare(CustomerBase.open(frame, today="2025-06-30"))
    texts = said(report)
    assert "do not tell yet how many of them are at risk" in texts["headline"]
    assert "These data do not tell from which silence" in texts["findings"]
    assert "needs data from before the period" in texts["how_stages_grew"]
    assert "needs at least four periods" in texts["how_sizes_will_be"]
    assert set(report.staged.order) <= {"New", "Active", "Loyal"}  # nobody is called at risk on a guess
    assert "a year ago" not in texts["headline"]
    assert "Nothing is urgent" in texts["actions"]


def test_a_young_base_is_not_compared_with_days_when_nobody_could_have_lapsed(somewhere):
    report = lifecycle.prepare(CustomerBase.open(demo.write_demo("cdnow", somewhere / "data")))
    texts = said(report)
    assert set(report.changes) == {"active"}  # a year before, the data were 181 days long
    assert not re.search(r"(?:at risk|Lapsed customers).*on a year ago", texts["kpis"])
    assert "fewer than a year ago" in texts["headline"]


def test_an_earlier_period_in_which_few_could_lapse_is_named(small_company):
    young = lifecycle.prepare(small_company, compare_to="-70w")
    assert not young.ripe(young.flows.before)
    assert "the two are not alike" in repr(lifecycle.how_stages_grew(young))


def test_own_rules_are_what_the_analysis_shows(report):
    rules = [
        analyses.StageRule("Gone", {"recency_days": (60, float("inf"))}),
        analyses.StageRule("There", {}),
    ]
    own = analyses.stages(report.base, rules)
    assert set(own.sizes["stage"]) == {"Prospect", "Gone", "There"}
    assert analyses.forecast(own).sizes["customers"].sum() > 0


def test_who_lapsed_and_came_back_make_the_change_of_the_lapsed(report):
    lapsed = report.flows.sizes.set_index("stage").loc["Lapsed"]
    said = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:lapsed )?customers? (?:lapsed|bought)",
            " ".join(lifecycle.headline(report).payload["lede"].split()))]  # fmt: skip
    assert lapsed["then"] + said[0] - said[1] == lapsed["now"]


def test_shares_of_stages_are_of_customers_who_have_bought(report):
    table = lifecycle.where_customers_stand(report).payload["table"]
    values = {column["name"]: column["values"] for column in table["columns"]}
    share = dict(zip((row[0] for row in table["rows"]), values["share"], strict=True))
    assert share.pop("Prospects") is None
    assert sum(share.values()) == pytest.approx(1)
    assert share["Lapsed"] == pytest.approx(
        report.kpis["customers_lapsed"].value / report.kpis["customers_bought"].value
    )
