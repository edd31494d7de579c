"""The campaigns page: what it says on whole, poor and odd bases."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.pages import block_views
from crm_analytics.reports import campaigns
from crm_analytics.reports.campaigns.answers import by_group

OTHER = ("CampaignsReport", "prepare")
HOSTILE = "<img src=x onerror=alert(1)>"
SENT = pd.Timestamp("2026-06-01")


pytestmark = pytest.mark.usefixtures("somewhere")


def blocks_of(base: CustomerBase, **wanted) -> dict:
    report = campaigns.prepare(base, **wanted)
    return {name: getattr(campaigns, name)(report) for name in campaigns.__all__ if name not in OTHER}


def said(base: CustomerBase, **wanted) -> dict[str, str]:
    return {name: repr(block) for name, block in blocks_of(base, **wanted).items()}


def shop(customers: int = 160, lift: float = 0.0, **columns: object) -> dict[str, pd.DataFrame]:
    """Customers who buy at random days of half a year, and one campaign that moves the treated by `lift`."""
    rng = np.random.default_rng(1)
    who = rng.integers(0, customers, customers * 5)
    day = pd.Timestamp("2026-06-30") - pd.to_timedelta(rng.integers(0, 180, len(who)), unit="D")
    treated = np.arange(customers) % 2 == 0
    won = np.flatnonzero(treated & (rng.random(customers) < lift))
    who = np.concatenate([who, won, [0]])
    day = day.append(pd.DatetimeIndex([SENT + pd.Timedelta("3D")] * len(won) + ["2026-06-30"]))
    ids = np.array([f"c{i}" for i in range(customers)])
    sales = {
        "customer_id": ids[who],
        "transaction_date": day,
        "unit_spend": rng.gamma(2, 20, len(who)).round(2),
    }
    members = {"campaign_id": "spring", "customer_id": ids, "sent_at": SENT,
               "treatment": np.where(treated, "treated", "control")}  # fmt: skip
    return {"transactions": pd.DataFrame(sales).assign(**columns), "campaign_members": pd.DataFrame(members)}


def opened(tables: dict[str, pd.DataFrame]) -> CustomerBase:
    return CustomerBase.open(tables, today="2027-01-01")


@pytest.fixture(scope="module")
def company(demo_company: CustomerBase, somewhere) -> dict[str, str]:
    return said(demo_company)


@pytest.mark.slow
def test_the_headline_has_an_interval_and_says_where_none_is_shown(company) -> None:
    assert re.search(r"Orders added by 100 contacts: \S+ \(\S+ to \S+\)", company["headline"])
    assert "Past campaigns: no effect shown" in company["headline"]
    assert re.search(r"due a contact in the coming 7 days; .* \(\S+ to \S+\)", company["headline"])
    assert re.search(r"\nsave +likely to leave and worth keeping", company["whom_to_contact_now"])
    assert "no profit is proved" in company["headline"]
    assert "make it larger" in company["actions"]


def test_a_campaign_that_works_is_said_to_work() -> None:
    text = said(opened(shop(300, lift=0.6)), margin=0.4, contact_cost=1.0)
    for name, words in text.items():
        assert not re.search(r"\bnan\b|None|NaT|<NA>|\binf\b|\bc\d+\b", words), (name, words)
    assert re.search(r"1 campaign brought \d+\.\d more orders for every 100 contacts", text["headline"])
    assert "more" in text["what_campaigns_did"]
    assert "after contacts" in text["what_campaigns_earned"]
    assert "margin 40% of the spend" in text["what_campaigns_earned"].lower()


def test_an_unknown_cost_of_contacts_is_not_taken_for_nothing() -> None:
    tables = shop(300, lift=0.6) | {"customers": _listed(300, consent_email=True)}
    text = said(opened(tables), margin=0.4)
    assert "what a contact costs is not known" in text["headline"].lower()
    assert "the cost of a contact is not known" in text["what_campaigns_earned"]
    assert "the margin is before it" in text["what_campaigns_did"]
    assert "after contacts" not in "".join(text.values())
    assert "the cost of a contact" in text["what_contacting_the_best_brings"]
    assert "saved" not in text["who_is_kept_out"].lower()


def _listed(n: int = 160, **columns: object) -> pd.DataFrame:
    ids = [f"c{i}" for i in range(n)]
    return pd.DataFrame(
        {"customer_id": ids, "birth_date": [f"{1930 + i % 70}-07-02" for i in range(len(ids))]} | columns
    )


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
    found = by_group(report.waves)
    assert set(found.groupby("attribute")["customers"].sum()) == {300}
    assert (found[["treated", "control"]] >= 5).all(axis=None)
    assert "region" not in said(opened(shop(300)))["who_answers"].lower()


def test_lists_say_whom_to_contact_who_is_kept_out_and_what_it_would_bring() -> None:
    tables = shop(300, lift=0.6) | {"customers": _listed(300, consent_email=True)}
    text = said(opened(tables), margin=0.4, contact_cost=0.5)
    assert re.search(r"customers are due a contact in the coming 7 days; .* bring \d", text["headline"])
    assert "Send the lists" in text["actions"]
    assert re.search(r"customers to contact, most of them because: a birthday", text["whom_to_contact_now"])
    assert re.search(r"expected to bring", text["what_contacting_the_best_brings"])
    assert "one next action a customer" in text["who_comes_first"].lower()
    assert re.search(r"entries are suppressed, most of them", text["who_is_kept_out"])
    assert re.search(r"Saved: .*0.50 a contact", text["who_is_kept_out"])
    assert "are due for both" in text["who_is_due_twice"]


def test_without_repeat_purchases_the_list_to_save_is_left_out_and_says_why() -> None:
    tables = shop(300) | {"customers": _listed(300, consent_email=True)}
    once = tables | {"transactions": tables["transactions"].drop_duplicates("customer_id")}
    lists = said(opened(once))["whom_to_contact_now"]
    assert re.search(r"Not asked, for lack of data: .*\bsave\b", lists)
    assert re.search(r"Who will leave cannot be told: .*gaps between purchases, this base has 0\.", lists)


def test_without_a_consent_nobody_is_contacted_and_it_says_what_to_do() -> None:
    text = said(opened(shop() | {"customers": _listed()}))
    assert "nobody may be contacted" in text["whom_to_contact_now"]
    assert "Record who may be contacted" in text["actions"]
    assert "consent_email" in text["who_comes_first"]


def test_without_campaigns_and_coupons_it_says_what_is_needed() -> None:
    tables = shop()
    tables.pop("campaign_members")
    text = said(opened(tables))
    assert "needs the table 'campaign_members'" in text["headline"]
    assert "Hold one in ten back" in text["actions"]
    assert "orders with a coupon or discount, or members" in text["what_incentives_do"]
    assert "is not known" in text["who_is_moved"]


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
    text = said(opened(_quiet(shop(300)) | {"customers": _listed(300, region="north")}), margin=0.4)
    for name, told in (text | {"method": ""}).items():  # which explains the words
        assert not re.search(r"no effect shown|none shows|no score shows|no segment is shown", told, re.I), (
            name
        )
    assert "too little happened to tell" in text["headline"].lower()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD)
def test_odd_bases_are_spoken_of_without_nonsense(kind) -> None:
    for name, text in said(opened(ODD[kind]())).items():
        assert not re.search(r"\bnan\b|None|NaT|<NA>|\binf\b", text), (name, text)
        assert not re.search(r"\bc\d+\b", text), (name, text)


def test_a_small_base_takes_the_small_form() -> None:
    text = said(opened(shop(30)))
    assert "too little for a statistical model" in text["headline"]
    assert "begins with 100" in text["what_campaigns_did"]


@pytest.mark.slow
def test_names_from_the_data_are_escaped_on_the_page() -> None:
    named = pd.DataFrame({"campaign_id": ["spring"], "campaign_name": HOSTILE, "start_date": [SENT]})
    block = blocks_of(opened(shop() | {"campaigns": named}))["which_campaigns_worked"]
    page = block_views.html(block.kind, block.payload)
    assert HOSTILE not in page
    assert "&lt;img" in page
