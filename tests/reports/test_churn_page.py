"""The churn page: what it says on whole, poor and odd bases."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import RandomForestClassifier

from crm_analytics import CustomerBase
from crm_analytics.analyses.actions import contradictions
from crm_analytics.analyses.churn import training
from crm_analytics.analyses.churn.model.own_learner import name_of
from crm_analytics.analyses.churn.silence import Silence, expected_silence, fell_silent, shared_window
from crm_analytics.analyses.definitions import ACTIVE, definitions, standings
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.analyses.measured import Measured
from crm_analytics.pages import block_views, blocks
from crm_analytics.reports import churn
from crm_analytics.reports.churn.saving import names_anybody
from crm_analytics.tables import demo
from tests.style import faults

OTHER = ("ChurnReport", "prepare")
NONSENSE = r"\bnan\b|None|NaT|<NA>|\binf\b"
MANAGER = ("headline", "kpis", "actions", "findings", "who_will_leave", "glossary")
# The ten questions of a manager, and what on the first layer answers each.
ASKED = {
    "how many": r"active customers (?:will|should) fall silent|customers fall silent in",
    "what money": r"Still to come from customers at risk \| €",
    "who": r"list falling_silent: \d+",
    "why": r"sign of falling silent",
    "what to do": r"Write to \d+ of the \d+",
    "worth what": r"\| campaigns \| €?−?€?[\d,.]+ \(",
    "can I trust it": r"were expected to fall silent, (?:and )?\d+ did",
    "better than last time": r"\d+ % a year ago|than a year ago",
    "contracts": r"of \d+ running contracts? should end",
    "complaints": r"After a complaint customers leave|do not leave clearly faster after a complaint",
}

pytestmark = pytest.mark.usefixtures("somewhere")


def made(base: CustomerBase, **wanted) -> dict[str, blocks.Block]:
    report = churn.prepare(base, **wanted)
    return {name: getattr(churn, name)(report) for name in churn.__all__ if name not in OTHER}


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    return {name: repr(block) for name, block in made(base, **wanted).items()}


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
def cdnow(somewhere) -> CustomerBase:
    return CustomerBase.open(demo.write_demo("cdnow", somewhere / "data"))


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, cdnow: CustomerBase, somewhere):
    desk = somewhere / f"churn-{request.param}"
    desk.mkdir()
    return request.param, made(cdnow, language=request.param, run=str(desk)), desk


def test_a_managers_layer_is_short_and_its_headings_are(spoken) -> None:
    _, found, _ = spoken
    assert len(found["findings"].payload["items"]) <= 5
    assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
    assert len(found["kpis"].payload["items"]) == 4
    shown = [
        name for name, b in found.items() if b.kind in ("chart", "table", "note") and "layer" not in b.payload
    ]
    assert shown == ["who_will_leave"]
    for name, block in found.items():
        for part in ("finding", "sentence"):
            assert len(block.payload.get(part, "")) <= 90, (name, block.payload[part])
    anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
    assert {item["to"] for item in found["findings"].payload["items"]} - {""} <= anchors


def test_nothing_of_the_style_list_and_no_english_on_a_german_page(spoken) -> None:
    language, found, _ = spoken
    lines = [
        line
        for block in found.values()
        if block.kind not in ("record", "method", "glossary")
        for line in repr(block).splitlines()
        if "  " not in line
    ]
    if language == "en":
        assert not {line: faults(line) for line in lines if faults(line)}
    else:
        text = "\n".join(repr(block) for name, block in found.items() if name != "record")
        assert not re.search(r"\b(?:customers?|silent|weeks?|purchases?|chance|to)\b", text)


def test_active_customers_are_those_of_every_page_and_the_list_holds_what_is_said(spoken, cdnow) -> None:
    _, found, desk = spoken
    facts = found["record"].payload["facts"]
    words = definitions(cdnow)
    table = standings(cdnow, words)
    active = int(table.filter(table.standing == ACTIVE).count().to_pyarrow().as_py())
    assert facts["window"] == words.at_risk_days == shared_window(cdnow)
    assert facts["customers_active"] == facts["will_fall_silent_n"] == active
    actions = [item for item in found["actions"].payload["items"] if "list" in item]
    assert actions
    for item in actions:
        rows = pq.read_table(desk / "lists" / f"{item['list']['name']}.parquet").to_pandas()
        assert len(rows) == item["list"]["count"]
    assert not contradictions([item["fact"] for item in found["actions"].payload["items"] if "fact" in item])


def test_the_share_of_those_who_come_back_is_the_one_of_the_return_curve(spoken, cdnow) -> None:
    """It once said that customers seldom come back, of whom 60 % did: the number now says it."""
    language, found, _ = spoken
    if language == "en":
        share = definitions(cdnow).at_risk_share
        sentence = f"After 40 days of silence {100 * share:.0f} % of customers buy again within a year"
        assert sentence in repr(found["findings"])
        assert not re.search("seldom|left already|will leave", "\n".join(map(repr, found.values())))


@pytest.fixture(scope="module")
def company(demo_company: CustomerBase, somewhere) -> dict[str, blocks.Block]:
    desk = somewhere / "churn-company"
    desk.mkdir()
    return made(demo_company, run=str(desk))


@pytest.mark.slow
def test_the_ten_questions_are_answered_on_the_first_layer(company) -> None:
    text = "\n".join(repr(company[name]) for name in MANAGER)
    assert [question for question, answer in ASKED.items() if not re.search(answer, text)] == []


@pytest.mark.slow
def test_counts_of_a_section_agree_with_its_heading(company) -> None:
    lasting = repr(company["what_a_complaint_does"])
    assert "did" not in lasting.splitlines()[1]
    running = [re.search(r"(\d+) running", repr(company[name]))[1]
               for name in ("what_contracts_bring", "which_contracts_end")]  # fmt: skip
    assert len(set(running)) == 1
    assert re.findall(r"for a model \d+", repr(company["which_contracts_end"])) == []
    first = company["actions"].payload["items"][0]["fact"]
    assert first["effect_source"] == "measured"
    assert not re.search(r"if \d+ % of|of the would-be|€1 a contact", "\n".join(map(repr, company.values())))


@pytest.mark.slow
def test_the_model_stands_beside_the_rule_and_p_alive(company) -> None:
    for method in ("logistic model", "boosted trees", "days of silence", "P(alive)"):
        assert method in repr(company["how_well_it_did"])
    assert not re.search(r"predictions are right|grade", repr(company["how_well_it_did"]))


def test_too_few_for_a_model_have_the_rule_and_are_told_what_to_bring() -> None:
    text = said(shop())
    for name, words in text.items():
        if name != "record":
            assert not re.search(NONSENSE + r"|\bc\d+\b", words), (name, words)
    assert "too few data for a model" in text["how_well_it_did"]
    assert "Signs of falling silent cannot be told" in text["what_tells_leavers"]
    assert "Bring a table of tickets" in text["what_a_complaint_does"]
    same = {text[name] for name in ("how_long_contracts_last", "what_contracts_bring", "which_contracts_end")}
    assert len(same) == 1
    assert "Bring a table of subscriptions" in same.pop()


@pytest.mark.parametrize(("told", "low", "high"), [(0.5, 107, 293), (0.12, 0, 132), (0.3, 99, 141)])
def test_the_expected_number_lies_in_a_range_as_wide_as_it_was_off_before(told, low, high) -> None:
    """Of 1,000 held out 300 fell silent; now 400 are active, with the same chance each; luck comes on top."""
    held = SimpleNamespace(left=np.r_[np.ones(300), np.zeros(700)], score=np.full(1000, told))
    evidence = pd.DataFrame({"method": ["m"], "n": [1000], "left": [300], "expected": [1000 * told]})
    trained = SimpleNamespace(held_out=held, evidence=evidence, method="m", window=30)
    there = pd.DataFrame({"customers": [400], "leaving": [400 * told], "value_at_risk": [1000.0]})
    found = expected_silence(trained, there)
    assert (found.customers, found.expected, found.spent) == (400, pytest.approx(400 * told), 1000.0)
    assert (found.lower, found.upper) == (pytest.approx(low, abs=1), pytest.approx(high, abs=1))
    worse = evidence.assign(left=100)  # an older window may have been further off
    other = SimpleNamespace(held_out=held, evidence=worse, method="m", window=30)
    wide = expected_silence(other, there)
    assert wide.upper - wide.lower >= found.upper - found.lower


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(240.0, 360.0, Evidence.SHOWN), (50.0, 550.0, Evidence.NOT_TOLD_APART)],
)
def test_news_is_a_share_that_differs_from_a_year_ago_beyond_both_errors(low, high, verdict) -> None:
    assert Silence(90, 1000, 300.0, low, high, 0.0, (150, 1000)).evidence is verdict
    assert Silence(90, 1000, 300.0, low, high, 0.0).evidence is Evidence.CANNOT_BE_TOLD


def test_who_fell_silent_a_year_ago_is_counted() -> None:
    """Forty customers active on 31 January 2025; ten of them buy in the thirty days that follow."""
    rows = [(f"c{k}", "2025-01-10", 5.0) for k in range(40)]
    rows += [(f"c{k}", "2025-02-20", 5.0) for k in range(10)]
    rows += [("old", "2024-01-01", 5.0), ("late", "2025-02-10", 5.0), ("z", "2026-01-31", 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open(frame, today="2026-02-01").as_of("2026-01-31")
    assert fell_silent(base, 30) == (30, 40)
    assert fell_silent(base, 400) is None
    assert (
        fell_silent(CustomerBase.open(frame[frame["customer_id"] != "old"]).as_of("2026-01-31"), 30) is None
    )


def test_nobody_is_named_unless_those_named_before_did_fall_silent() -> None:
    def trained(left: float, tells: bool = True) -> SimpleNamespace:
        score = np.r_[np.full(100, 0.7), np.full(900, 0.1)]
        fell = np.r_[np.arange(100) < 100 * left, np.arange(900) < 180].astype(float)
        return SimpleNamespace(held_out=SimpleNamespace(left=fell, score=score), tells=tells)

    assert names_anybody(trained(0.6))
    assert not names_anybody(trained(0.6, tells=False))
    assert not names_anybody(trained(0.22))


def test_nobody_is_named_where_days_are_drawn_by_lot() -> None:
    text = said(shop())
    assert "falling_silent" not in text["actions"]
    assert "No active customer is named" in text["whom_to_save_first"]
    assert "not shown to set one active customer apart" in text["who_will_leave"]


def test_of_one_window_the_page_says_that_the_rule_was_never_tested() -> None:
    text = said(shop(days=400), window=170)
    assert "No span of time is over yet on which this forecast could be tested" in text["findings"]
    for name in ("how_well_it_did", "how_many_it_finds"):
        assert "The rule was learnt from these customers" in text[name], name
    assert "because no other is over" in text["method"]
    assert re.search(r"of \d+ recent customers should buy nothing in the next 170 days", text["headline"])


def test_a_history_too_short_is_refused_in_words() -> None:
    text = said(shop(days=60), window=50)
    assert "cannot be told yet" in text["headline"]
    assert "days of history" in text["headline"]
    assert "Bring a longer history" in text["actions"]


def test_a_small_base_takes_the_small_form() -> None:
    text = said(shop(30))
    assert "too little for a statistical model" in text["headline"]
    assert "begins with 100" in text["who_will_leave"]


def test_a_group_that_was_too_small_on_the_page_before_stays_merged(somewhere) -> None:
    rng = np.random.default_rng(7)
    base = shop(160)
    ids = base.collect(base.customers)["customer_id"].astype("str").tolist()
    region = np.array(["north", "south", "east"])[rng.integers(0, 3, len(ids))]
    tables = {
        "transactions": base.snapshot.tables["transactions"].to_pandas(),
        "customers": pd.DataFrame({"customer_id": ids, "region": region}),
    }
    base = CustomerBase.open(tables, today="2027-01-01")
    first = made(base, window=60)["record"].payload["facts"]
    shown = churn.prepare(base, window=60).groups.table["group"].tolist()
    assert {"north", "south", "east"} <= set(shown)
    sizes = {name: n for name, n in first.items() if name.startswith("group_")}
    assert len(sizes) == len(shown)
    desk = somewhere / "second-night"
    desk.mkdir()
    dropped = dict(list(first.items())[:-1])  # the last group was among the others
    earlier = {"report": "churn", "day": "2025-12-01", "headline": "h", "facts": dropped, "actions": []}
    (desk / "handed_in.json").write_text(json.dumps({"previous": [earlier], "neighbours": []}))
    again = churn.prepare(base, window=60, run=str(desk)).groups.table["group"].tolist()
    assert shown[-1] not in again
    assert set(again) < {*shown, "others"}


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
    text = said(CustomerBase.open(tables, today="2027-01-01"))
    ending = text["which_contracts_end"]
    assert re.search(r"[\d,]+ of [\d,]+ running contracts should end in 91 days: [\d,.]+ a month", ending)
    assert re.search(r"ranking \(AUC\) is 0\.\d\d \(0\.\d\d to 0\.\d\d\) against 0\.\d\d by the rate", ending)
    assert re.search(r"running contracts should end in 91 days \([\d,]+ to [\d,]+\)", text["findings"])
    assert "its price" in ending
    assert not re.search(NONSENSE + r"|\bc\d+\b", ending)


def test_the_key_figure_is_the_same_where_no_report_made_it(cdnow) -> None:
    from crm_analytics.analyses.churn.kpis import will_fall_silent

    alone = will_fall_silent(Measured(cdnow))
    report = churn.prepare(cdnow)
    mine = report.kpis["will_fall_silent"]
    assert (alone.value, alone.lower, alone.upper, alone.n) == (mine.value, mine.lower, mine.upper, mine.n)


class Mine(RandomForestClassifier):
    """A learner of somebody's own, in whose name stands what a page must not run."""


