"""Whom to ask for a recommendation, and whose reward is due: once per conversion."""

from __future__ import annotations

from datetime import date

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns.lists.contact_policy import Terms
from crm_analytics.analyses.campaigns.lists.referral_rules import asked_by, referral_reward_due
from crm_analytics.analyses.campaigns.lists.rules import chosen
from crm_analytics.analyses.customer_facts import Previous, known
from crm_analytics.analyses.referral.likelihood import referral_likelihood

TODAY = "2026-07-01"
TERMS = Terms(days=7, holdout=0, assumed=("post",))


def opened() -> CustomerBase:
    """Ann brings Bo on 3 June and Cy on 5 June, Di on 12 June; Eve brings herself and, late, Bo again."""
    sent = pd.DataFrame(
        [("ann", "bo", "2026-06-01", "2026-06-03"), ("ann", "cy", "2026-06-01", "2026-06-05"),
         ("ann", "di", "2026-06-01", "2026-06-12"), ("eve", "eve", "2026-06-01", "2026-06-12"),
         ("eve", "bo", "2026-06-02", "2026-06-12")],
        columns=["referrer_customer_id", "referred_customer_id", "invited_at", "converted_at"],
    )  # fmt: skip
    firsts = {"ann": "2026-01-01", "eve": "2026-01-01", "bo": "2026-06-03", "cy": "2026-06-05",
              "di": "2026-06-12", "z": "2026-06-30"}  # fmt: skip
    sales = pd.DataFrame(
        {"customer_id": list(firsts), "transaction_date": list(firsts.values()), "unit_spend": 9.0}
    )
    return CustomerBase.open({"transactions": sales, "referrals": sent}, today=TODAY)


def test_each_conversion_falls_into_one_wave_however_often_its_referrer_was_listed() -> None:
    base, issued, due = opened(), [], []
    for day in ("2026-06-07", "2026-06-14", "2026-06-21"):
        past = base.as_of(day)
        earlier = past.to_engine(pd.DataFrame(issued)) if issued else None
        wave = campaigns.lists(past, chosen(["referral_reward_due"]), TERMS, issued=earlier)
        found = past.collect(wave.members)
        due.append(dict(zip(found["customer_id"], found["reason"], strict=True)))
        issued += [
            {"list": "referral_reward_due", "customer_id": who, "issued_on": date.fromisoformat(day),
             "treatment": "treated"} for who in found["customer_id"]
        ]  # fmt: skip
        assert found["suppressed_by"].fillna("").isin(["", "contacted lately"]).all()
    assert due == [{"ann": "brought new customers: 2"}, {"ann": "brought new customers: 1"}, {}]


def test_a_late_wave_reaches_back_to_the_end_of_the_last() -> None:
    base = opened().as_of("2026-06-21")
    late = known(base, 7, previous=Previous(date(2026, 6, 7), 7))
    found = base.collect(referral_reward_due(late))
    assert found["customer_id"].tolist() == ["ann"]
    assert referral_reward_due(known(base, 7)).count().to_pyarrow().as_py() == 0


def test_lists_without_their_tables_say_what_is_missing() -> None:
    base = opened()
    bare = CustomerBase.open(base.collect(base.transactions), today=TODAY)
    wave = campaigns.lists(bare, chosen(["referral_ask", "referral_reward_due", "welcome"]), TERMS)
    assert "survey_responses" in wave.left_out["referral_ask"]
    assert "referrals" in wave.left_out["referral_reward_due"]
    assert "referral_ask" not in campaigns.lists(base, chosen(["referral_ask"]), TERMS).left_out


def test_the_likely_are_asked_and_the_unhappy_are_not(small_company: CustomerBase) -> None:
    found = referral_likelihood(small_company)
    facts = known(small_company, 7)
    asked = small_company.collect(asked_by(facts, found))
    assert 0 < len(asked) < 0.5 * small_company.counts["customers"]
    tickets = small_company.collect(small_company.tables["tickets"])
    sore = tickets[tickets["is_complaint"] & (tickets["created_at"] > "2025-01-01")]
    assert not set(asked["customer_id"]) & set(sore["customer_id"])
    promoters = small_company.collect(asked_by(facts, None))
    assert set(asked["customer_id"]) != set(promoters["customer_id"])
