"""The campaigns page: what it says on whole, poor and odd bases."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.actions import contradictions
from crm_analytics.analyses.audiences import NEVER
from crm_analytics.analyses.campaigns import evaluate
from crm_analytics.analyses.contact_effect import contact_effect
from crm_analytics.pages import block_views, blocks
from crm_analytics.reports import campaigns, segments
from crm_analytics.tables import demo
from tests.style import faults

OTHER = ("CampaignsReport", "prepare")
HOSTILE = "<img src=x onerror=alert(1)>"
SENT = pd.Timestamp("2026-06-01")
NONSENSE = r"\bnan\b|None|NaT|<NA>|\binf\b"
MANAGER = ("headline", "kpis", "actions", "findings", "whom_to_contact_now", "glossary")
# The ten questions of a manager, and what on the first layer answers each.
ASKED = {
    "whom now": r"Write to [\d,]+ of the [\d,]+ customers on the lists",
    "how": r"The longest list is “.+” with \d+",
    "brings what": r"\| campaigns \| €[\d,]+ \(−?€[\d,]+ to €[\d,]+\)",
    "did the last work": r"campaigns (?:are not shown to bring|brought) .*orders",
    "which worked": r"none shows an effect of its own|brought orders of their own",
    "discounts wasted": r"redeemed offers went to orders that would have come anyway",
    "stop the newsletter": r"per 100 contacts|for every 100 contacts",
    "budget earned back": r"Margin of past campaigns \| .*budget of €[\d,]+ taken off",
    "the list": r"list due: \d+",
    "next test": r"hold the others back",
}

pytestmark = pytest.mark.usefixtures("somewhere")


def sections_of(report) -> dict[str, blocks.Block]:
    return {name: getattr(campaigns, name)(report) for name in campaigns.__all__ if name not in OTHER}


def blocks_of(base: CustomerBase, **wanted) -> dict[str, blocks.Block]:
    return sections_of(campaigns.prepare(base, **wanted))


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    return {name: repr(block) for name, block in blocks_of(base, **wanted).items()}


def shop(
    customers: int = 160, lift: float = 0.0, cost: float | None = None, **columns: object
) -> dict[str, pd.DataFrame]:
    """Customers who buy at random days of half a year, and one campaign that moves the treated by `lift`."""
    rng = np.random.default_rng(1)
    who = rng.integers(0, customers, customers * 5)
    day = pd.Timestamp("2026-06-30") - pd.to_timedelta(rng.integers(0, 180, len(who)), unit="D")
    treated = np.arange(customers) % 2 == 0
    won = np.flatnonzero(treated & (rng.random(customers) < lift))
    who = np.concatenate([who, won, [0]])
    day = day.append(pd.DatetimeIndex([SENT + pd.Timedelta("3D")] * len(won) + ["2026-06-30"]))
    ids = np.array([f"c{i}" for i in range(customers)])
    spend = rng.gamma(2, 20, len(who)).round(2)
    sales = {"customer_id": ids[who], "transaction_date": day, "unit_spend": spend}
    members = {"campaign_id": "spring", "customer_id": ids, "sent_at": SENT,
               "treatment": np.where(treated, "treated", "control")}  # fmt: skip
    if cost is not None:
        members["cost"] = np.where(treated, cost, 0.0)
        sales["unit_cost"] = (0.6 * spend).round(2)
    return {"transactions": pd.DataFrame(sales).assign(**columns), "campaign_members": pd.DataFrame(members)}


def opened(tables: dict[str, pd.DataFrame]) -> CustomerBase:
    return CustomerBase.open(tables, today="2027-01-01")


def _listed(n: int = 160, **columns: object) -> pd.DataFrame:
    ids = [f"c{i}" for i in range(n)]
    return pd.DataFrame(
        {"customer_id": ids, "birth_date": [f"{1930 + i % 70}-07-02" for i in range(len(ids))]} | columns
    )


@pytest.fixture(scope="module")
def report(demo_company: CustomerBase, somewhere):
    desk = somewhere / "campaigns-company"
    desk.mkdir()
    return campaigns.prepare(demo_company, run=str(desk)), desk


@pytest.mark.slow
def test_the_ten_questions_are_answered_on_the_first_layer(report) -> None:
    found = sections_of(report[0])
    text = "\n".join(repr(found[name]) for name in MANAGER)
    assert [question for question, answer in ASKED.items() if not re.search(answer, text)] == []


@pytest.mark.slow
def test_one_effect_one_cost_and_the_budget_is_taken_off(report) -> None:
    made, _ = report
    facts = sections_of(made)["record"].payload["facts"]
    effect = contact_effect(made.base)
    assert facts["contact_effect"] == pytest.approx(effect.value)
    assert facts["orders_per_hundred_contacts"] == pytest.approx(100 * facts["orders_effect"])
    assert facts["orders_per_hundred_contacts_lower"] == pytest.approx(100 * facts["orders_effect_lower"])
    row = evaluate(made.base, learner=None).profit.iloc[0]
    assert facts["campaign_margin"] == pytest.approx(row["total"] - row["budget"])
    assert facts["campaign_margin_upper"] == pytest.approx(row["total_upper"] - row["budget"])


@pytest.mark.slow
def test_the_list_holds_whom_the_page_says_and_nobody_whom_other_pages_spare(report) -> None:
    made, desk = report
    items = sections_of(made)["actions"].payload["items"]
    due = next(item for item in items if item.get("list", {}).get("name") == "due")
    rows = pq.read_table(desk / "lists" / "due.parquet").to_pandas()
    assert len(rows) == due["list"]["count"] == made.due.treated
    assert rows["customer"].is_unique
    spared = made.plan.audiences.customers.filter(made.plan.audiences.customers.group == NEVER)
    mailed = made.due.members.semi_join(spared, "customer_id").count().to_pyarrow().as_py()
    assert mailed == 0
    others = [one.facts() | {"id": f"segments.{one.id}"} for one in segments.prepare(made.base).plan.actions]
    assert not contradictions([*others, *(one.facts() for one in made.own_actions)])


@pytest.mark.slow
def test_no_table_repeats_one_verdict_or_shows_an_id(report) -> None:
    found = sections_of(report[0])
    assert "may be chance" not in repr(found["which_campaigns_worked"])
    assert not re.search(r"\bC0\d\d\b", "\n".join(map(repr, found.values())))
    assert "campaigns: those held back are not shown to be other customers" in repr(
        found["were_the_arms_alike"]
    )


@pytest.mark.parametrize(
    ("language", "term", "others", "churn"),
    [("en", "Lists of other reports", "they may name another number", "The report Churn leaves out"),
     ("de", "Listen anderer Berichte", "eine andere Zahl nennen", "Der Bericht Abwanderung lässt")],
)  # fmt: skip
def test_the_method_says_why_another_page_names_another_number(
    small_company, language, term, others, churn
) -> None:
    report = campaigns.prepare(small_company, language=language)
    assert report.due is not None
    assert "save" in set(report.due.lists["list"])
    said = dict(campaigns.method(report).payload["items"])[term]
    assert others in said
    assert churn in said
    lists = report.due.lists
    without = replace(report.due)
    without.__dict__["lists"] = lists[lists["list"] != "save"].reset_index(drop=True)
    assert churn not in dict(campaigns.method(replace(report, due=without)).payload["items"])[term]


@pytest.fixture(scope="module", params=["en", "de"])
def spoken(request, somewhere) -> tuple[str, dict[str, blocks.Block]]:
    tables = shop(300, lift=0.6, cost=0.5) | {"customers": _listed(300, consent_email=True, region="north")}
    return request.param, blocks_of(opened(tables), language=request.param)


def test_a_managers_layer_is_short_and_its_headings_are(spoken) -> None:
    _, found = spoken
    assert len(found["findings"].payload["items"]) <= 5
    assert len(found["actions"].payload["items"]) <= blocks.MOST_ACTIONS
    assert len(found["kpis"].payload["items"]) <= 4
    kinds = ("chart", "table", "note")
    assert [n for n, b in found.items() if b.kind in kinds and "layer" not in b.payload] == [
        "whom_to_contact_now"
    ]
    for name, block in found.items():
        for part in ("finding", "sentence"):
            assert len(block.payload.get(part, "")) <= 90, (name, block.payload[part])
    anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
    assert {item["to"] for item in found["findings"].payload["items"]} - {""} <= anchors


def test_nothing_of_the_style_list_and_no_english_on_a_german_page(spoken) -> None:
    language, found = spoken
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
        assert re.findall(r".*\b(?:customers?|weeks?|orders?|held|contacts)\b.*", text) == []


def test_a_campaign_that_works_is_said_to_work() -> None:
    text = said(opened(shop(300, lift=0.6, cost=1.0)))
    for name, words in text.items():
        assert not re.search(NONSENSE + r"|\bc\d+\b", words), (name, words)
    assert re.search(r"1 past campaign brought \d+\.\d more orders for every 100 contacts", text["headline"])
    assert "more orders" in text["what_campaigns_did"]
    assert "1 of 1 campaign brought orders of their own: spring" in text["findings"]
    assert "of margin after contacts and budgets" in text["what_campaigns_earned"]


def test_a_campaign_without_effect_orders_no_mailing() -> None:
    tables = shop(300, lift=0.0, cost=0.5) | {"customers": _listed(300, consent_email=True)}
    text = said(opened(tables))
    assert "not shown to bring orders" in text["headline"]
    assert "Write to" not in text["actions"]
    assert "No contact is expected to bring more than it costs" in text["actions"]


def test_an_unknown_cost_of_contacts_is_not_taken_for_nothing() -> None:
    tables = shop(300, lift=0.6) | {"customers": _listed(300, consent_email=True)}
    text = said(opened(tables))
    assert "the margin or the cost of a contact is not in the data" in text["headline"]
    assert "What campaigns earned is not known" in text["what_campaigns_earned"]
    assert "not known" in text["kpis"]
    assert "The margin or the cost of a contact is not known" in text["what_contacting_the_best_brings"]


def test_who_answers_is_told_by_region_age_and_channel_and_of_no_small_group() -> None:
    people = _listed(
        300,
        region=[name for name in ("north", "south", "east", "west") for _ in "ab"] * 37 + ["tiny"] * 4,
        birth_date=[f"{(1960, 1990)[k // 8 % 2]}-{1 + k % 6:02}-{1 + k % 25:02}" for k in range(300)],
        acquisition_channel=["search"] * 150 + ["shop"] * 146 + ["Ann Smith"] * 4,
    )
    base = opened(shop(300, lift=0.3) | {"customers": people})
    report = campaigns.prepare(base)
    text = repr(campaigns.who_answers(report))
    for group in ("region: north", "region: others", "age: ", "won by: search", "won by: others"):
        assert group in text
    assert "tiny" not in text
    assert "Ann" not in text
    found = report.groups
    assert set(found.groupby("attribute")["customers"].sum()) == {300}
    assert (found[["treated", "control"]] >= 5).all(axis=None)
    assert "region" not in said(opened(shop(300)))["who_answers"].lower()


def test_a_group_that_was_too_small_on_the_page_before_stays_merged(somewhere) -> None:
    people = _listed(300, acquisition_channel=["search"] * 150 + ["shop"] * 100 + ["fair"] * 50)
    base = opened(shop(300, lift=0.3) | {"customers": people})
    first = campaigns.prepare(base)
    channels = first.groups[first.groups["attribute"] == "acquisition_channel"]["group"].tolist()
    assert sorted(channels) == ["fair", "search", "shop"]
    facts = campaigns.record(first).payload["facts"]
    kept = {name: n for name, n in facts.items() if not (name.startswith("group_") and n == 50)}
    assert len(kept) == len(facts) - 1
    desk = somewhere / "second-wave"
    desk.mkdir()
    earlier = {"report": "campaigns", "day": "2026-06-01", "headline": "h", "facts": kept, "actions": []}
    (desk / "handed_in.json").write_text(json.dumps({"previous": [earlier], "neighbours": []}))
    again = campaigns.prepare(base, run=str(desk)).groups
    assert "fair" not in again["group"].tolist()
    assert "others" in again["group"].tolist()


def test_lists_say_whom_to_contact_who_is_suppressed_and_what_they_can_bring() -> None:
    tables = shop(300, lift=0.6, cost=0.5) | {"customers": _listed(300, consent_email=True)}
    text = said(opened(tables))
    assert re.search(r"Write to .* customers on the lists", text["actions"])
    assert re.search(r"customers to contact; for \d+ the reason is: a birthday", text["whom_to_contact_now"])
    assert re.search(
        r"lists? will bring margin|No list is shown to pay", text["what_contacting_the_best_brings"]
    )
    assert "One next action a customer" in text["who_comes_first"]
    assert re.search(r"entries are not written to; first reason", text["who_is_kept_out"])
    assert "due for both" in text["who_is_due_twice"]


def test_without_a_consent_nobody_is_contacted_and_it_says_what_to_do() -> None:
    text = said(opened(shop() | {"customers": _listed()}))
    assert "all of them are suppressed" in text["whom_to_contact_now"]
    assert "before a letter goes out" in text["headline"]
    assert "Record who may be contacted" in text["actions"]
    assert "consent_email" in text["who_comes_first"]


def test_without_campaigns_and_coupons_one_sentence_says_what_to_bring() -> None:
    tables = shop()
    tables.pop("campaign_members")
    found = blocks_of(opened(tables))
    text = {name: repr(block) for name, block in found.items()}
    assert "Hold half of the next campaign back" in text["actions"]
    measured = ("what_campaigns_did", "which_campaigns_worked", "who_is_moved", "whom_to_contact_first",
                "who_answers", "what_campaigns_earned", "were_the_arms_alike")  # fmt: skip
    assert len({text[name] for name in measured}) == 1
    assert "Bring a table of campaign members" in text["who_is_moved"]
    assert "Bring coupons, discounts" in text["what_incentives_do"]


def _one_arm(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return tables | {"campaign_members": tables["campaign_members"].assign(treatment="treated")}


def _quiet(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    sales = tables["transactions"]
    early = sales["transaction_date"] < SENT - pd.Timedelta("5D")
    return tables | {"transactions": pd.concat([sales[early], sales.tail(1)])}


ODD = {
    "nobody held back": lambda: _one_arm(shop()),
    "one coupon": lambda: shop(coupon=["X"] + [None] * 800),
    "coupons everywhere": lambda: shop(coupon="X", discount=1.0),
    "never a purchase in the window": lambda: _quiet(shop()),
    "worth nothing": lambda: shop(unit_spend=0.0),
}


def test_where_nothing_happened_no_section_says_that_no_effect_is_shown() -> None:
    text = said(opened(_quiet(shop(300, cost=0.5)) | {"customers": _listed(300, region="north")}))
    for name, told in (text | {"method": ""}).items():  # which explains the words
        assert not re.search(r"not shown to bring orders|none shows|is shown to be moved", told, re.I), name
    assert "too little was bought after past campaigns" in text["headline"].lower()
    assert "too little was bought after the campaigns" in text["kpis"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD)
def test_odd_bases_are_spoken_of_without_nonsense(kind) -> None:
    for name, text in said(opened(ODD[kind]())).items():
        if name != "record":
            assert not re.search(NONSENSE, text), (name, text)
        assert not re.search(r"\bc\d+\b", text), (name, text)


def test_a_small_base_takes_the_small_form() -> None:
    text = said(opened(shop(30)))
    assert "too little for a statistical model" in text["headline"]
    assert "begins with 100" in text["what_campaigns_did"]


def test_cdnow_has_no_campaigns_and_says_so_once(somewhere) -> None:
    base = CustomerBase.open(demo.write_demo("cdnow", somewhere / "data"))
    found = blocks_of(base)
    notes = [repr(b) for b in found.values() if b.kind == "note"]
    assert len(set(notes)) <= 4 < len(notes)
    assert "campaign" in repr(found["headline"])


@pytest.mark.slow
def test_names_from_the_data_are_escaped_on_the_page() -> None:
    named = pd.DataFrame({"campaign_id": ["spring"], "campaign_name": HOSTILE, "start_date": [SENT]})
    block = blocks_of(opened(shop() | {"campaigns": named}))["which_campaigns_worked"]
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
