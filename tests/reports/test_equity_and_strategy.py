"""What the reports on customer equity and on strategy say: answers, refusals, a user's own files, German."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.equity import budget
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.reports import customer_equity, strategy
from crm_analytics.reports.customer_equity import EquityReport
from crm_analytics.reports.strategy import StrategyReport
from tests.style import faults

pytestmark = pytest.mark.usefixtures("somewhere")


@pytest.fixture(scope="module")
def equity(small_company: CustomerBase) -> EquityReport:
    report = customer_equity.prepare(small_company)
    assert isinstance(report, EquityReport)
    return report


@pytest.fixture(scope="module")
def plan(small_company: CustomerBase) -> StrategyReport:
    report = strategy.prepare(small_company)
    assert isinstance(report, StrategyReport)
    return report


def test_budget_is_refused_for_what_was_not_measured_and_a_test_is_proposed(equity: EquityReport) -> None:
    said = repr(customer_equity.tests_to_make(equity))
    assert "have never been tested" in said
    assert "search" in said
    levers = repr(customer_equity.next_budget(equity))
    assert "search" not in levers
    assert re.search(r"before a test|Test whether", repr(customer_equity.actions(equity)))


def test_no_money_is_no_advice_to_stop(equity: EquityReport) -> None:
    assert equity.budget is not None
    nothing = replace(equity, budget=replace(equity.budget, budget=0.0, profit=0.0))
    assert "spend nothing" not in repr(customer_equity.actions(nothing))
    assert "Nothing was spent last quarter" in repr(customer_equity.next_budget(nothing))
    table = equity.budget.table.assign(spend=0.0)
    loses = replace(equity, budget=replace(equity.budget, budget=500.0, table=table))
    assert "spend nothing on contacting present customers" in repr(customer_equity.actions(loses))


def test_a_test_is_proposed_where_it_ends_within_half_a_year(equity: EquityReport) -> None:
    assert equity.budget is not None
    for weeks, said in ((None, "Change no channel's budget before a test"), (9, "Test whether radio")):
        tests = (budget.Test("radio", weeks, 12.0), budget.Test("fair", None, 40.0))
        actions = customer_equity.actions(replace(equity, budget=replace(equity.budget, tests=tests)))
        assert said in repr(actions)
        assert ("within 9 weeks" in repr(actions)) == bool(weeks)
        assert "Test whether fair" not in repr(actions)


def test_a_channel_of_measured_campaigns_is_not_called_untested(equity: EquityReport) -> None:
    assert equity.budget is not None
    assert "mailings" in set(equity.budget.table["lever"])
    names = {one.name for one in equity.budget.tests}
    assert "search" in names
    assert "email" not in names


def test_where_no_channel_was_measured_none_is_called_tested(equity: EquityReport) -> None:
    assert equity.budget is not None
    kept_only = equity.budget.table[equity.budget.table["kind"].ne(budget.WIN)]
    bare = replace(equity, budget=replace(equity.budget, tests=(), table=kept_only))
    for block in (customer_equity.tests_to_make(bare), customer_equity.findings(bare)):
        assert "Every channel was tested" not in repr(block)
        assert "is not in these data" in repr(block)


def test_a_new_customer_and_the_levers_have_ranges(equity: EquityReport) -> None:
    assert equity.firm is not None
    low, high = equity.firm.new_customer_range
    assert 0 < low < equity.firm.new_customer < high
    levers = equity.firm.sensitivity
    assert (levers["lower"] < levers["change"]).all()
    assert (levers["change"] < levers["upper"]).all()
    assert re.search(
        r"A customer won today brings €\d+ of margin .* to €", repr(customer_equity.headline(equity))
    )
    assert re.search(r"better retention is worth €[\d,]+ \(€", repr(customer_equity.findings(equity)))
    for cost, said in (
        (0.5 * low, "brings"),
        (0.5 * (low + high), "may bring less"),
        (2 * high, "less than the"),
    ):
        changed = replace(equity, firm=replace(equity.firm, cost=cost))
        assert said in customer_equity.findings(changed).payload["items"][2]["text"]
    one_per_cent = repr(customer_equity.one_per_cent(equity))
    best, second = levers.nlargest(2, "change").to_dict("records")
    assert ("is the strongest lever" in one_per_cent) == (best["lower"] > second["upper"])


def test_amounts_of_many_digits_leave_their_range_to_the_table(equity: EquityReport) -> None:
    assert equity.firm is not None
    large = equity.firm.sensitivity.copy()
    large[["change", "lower", "upper"]] *= 1e10
    firm = copy.copy(equity.firm)
    firm.__dict__["sensitivity"] = large  # a cached property
    many = replace(equity, firm=firm)
    said = customer_equity.findings(many).payload["items"][1]["text"]
    assert "the table gives its range" in said


def test_results_of_tests_move_the_budget(small_company: CustomerBase, tmp_path: Path) -> None:
    path = tmp_path / "tests.csv"
    frame = pd.DataFrame({"channel": ["search"], "spend": [2000.0], "gained": [200.0], "error": [15.0]})
    frame.to_csv(path, index=False)
    report = customer_equity.prepare(small_company, tests=str(path), budget=5000.0)
    assert isinstance(report, EquityReport)
    assert report.budget is not None
    assert "search" in set(report.budget.table["lever"])
    assert "search" not in {one.name for one in report.budget.tests}
    assert report.budget.table["spend"].sum() <= 5000.0 + 1e-6
    frame.assign(channel="radio").to_csv(path, index=False)
    report = customer_equity.prepare(small_company, tests=str(path))
    assert "without spend in the last quarter: radio" in report.why("budget")
    with pytest.raises(ParameterError, match=r"no file none\.csv"):
        customer_equity.prepare(small_company, tests="none.csv")


@pytest.mark.parametrize(
    ("language", "shown", "hedged"),
    [
        ("en", "the rest gains", "the rest is not shown to gain"),
        ("de", "der Rest bringt", "beim Rest ist kein Gewinn belegt"),
    ],
)
def test_a_budget_gains_only_where_its_range_leaves_out_nothing(
    small_company: CustomerBase, tmp_path: Path, language: str, shown: str, hedged: str
) -> None:
    path = tmp_path / "tests.csv"
    frame = pd.DataFrame({"channel": ["search"], "spend": [2000.0], "gained": [200.0], "error": [15.0]})
    frame.to_csv(path, index=False)
    report = customer_equity.prepare(small_company, tests=str(path), budget=5000.0, language=language)
    assert isinstance(report, EquityReport)
    assert report.budget is not None

    def said(low: float) -> str:
        plan = replace(report.budget, profit=900.0, profit_lower=low, profit_upper=1800.0 - low)
        return repr(customer_equity.next_budget(replace(report, budget=plan)))

    assert shown in said(10.0)
    assert hedged in said(-10.0)
    assert shown not in said(-10.0)


def test_drivers_and_channels_claim_what_their_ranges_show(equity: EquityReport) -> None:
    assert equity.brands is not None
    for low, word in ((-5.0, "is not shown to bring anything"), (5.0, "would bring")):
        drivers = equity.brands.drivers.assign(gain=50.0, gain_lower=low, gain_upper=100.0 - low)
        changed = replace(equity, brands=replace(equity.brands, drivers=drivers), improvement_cost=2.0)
        said = repr(customer_equity.drivers(changed))
        assert word in said
        assert ("not shown to return anything" in said) == (low < 0)
        finding = customer_equity.findings(changed).payload["items"][3]["text"]
        assert ("may be chance" in finding) == (low < 0)
    each = pd.DataFrame({"segment": ["fair", "post"], "customers": [100, 100], "each": [50.0, 40.0]})
    for wide, word in ((2000.0, "No channel is shown"), (300.0, "Customers won by fair will bring most")):
        value = each["each"] * 100
        table = each.assign(value=value, lower=value - wide, upper=value + wide)
        assert word in repr(customer_equity.by_channel(replace(equity, channels=table)))


def test_balance_needs_judgements_and_then_holds_the_law(small_company: CustomerBase) -> None:
    report = customer_equity.prepare(small_company, most_won=2000.0, most_kept=0.95)
    assert isinstance(report, EquityReport)
    if report.balance is not None:
        found = report.balance
        assert found.marginal_winning == pytest.approx(found.value, rel=1e-6)
    else:  # nothing is spent on keeping in this company's last quarter
        assert report.why("balance")


def test_firm_equity_is_labelled_as_what_it_is(equity: EquityReport) -> None:
    assert "not the model of Rust, Lemon and Zeithaml" in repr(customer_equity.method(equity))
    assert "one choice per respondent does not tell them apart" in repr(customer_equity.switching(equity))


def test_strategy_says_where_we_stand_what_is_weak_and_what_suits(plan: StrategyReport) -> None:
    assert re.search(r"we are \d+ % of the way|meets its target", repr(strategy.headline(plan)))
    assert len(strategy.actions(plan).payload["items"]) <= 3
    for model in ("IDIC", "value chain", "five processes", "eight blocks", "QCI", "balanced scorecard"):
        assert model in repr(strategy.which_model_suits(plan))
    assert "35 % on average, 67 % at best and 17 % at worst" in repr(strategy.intention_and_reality(plan))


def test_a_framework_of_ones_own_is_measured_alone(small_company: CustomerBase, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = '[[block]]\nid="loyal"\n[[block.kpi]]\nid="bought_again"\nweight=1\nfloor=0.0\ntarget=0.99\n'
    path.write_text(text)
    report = strategy.prepare(small_company, framework=str(path))
    assert isinstance(report, StrategyReport)
    assert "loyal is the weakest block of mine" in repr(strategy.where_we_stand(report))
    path.write_text(text.replace("bought_again", "bougt_again"))
    with pytest.raises(DataError, match="did you mean 'bought_again'"):
        strategy.prepare(small_company, framework=str(path))
    with pytest.raises(ParameterError, match="no question"):
        strategy.prepare(small_company, question="why")


def test_pages_keep_to_the_style_and_to_their_language(small_company: CustomerBase) -> None:
    for module in (customer_equity, strategy):
        names = [n for n in module.__all__ if n != "prepare" and not n.endswith("Report")]
        english, german = (module.prepare(small_company, language=x) for x in ("en", "de"))
        for name in names:
            block = getattr(module, name)(english)
            for line in repr(block).splitlines():
                if block.kind not in ("record", "method", "glossary") and "  " not in line:
                    assert not faults(line), (name, line)
            said = repr(getattr(module, name)(german)) if name not in ("record", "method") else ""
            assert not re.search(r"\bcustomers?\b|\bweeks?\b|\byear ago\b|\bbudget of\b", said), (name, said)