Mine.__name__ = "Mine<b>"


def test_own_learner_and_feature_are_named_graded_and_trained_once_on_the_page(
    small_company: CustomerBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, name = Mine(n_estimators=20, min_samples_leaf=20), "Mine<b>"
    base = small_company.keeping(tmp_path)
    people = base.collect(base.customers.select("customer_id"))
    chance = np.random.default_rng(5)
    calls = people.assign(known_on=base.first_day, calls_made=chance.normal(size=len(people)))
    trained: Counter[str] = Counter()
    train = training._trained

    def counted(*given: Any, **named: Any) -> Any:
        trained[name_of(named.get("learner"))] += 1
        return train(*given, **named)

    monkeypatch.setattr(training, "_trained", counted)
    found = made(base, features=calls, learner=learner, language="de")
    assert trained[name] == 1
    table = repr(found["how_well_it_did"])
    assert name in table
    assert "logistisches Modell" in table  # ours stands beside it
    assert "wie verlangt" in repr(found["method"])
    assert name in repr(found["method"])
    facts = found["record"].payload["facts"]
    assert facts["method"] == name
    assert facts["grade"] in set("ABCDEF")
    assert 0 < facts["auc_lower"] < facts["auc"] < facts["auc_upper"] <= 1
    assert name not in "".join(block_views.html(one.kind, one.payload) for one in found.values())
