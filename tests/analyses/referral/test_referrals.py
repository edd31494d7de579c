"""Referrals: what counts, the forest, K, values, groups, the comparison, who refers next."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.measures.measures import auc
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.referral.facts import referral_facts
from crm_analytics.analyses.referral.forest import circles, grown
from crm_analytics.analyses.referral.invitations import (
    AGAIN,
    BACKWARDS,
    BY_THEMSELVES,
    CAME_BEFORE,
    CIRCLE,
    NO_REFERRER,
    TOO_EARLY,
    invitations,
)
from crm_analytics.analyses.referral.likelihood import MODEL, referral_likelihood
from crm_analytics.analyses.referral.paired_auc import difference, interval, placements
from crm_analytics.analyses.referral.referral_value import referral_value
from crm_analytics.analyses.referral.referred_customers import referred_customers
from crm_analytics.analyses.referral.value_matrix import QUADRANTS, moves, value_matrix
from crm_analytics.analyses.referral.virality import viral, virality
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.tables.company import plan

TODAY = "2026-07-01"
Row = tuple[str, str | None, str, str | None]


def opened(rows: list[Row], buys: dict[str, str], **columns: list[object]) -> CustomerBase:
    """referrer, referred, invited, converted; and the first purchase of each customer."""
    sent = pd.DataFrame(
        rows, columns=["referrer_customer_id", "referred_customer_id", "invited_at", "converted_at"]
    ).assign(**columns)
    sales = pd.DataFrame(
        {"customer_id": list(buys), "transaction_date": list(buys.values()), "unit_spend": 100.0}
    )
    return CustomerBase.open({"transactions": sales, "referrals": sent}, today=TODAY)


BUYS = {"ann": "2026-01-01", "bo": "2026-02-01", "cy": "2026-03-01", "di": "2026-04-01", "z": "2026-06-30"}
GOOD: list[Row] = [
    ("ann", "bo", "2026-01-20", "2026-02-01"),
    ("bo", "cy", "2026-02-20", "2026-03-01"),
    ("ann", None, "2026-02-20", None),
]


def test_viral_growth_matches_the_published_rounds() -> None:
    """Ten customers, K = 2: 10, 30, 70, 150, 310, 630."""
    assert [viral(10, 2, t) for t in range(6)] == [10, 30, 70, 150, 310, 630]
    assert viral(10, 1, 3) == 40
    assert viral(10, 2, 15, cycle=3) == 630
    with pytest.raises(ParameterError, match="cycle = 0: a time above 0"):
        viral(10, 2, 1, cycle=0)


def test_groups_match_the_published_table_of_four() -> None:
    """Kumar, Petersen & Leone (2007): one customer with the means of each group falls into it."""
    base = opened(GOOD, BUYS)
    ids = list(QUADRANTS)
    clv = base.to_engine(pd.DataFrame({"customer_id": ids, "value": [370.0, 1219.0, 180.0, 130.0]}))
    crv = base.to_engine(pd.DataFrame({"customer_id": ids, "value": [590.0, 49.0, 670.0, 64.0]}))
    found = base.collect(value_matrix(base, clv, crv).customers)
    assert (found["customer_id"] == found["quadrant"]).all()


# --- what counts ------------------------------------------------------------------------------------------

FAULTS: dict[str, Row] = {
    BY_THEMSELVES: ("ann", "ann", "2026-02-01", "2026-02-02"),
    NO_REFERRER: ("nobody", "di", "2026-03-01", "2026-04-01"),
    TOO_EARLY: ("di", "z", "2026-03-31", "2026-06-30"),
    CAME_BEFORE: ("ann", "bo", "2026-02-10", "2026-02-20"),
    BACKWARDS: ("ann", "di", "2026-03-01", "2026-02-01"),
    AGAIN: ("ann", "cy", "2026-02-21", "2026-03-02"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_invitation_that_cannot_count_is_set_aside_and_says_why(fault: str) -> None:
    found = invitations(opened([*GOOD, FAULTS[fault]], BUYS))
    assert dict(found.set_aside) == {fault: 1}
    assert found.forest.referred == 2
    assert found.rows.count().to_pyarrow().as_py() == 4


def test_circles_are_set_aside_whole_and_the_rest_stands() -> None:
    day = "2026-06-30"
    buys = dict.fromkeys(("a", "b", "c", "d", "e"), day)
    ring: list[Row] = [("a", "b", day, day), ("b", "c", day, day), ("c", "a", day, day), ("c", "d", day, day)]
    found = invitations(opened([*ring, ("d", "e", day, day)], buys))
    assert dict(found.set_aside) == {CIRCLE: 3}
    tree = found.base.collect(found.tree).set_index("customer_id")
    assert tree["depth"].to_dict() == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 2}
    assert tree["downstream"]["c"] == 2


def test_without_a_time_of_conversion_the_first_purchase_is_it() -> None:
    base = opened(GOOD, BUYS)
    sent = base.collect(base.tables["referrals"]).drop(columns="converted_at")
    sales = base.collect(base.transactions)
    bare = CustomerBase.open({"transactions": sales, "referrals": sent}, today=TODAY)
    assert invitations(bare).forest.referred == 2


def test_a_base_without_referrals_says_which_table_is_missing() -> None:
    base = opened(GOOD, BUYS)
    only_sales = CustomerBase.open(base.collect(base.transactions), today=TODAY)
    with pytest.raises(DataError, match="'referrals'"):
        invitations(only_sales)
    with pytest.raises(NotEnoughData):
        invitations(base.as_of("2026-01-05"))


@st.composite
def forests(draw: st.DrawFn) -> np.ndarray:
    n = draw(st.integers(1, 40))
    return np.array([draw(st.integers(-1, i - 1)) for i in range(n)])[:: draw(st.sampled_from([1]))]


@given(forests())
@settings(max_examples=60, deadline=None)
def test_each_referred_customer_is_below_every_one_above_them(parent: np.ndarray) -> None:
    frame = grown(parent).frame
    above = np.zeros(len(parent), int)
    for code in range(len(parent)):  # the long way: walk up from each
        at, steps = parent[code], 0
        while at >= 0:
            above[at] += 1
            at, steps = parent[at], steps + 1
        assert frame["depth"][code] == steps
    assert (frame["downstream"] == above).all()
    assert frame["direct"].sum() == (parent >= 0).sum()


@given(st.lists(st.integers(-1, 14), min_size=15, max_size=15))
@settings(max_examples=80, deadline=None)
def test_circles_are_those_who_come_back_to_themselves(raw: list[int]) -> None:
    parent = np.array(raw)

    def comes_back(code: int) -> bool:
        at = parent[code]
        for _ in range(20):
            if at < 0 or at == code:
                break
            at = parent[at]
        return bool(at == code)

    assert circles(parent).tolist() == [code for code in range(15) if comes_back(code)]


def test_a_long_chain_is_as_deep_as_it_is_long() -> None:
    frame = grown(np.arange(-1, 4999)).frame
    assert frame["depth"].max() == 4999
    assert frame["downstream"].iloc[0] == 4999


# --- laws of the day, of order and of value ---------------------------------------------------------------


def test_order_of_rows_and_later_rows_change_nothing(small_company: CustomerBase) -> None:
    tables = {n: small_company.collect(t) for n, t in small_company.tables.items() if n in USED}
    day = "2025-06-30"
    mixed = {n: f.sample(frac=1, random_state=4) for n, f in tables.items()}
    later = tables | {"referrals": _spoilt_after(tables["referrals"], day)}
    first, *others = (
        _summary(CustomerBase.open(t, today="2026-01-01").as_of(day)) for t in (tables, mixed, later)
    )
    assert all(one == first for one in others)


USED = ("transactions", "customers", "referrals", "products", "campaign_members")


def _spoilt_after(sent: pd.DataFrame, day: str) -> pd.DataFrame:
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    new = sent["invited_at"] >= end
    late = sent["converted_at"] >= end
    ids = sent["referrer_customer_id"]
    return sent.assign(
        referrer_customer_id=ids.where(~new, ids.iloc[0]),
        referred_customer_id=sent["referred_customer_id"].where(~late, ids.iloc[1]),
        reward_cost=sent["reward_cost"].where(~late, 99.0),
    )


def _summary(base: CustomerBase) -> tuple[object, ...]:
    sent = invitations(base)
    found, value = virality(sent), referral_value(sent)
    facts = base.collect(referral_facts(base).order_by("customer_id"))
    return (
        dict(sent.set_aside), sent.forest.referred, found.k, found.conversion.value, found.cycle_days,
        value.total, value.lower, value.type_two, facts.to_csv(),
    )  # fmt: skip


def test_value_of_referrers_is_the_value_of_the_referred(small_company: CustomerBase) -> None:
    sent = invitations(small_company)
    value = referral_value(sent)
    each, all_ = (small_company.collect(t) for t in (value.referrers, value.referred))
    assert each["value"].sum() == pytest.approx(all_["value"].sum(), abs=0.01)
    assert value.total == pytest.approx(value.type_one + value.type_two, abs=0.01)
    assert len(all_) == sent.forest.referred == all_["customer_id"].nunique()
    assert each["referrals"].sum() == len(all_)
    assert value.p_source == "data"


def one_referral(booked: tuple[float, float]) -> dict[str, pd.DataFrame]:
    """Three buyers of 100 each: ann brought bo, and the cost of winning is booked of ann and of cy."""
    people = pd.DataFrame(
        {"customer_id": ["ann", "bo", "cy"], "acquisition_cost": [booked[0], None, booked[1]]}
    )
    sales = pd.DataFrame(
        {"customer_id": ["ann", "bo", "cy"], "transaction_date": ["2026-01-01", "2026-02-01", "2026-02-01"],
         "unit_spend": 100.0}
    )  # fmt: skip
    sent = pd.DataFrame(
        {"referrer_customer_id": ["ann"], "referred_customer_id": ["bo"], "invited_at": ["2026-01-20"],
         "converted_at": ["2026-02-01"]}
    )  # fmt: skip
    return {"transactions": sales, "customers": people, "referrals": sent}


def test_type_two_saves_the_cost_of_winning_alone() -> None:
    """One referred customer, 100 of margin, reward 5, 20 to win another: type one 115, type two 20."""
    tables = one_referral(booked=(20.0, 20.0))
    tables["referrals"]["reward_cost"] = 5.0
    base = CustomerBase.open(tables, today=TODAY)
    found = [referral_value(invitations(base), type_two=p, margin=1.0) for p in (0.0, 1.0, 0.25)]
    assert [f.total for f in found] == pytest.approx([115, 20, 0.75 * 115 + 0.25 * 20])
    assert [f.reward_return.value for f in found] == pytest.approx(
        [(120 - 5) / 5, (20 - 5) / 5, (95 - 5) / 5]
    )
    assert found[0].p_source == "stated"


def test_a_referral_saves_what_winning_a_customer_costs_on_every_page() -> None:
    """Booked 20 and 30; 90 of advertising over the three who were won: 25 + 30."""
    spend = pd.DataFrame({"channel": ["search"], "date_day": ["2026-01-15"], "spend": [90.0]})
    tables = one_referral(booked=(20.0, 30.0)) | {"channel_spend": spend}
    base = CustomerBase.open(tables, today=TODAY)
    assert referral_value(invitations(base)).saved == pytest.approx(55)
    assert measure(Measured(base), ["acquisition_cost"])["acquisition_cost"].value == pytest.approx(55)
    del tables["channel_spend"], tables["customers"]
    silent = referral_value(invitations(CustomerBase.open(tables, today=TODAY)))
    assert silent.saved is None
    assert silent.type_two == 0


def test_groups_hold_everybody_and_moves_hold_all_of_then(small_company: CustomerBase) -> None:
    then = small_company.as_of("2025-06-30")
    made = []
    for base in (small_company, then):
        history = base.purchase_history
        clv = history.select("customer_id", value=history.revenue.cast("float64"))
        crv = referral_value(invitations(base)).referrers.select("customer_id", "value")
        cuts = (made[0].clv_cut, made[0].crv_cut) if made else None
        made.append(value_matrix(base, clv, crv, cuts))
    now, before = made
    assert now.cells["customers"].sum() == small_company.counts["customers"]
    assert moves(small_company, before, now)["customers"].sum() == before.cells["customers"].sum()


def test_area_of_cells_is_the_area_of_their_rows() -> None:
    draw = np.random.default_rng(5)
    score = draw.integers(0, 6, 40) / 5
    events, others = draw.integers(0, 4, 40), draw.integers(0, 7, 40)
    found = placements(score, events, others)
    y = np.concatenate([np.ones(events.sum()), np.zeros(others.sum())])
    s = np.concatenate([np.repeat(score, events), np.repeat(score, others)])
    assert found.auc == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    low, high = interval(found, events, others)
    known = auc(y, s)  # the interval of churn, on the log-odds scale: of the same width to second order
    assert high - low == pytest.approx(known.upper - known.lower, rel=0.05)
    assert difference(found, found, events, others) == (0, 0, 0)


# --- planted truth ----------------------------------------------------------------------------------------


def test_demo_company_recovers_planted_truth(demo_company: CustomerBase) -> None:
    sent = invitations(demo_company)
    assert not sent.set_aside
    rows = demo_company.collect(sent.counted)
    came = rows["converted_at"].notna()
    # two in five invitations convert: one and a half in vain for each that came
    assert came.mean() == pytest.approx(0.4, abs=0.001)
    conversion = virality(sent).conversion
    assert (
        conversion.lower <= 0.4 + 0.01 <= conversion.upper + 0.01
    )  # the youngest, all in vain, are not ripe
    value = referral_value(sent)
    error = 1.96 * rows.loc[came, "p_type_two"].std() / math.sqrt(came.sum())
    assert abs(value.p_type_two - plan.REFERRAL_WOULD_HAVE_JOINED) < error
    # a referred customer buys 1.3 times as often as their segment, the others .964 times on average
    shares = [*((c.acquires, c.quality) for c in plan.CHANNELS), (1 - 0.78 - plan.WORD_OF_MOUTH + 0.04, 1.0)]
    others = sum(a * q for a, q in shares) / sum(a for a, _ in shares)
    row = referred_customers(sent).of("further_orders")
    planted = row["others"] * (1.3 / others - 1)
    assert row["lower"] < planted < row["upper"]
    assert row["lower"] > 0


def test_planted_referrers_are_found_and_beat_the_rules(demo_company: CustomerBase) -> None:
    found = referral_likelihood(demo_company)
    assert found.used == MODEL
    scores = demo_company.collect(found.customers)
    assert len(scores) == demo_company.counts["customers"]
    assert scores["score"].between(0, 1).all()
    assert scores["score"].mean() == pytest.approx(found.rate, rel=0.5)
    young = found.customers.inner_join(demo_company.purchase_history, "customer_id")
    table = demo_company.collect(young.select("score", "first_day"))
    new = pd.to_datetime(table["first_day"]) > pd.Timestamp(demo_company.day) - pd.Timedelta(days=60)
    # planted: customers invite in their first months
    assert table.loc[new, "score"].mean() > 2 * table.loc[~new, "score"].mean()


def test_no_signal_is_said_where_inviting_is_a_lot() -> None:
    draw = np.random.default_rng(8)
    n, days = 600, pd.date_range("2023-01-01", "2025-12-31")
    sales = pd.DataFrame({"customer_id": [f"n{i}" for i in draw.integers(0, n, 6 * n)]}).assign(
        transaction_date=lambda f: days[draw.integers(0, len(days), len(f))], unit_spend=10.0
    )
    sent = pd.DataFrame({"referrer_customer_id": [f"n{i}" for i in draw.integers(0, n, 400)]}).assign(
        invited_at=lambda f: days[draw.integers(400, len(days), len(f))]
    )
    base = CustomerBase.open({"transactions": sales, "referrals": sent}, today="2026-01-01")
    found = referral_likelihood(base)
    assert found.used != MODEL
    checks = found.checks.set_index("way")
    assert checks.loc[MODEL, "lower"] < 0.5 < checks.loc[MODEL, "upper"]


def test_too_few_inviters_says_how_many_are_needed() -> None:
    with pytest.raises(NotEnoughData, match="Who refers next"):
        referral_likelihood(opened(GOOD, BUYS))


def test_quarters_follow_one_another_and_the_newest_is_not_complete(small_company: CustomerBase) -> None:
    table = virality(invitations(small_company)).quarters
    assert len(table) == 8
    assert {int((b - a).days) for a, b in pairwise(table["end"])} == {91}
    assert table["complete"].tolist() == [True] * 7 + [False]
    assert (table["converted"] <= table["invitations"]).all()
    assert (table["lower"] <= table["k"]).all()
    assert (table["k"] <= table["upper"]).all()
