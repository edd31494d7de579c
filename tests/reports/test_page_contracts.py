"""What the pages of one base must agree on, and what a manager must find on them."""

from __future__ import annotations

import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.actions import contradictions
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.pages import blocks
from crm_analytics.reports import lifetime_value, segments
from crm_analytics.tables import demo
from tests.style import faults

pytestmark = pytest.mark.usefixtures("somewhere")
MANAGER = ("headline", "kpis", "actions", "findings", "who_brings_the_money", "who_carries_it", "glossary")
# The questions of a manager, and what on the first layer answers each.
ASKED = {
    segments: {
        "is revenue growing against last year": r"on a year ago",
        "who matters most": r"% of customers, .* % of revenue",
        "what is at risk from now on": r"may still bring",
        "what to do, who, worth what": r"Write to .*\|.*\|.*\(",
        "what is Hibernating": r"Hibernating: Bought a few times",
        "give me the names": r"list at_risk: \d+",
        "better or worse": r"customers are active, .*a year ago",
        "what do they buy": r"buys .* most|not in these data",
        "how sure": r"\d to .*\d",
        "did the last action work": r"past campaigns?|No campaign with a control group",
    },
    lifetime_value: {
        "how much next year": r"next 52 weeks",
        "against last year": r"Revenue of the last 52 weeks \|",
        "who is most valuable": r"top fifth of customers will bring",
        "what may I spend per customer": r"Keeping one should cost",
        "what is a customer worth": r"A customer will bring, next 52 weeks \|",
        "who is lost": r"have lapsed: silent for",
        "can I trust it": r"forecast was (?:tried at|off by)",
        "as profit": r"Margin to come",
        "who buys next": r"will buy in the next 13 weeks",
        "why did it change": r"Since .*(?:new customers add|no new customers)",
    },
}


@pytest.fixture(scope="module")
def base(somewhere):
    return CustomerBase.open(demo.write_demo("cdnow", somewhere / "data"))


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, base, somewhere):
    """Both reports of one base in a language, their sections, and the folder of their lists."""
    made = {}
    for module in (segments, lifetime_value):
        desk = somewhere / f"{request.param}-{module.__name__.rsplit('.', 1)[-1]}"
        desk.mkdir()
        report = module.prepare(base, language=request.param, run=str(desk))
        names = [name for name in module.__all__ if name != "prepare" and not name.endswith("Report")]
        made[module] = ({name: getattr(module, name)(report) for name in names}, report, desk)
    return request.param, made


def facts_of(spoken):
    return [found["record"].payload["facts"] for found, *_ in spoken[1].values()]


def test_the_same_figure_has_one_value_on_all_pages(spoken):
    one, other = facts_of(spoken)
    shared = (one.keys() & other.keys()) - {"facts_version", "day"}
    assert {"customers_at_risk", "customers_lapsed", "value_at_risk", "at_risk_days"} <= shared
    assert {name: one[name] for name in shared} == {name: other[name] for name in shared}
    for facts in (one, other):
        assert all(isinstance(name, str) for name in facts)
    assert {"value_to_come", "customers_at_risk"} <= REGISTRY.keys()


def test_no_action_of_one_page_contradicts_one_of_another(spoken):
    facts = [
        item["fact"]
        for found, *_ in spoken[1].values()
        for item in found["actions"].payload["items"]
        if "fact" in item
    ]
    assert len(facts) >= 4
    assert not contradictions(facts)
    by_name: dict[str, set[tuple[int, float]]] = {}
    for fact in facts:
        by_name.setdefault(fact["id"], set()).add((fact["customers"], fact.get("expected")))
    assert all(len(values) == 1 for values in by_name.values()), by_name


