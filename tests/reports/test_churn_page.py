"""The churn page: what it says on whole, poor and odd bases."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.reports import churn
from crm_analytics.reports.churn.expected_leavers import expected
from crm_analytics.reports.churn.first_screen import _to_leave

OTHER = ("ChurnReport", "prepare")
NONSENSE = r"\bnan\b|None|NaT|<NA>|\binf\b"


pytestmark = pytest.mark.usefixtures("somewhere")


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    report = churn.prepare(base, **wanted)
    return {name: repr(getattr(churn, name)(report)) for name in churn.__all__ if name not in OTHER}


def shop(customers: int = 150, days: int = 400, each: int = 8) -> CustomerBase:
    """Customers who buy at random days, each for a while."""
    rng = np.random.default_rng(3)
    rows = []
    for k in range(customers):
        begin = rng.integers(0, days // 2)
        end = min(days, begin + rng.integers(30, days))
        when = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(rng.integers(begin, end, each)), unit="D")
        rows += [(f"c{k}", day, 10.0 + k % 7) for day in when]
    columns = ["customer_id", "transaction_date", "unit_spend"]
    return CustomerBase.open(pd.DataFrame(rows, columns=columns), today="2027-01-01")


@pytest.fixture(scope="module")
def company(demo_company: CustomerBase, somewhere) -> dict[str, str]:
    return said(demo_company)


@pytest.mark.slow
def test_first_screen_says_how_many_how_much_whom_and_how_sure(company) -> None:
    first = company["headline"]
    assert re.search(r"\d+ of [\d,]+ customers still here are expected to leave within \d+ days \(", first)
    assert re.search(r"and €[\d,]+ of sales with them", first)
    assert re.search(r"asked on .*, expected \d+ of [\d,]+ to leave; \d+ did", first)
    listed = re.search(r"Contacting the [\d,]+ .* would bring €[\d,]+ \(€[\d,]+.*\)", first)
    mailing = re.search(r"contacting most customers \([5-9]\d %\) would pay: that is a mailing to all", first)
    assert bool(listed) != bool(mailing)
    assert bool(listed) == ("Contact the" in company["actions"])
    kpi = r"Still here \| [\d,]+ \| . .* since .* (\d+) \(\d+ %\) to leave, (\d+).(\d+)"
    many, low, high = map(int, re.search(kpi, company["kpis"]).groups())
    assert low <= many <= high
    assert f"{many} of " in first
    assert f"days ({low}–{high})" in first
    assert re.search(r"grade [ABC]; AUC", company["kpis"])
    assert bool(listed) == ("Hold one in ten back" in company["actions"])
    assert "After a first complaint" in company["what_a_complaint_does"]
    contracts = (
        r"\d+ running contracts should last [\d,]+ months in the next 12 \([\d,]+ to [\d,]+\) and bring €"
    )
    assert re.search(contracts, company["what_contracts_bring"])


@pytest.mark.slow
def test_the_model_stands_beside_the_rule_and_p_alive(company) -> None:
    for method in ("logistic", "gradient boosting", "recency rule", "P(alive)"):
        assert method in company["how_well_it_did"]


def test_too_few_for_a_model_have_the_recency_rule_and_are_told_so() -> None:
    text = said(shop())
    for name, words in text.items():
        assert not re.search(NONSENSE + r"|\bc\d+\b", words), (name, words)
    assert "at least 500 are needed" in text["how_well_it_did"]
    assert "Do not read a model into this" in text["actions"]
    assert "no purchase for" in text["what_tells_leavers"]
    assert "left already" in text["who_will_leave"]
    assert "needs the table 'tickets'" in text["what_a_complaint_does"].lower().replace("this needs", "needs")
    assert "subscriptions" in text["how_long_contracts_last"]
    assert "subscriptions" in text["what_contracts_bring"]


@pytest.mark.parametrize(("told", "low", "high"), [(0.5, 109, 291), (0.12, 0, 131), (0.3, 109, 131)])
def test_the_number_of_leavers_lies_in_a_range_as_wide_as_it_was_off_before(told, low, high) -> None:
    """Of 1,000 held out 300 left; now 400 are here, each with the same chance as was said then."""
    held = SimpleNamespace(left=np.r_[np.ones(300), np.zeros(700)], score=np.full(1000, told))
    evidence = pd.DataFrame({"method": ["m"], "n": [1000], "left": [300], "expected": [1000 * told]})
    trained = SimpleNamespace(held_out=held, evidence=evidence, method="m")
    there = pd.DataFrame({"customers": [400], "leaving": [400 * told], "value_at_risk": [1000.0]})
    found = expected(SimpleNamespace(there=there), trained)
    assert (found.here, found.many, found.money) == (400, pytest.approx(400 * told), 1000.0)
    assert (found.low, found.high) == (pytest.approx(low, abs=1), pytest.approx(high, abs=1))
    many, share = f"{400 * told:.0f}", f"{100 * told:.0f}"
    note = rf"^{many} \({share}.%\) to leave, {found.low:.0f}–{found.high:.0f} if it is as far off"
    assert re.search(note, _to_leave(found))
    worse = evidence.assign(left=100)  # an older window may have been told worse
    wide = expected(SimpleNamespace(there=there), SimpleNamespace(held_out=held, evidence=worse, method="m"))
    assert wide.high - wide.low >= found.high - found.low


def test_of_one_window_the_page_says_that_the_rule_was_never_tested() -> None:
    text = said(shop(days=400), window=170)
    assert "there is one window only, and it was learnt from" in text["headline"]
    assert "on those learnt from" in text["kpis"]
    assert "none to check by" in text["how_well_it_did"]
    for name in ("how_well_it_did", "does_it_say_what_comes", "how_many_it_finds"):
        assert "The rule was learnt from these customers" in text[name], name
    assert "as no other is over" in text["method"]


def test_a_history_too_short_is_refused_in_words() -> None:
    text = said(shop(days=60), window=50)
    assert "cannot be told yet" in text["headline"]
    assert "days of history" in text["headline"]
    assert "Collect more history" in text["actions"]


def test_a_small_base_takes_the_small_form() -> None:
    text = said(shop(30))
    assert "too little for a statistical model" in text["headline"]
    assert "begins with 100" in text["who_will_leave"]


def test_nobody_is_named_where_scores_do_not_tell_leavers_whatever_success_and_costs_are() -> None:
    """Days drawn by lot: with free contacts and sure success a profit is certain, and no list is better."""
    base = shop()
    for terms in ({"contact_cost": 0.0, "success": 1.0}, {"contact_cost": 1000.0, "success": 0.1}):
        text = said(base, **terms)
        assert "No campaign to keep them is shown to pay" in text["what_contacting_brings"]
        assert "not shown to tell leavers from stayers, so nobody is named" in text["headline"]
        assert "with most at risk" not in text["actions"]


def test_contracts_at_risk_are_listed_with_what_the_chances_are_worth(somewhere) -> None:
    rng = np.random.default_rng(4)
    n, month = 4000, pd.Timedelta(days=30.4375)
    price = np.where(rng.random(n) < 0.5, 10.0, 30.0)
    start = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D")
    end = start + rng.geometric(np.where(price == 10, 0.03, 0.15), n) * month
    ids = [f"c{i}" for i in range(n)]
    bought = shop().snapshot.tables["transactions"].to_pandas()
    running = pd.DataFrame({
        "subscription_id": ids, "customer_id": ids, "start_date": start, "amount": price,
        "cancelled_at": pd.Series(end).where(end < bought["transaction_date"].max()), "recurrence_months": 1,
    })  # fmt: skip
    tables = {"transactions": bought, "subscriptions": running}
    text = said(CustomerBase.open(tables, today="2027-01-01"))["which_contracts_end"]
    assert re.search(
        r"[\d,]+ \([\d,]+–[\d,]+\) of [\d,]+ running contracts are expected to end within 91 days, and \d",
        text,
    )
    assert re.search(r"AUC 0\.\d\d \(0\.\d\d.0\.\d\d\) against 0\.\d\d by the rate", text)
    assert "its price" in text
    assert not re.search(NONSENSE + r"|\bc\d+\b", text)