def test_a_list_holds_as_many_customers_as_the_page_says(spoken):
    for found, _, desk in spoken[1].values():
        for item in found["actions"].payload["items"]:
            if "list" not in item or not item["list"]["count"]:
                continue
            rows = pq.read_table(desk / "lists" / f"{item['list']['name']}.parquet").to_pandas()
            assert len(rows) == item["list"]["count"]
            assert re.search(rf"\b{len(rows)}\b", item["do"])
            assert rows["customer"].str.fullmatch(r"c-[a-z2-7]{10}").all()
            assert rows["customer"].is_unique
            assert (desk / "lists" / f"{item['list']['name']}.csv").stat().st_mode & 0o007 == 0


def test_a_managers_layer_is_short(spoken):
    for found, *_ in spoken[1].values():
        assert len(found["findings"].payload["items"]) <= 5
        assert all(len(item["text"]) <= 90 for item in found["findings"].payload["items"])
        assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
        assert len(found["kpis"].payload["items"]) == 4
        anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
        assert {item["to"] for item in found["findings"].payload["items"]} - {""} <= anchors
        layer = [name for name, b in found.items() if b.kind == "chart" and "layer" not in b.payload]
        assert len(layer) == 1


def test_sections_say_nothing_of_the_style_list(spoken):
    language, made = spoken
    if language == "en":
        for found, *_ in made.values():
            for name, block in found.items():
                for line in repr(block).splitlines():
                    # terms, with a colon after them, and the rows of tables are no sentences
                    if block.kind not in ("record", "method", "glossary") and "  " not in line:
                        assert not faults(line), (name, line)


@pytest.mark.parametrize("module", ASKED, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_the_questions_of_a_manager_are_answered_on_the_first_layer(module, spoken):
    language, made = spoken
    if language == "en":
        found = made[module][0]
        said = "\n".join(repr(block) for name, block in found.items() if name in MANAGER)
        missing = [question for question, answer in ASKED[module].items() if not re.search(answer, said)]
        assert not missing


def test_a_german_page_writes_german_numbers_and_no_english(spoken):
    language, made = spoken
    if language != "de":
        return
    for found, *_ in made.values():
        said = "\n".join(repr(found[name]) for name in found if name not in ("record",))
        assert "Kunden" in said
        assert not re.search(r"\bcustomers?\b|\bweeks?\b|\byear ago\b|\bpurchases?\b", said), re.findall(
            r".*(?:\bcustomers?\b|\bweeks?\b|\bpurchases?\b).*", said
        )[:3]
        assert re.search(r"\d\.\d{3} \$", said)
        assert not re.search(r"\$\d", said)


ONE_SEGMENT = [(f"c{i}", day, 5.0) for i in range(120) for day in ("2026-01-05", "2026-02-05", "2026-03-05")]
ODD = {
    "one segment": (ONE_SEGMENT, "EUR"),
    "no minor unit": ([(f"c{i % 200}", f"2025-{1 + i % 12:02}-11", 1500.0 + i) for i in range(900)], "JPY"),
    "amounts beyond a trillion": (
        [(f"c{i % 200}", f"2025-{1 + i % 12:02}-11", 9e10 + i) for i in range(900)], "IDR",
    ),
    "labels of 200 letters, right to left": (
        [(f"{'שלום ' * 40}{i % 150}", f"2025-{1 + i % 12:02}-11", 20.0 + i % 9) for i in range(700)], "EUR",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("module", ASKED, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_odd_bases_are_said_in_full(module, name):
    rows, currency = ODD[name]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open(frame.assign(currency=currency), today="2026-06-01")
    report = module.prepare(base, show_customers=name.startswith("labels"), language="de")
    names = [n for n in module.__all__ if n != "prepare" and not n.endswith("Report")]
    said = "\n".join(repr(getattr(module, n)(report)) for n in names)
    assert "nan" not in said.lower().replace("finanz", "").replace("spanne", "")
    assert max(len(word) for word in said.split()) <= 160
    if currency == "JPY":
        assert re.search(r"\d ¥", said)
        assert not re.search(r"\d,\d\d ¥", said)
