"""What was planted can be found again in the tables, within its interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crm_analytics.tables.company import plan, write_company
from tests.tables.company.conftest import Company, open_company

SEGMENTS = [s.name for s in plan.SEGMENTS]


def within(estimate: float, planted: float, error: float, sigmas: float = 3.5) -> None:
    assert abs(estimate - planted) < sigmas * error, (estimate, planted, error)


def days_of(company: Company) -> tuple[pd.Timestamp, pd.Timestamp]:
    end = pd.Timestamp(company.truth["last_day"]) + pd.Timedelta(days=1)
    return pd.Timestamp(company.truth["first_day"]), end


@pytest.fixture(scope="session")
def lives(company: Company) -> pd.DataFrame:
    """Each buyer: days from joining to leaving or the end, further orders, whether they left."""
    orders = company.orders()
    joined = company.table("customers").set_index("customer_id")["created_at"]
    end = days_of(company)[1]
    people = company.customers.loc[company.customers["bought"]].copy()
    people["joined"] = people["customer_id"].map(joined)
    people["until"] = people["leaves_at"].fillna(end)
    people["days"] = (people["until"] - people["joined"]) / pd.Timedelta(days=1)
    own = orders.loc[orders["campaign_id"].isna() | orders["coupon"].notna()]
    people["further"] = people["customer_id"].map(own.groupby("customer_id").size()).fillna(1) - 1
    return people


@pytest.mark.parametrize("segment", SEGMENTS)
def test_buying_rates_recover_planted_truth(lives: pd.DataFrame, segment: str) -> None:
    mine = lives.loc[lives["segment"] == segment]
    expected = (mine["buying_rate"] * mine["days"]).sum()
    season = 0.04 * expected  # who joins when meets another part of the year
    within(mine["further"].sum(), expected, math.sqrt(expected) + season / 3.5)
    told = {s.name: s for s in plan.SEGMENTS}[segment]
    quality = mine["buying_rate"].mean() / (told.r / told.alpha)
    assert 0.9 < quality < 1.25  # channels and membership raise it a little


def test_complaints_multiply_leaving_as_planted(lives: pd.DataFrame, company: Company) -> None:
    tickets = company.table("tickets")
    same = dict(zip(company.customers["duplicate_id"], company.customers["customer_id"], strict=True))
    bad = tickets.loc[tickets["is_complaint"]]
    order_at = company.orders().set_index("transaction_id")["at"]
    first = (
        bad["transaction_id"].map(order_at).groupby(bad["customer_id"].map(lambda i: same.get(i, i))).min()
    )
    people = lives.assign(since=lives["customer_id"].map(first))
    left = people["leaves_at"].notna()
    after = people["since"].notna()
    split = people["since"].where(after, people["until"]).clip(upper=people["until"])
    before_days = (split - people["joined"]) / pd.Timedelta(days=1)
    after_days = (people["until"] - split) / pd.Timedelta(days=1)
    expected = (people["leaving_hazard"] * after_days)[after].sum()
    found = (left & after).sum()
    within(
        found / expected,
        company.truth["complaint"]["multiplies_hazard_of_leaving"],
        math.sqrt(found) / expected,
    )
    plain = (people["leaving_hazard"] * before_days).sum()
    within((left & ~after).sum() / plain, 1.0, math.sqrt((left & ~after).sum()) / plain)


def test_season_recovers_planted_indices(company: Company, lives: pd.DataFrame) -> None:
    first, end = days_of(company)
    orders = company.orders()
    orders = orders.loc[orders["campaign_id"].isna() & (orders["segment"] != "businesses")]
    further = orders.loc[orders.groupby("customer_id")["at"].rank(method="first") > 1]
    strength = {s.name: s.season for s in plan.SEGMENTS}
    months = pd.period_range(first, end - pd.Timedelta(days=1), freq="M")
    expected = np.zeros(12)
    for month in months:
        start, stop = month.start_time, (month + 1).start_time
        spent = (lives["until"].clip(upper=stop) - lives["joined"].clip(lower=start)) / pd.Timedelta(days=1)
        factor = 1 + lives["segment"].map(strength) * (plan.SEASON[month.month - 1] - 1)
        mine = lives["segment"] != "businesses"
        expected[month.month - 1] += (lives["buying_rate"] * factor * spent.clip(lower=0))[mine].sum()
    found = further["at"].dt.month.value_counts().reindex(range(1, 13)).to_numpy()
    assert np.abs(found / expected / (found.sum() / expected.sum()) - 1).max() < 0.06


def test_campaigns_bring_the_planted_orders_and_none_to_the_control(company: Company) -> None:
    members = company.table("campaign_members").merge(company.customers, on="customer_id")
    there = members["leaves_at"].isna() | (members["leaves_at"] > members["sent_at"] + pd.Timedelta(days=14))
    members = members.loc[there & members["bought"]]
    orders = company.orders()
    orders = orders.loc[orders["campaign_id"].notna() & orders["coupon"].isna()]
    brought = set(zip(orders["customer_id"], orders["campaign_id"], strict=True))
    keys = list(zip(members["customer_id"], members["campaign_id"], strict=True))
    members["brought"] = [key in brought for key in keys]
    assert not members.loc[members["treatment"] == "control", "brought"].any()
    share = (members["treatment"] == "control").mean()
    within(share, plan.CONTROL_SHARE, math.sqrt(0.16 / len(members)))
    offered = company.table("campaigns").set_index("campaign_id")["offer_code"]
    plain = members.loc[(members["treatment"] == "treated") & members["campaign_id"].map(offered).isna()]
    for segment, lift in company.truth["campaigns"]["lift"].items():
        mine = plain.loc[plain["segment"] == segment, "brought"]
        within(mine.mean(), lift, math.sqrt(max(lift * (1 - lift), 1e-4) / len(mine)))


def test_coupons_make_baskets_larger_as_planted(company: Company) -> None:
    orders = company.orders()
    for segment in ("bargain hunters", "one-time try-outs"):
        mine = orders.loc[orders["segment"] == segment]
        further = mine["lines"] - 1
        ratio = further[mine["coupon"].notna()].mean() / further[mine["coupon"].isna()].mean()
        error = ratio / math.sqrt(further[mine["coupon"].notna()].sum())
        within(ratio, company.truth["coupons"]["multiplies_further_lines"], error)


def test_members_of_the_loyalty_programme_buy_more_often_as_planted(lives: pd.DataFrame) -> None:
    base = {s.name: s.r / s.alpha for s in plan.SEGMENTS}
    drawn = lives["buying_rate"] / lives["segment"].map(base)
    ratio = drawn[lives["member"]].mean() / drawn[~lives["member"]].mean()
    error = ratio * math.sqrt(2) * drawn.std() / drawn.mean() / math.sqrt(len(drawn) / 2)
    within(ratio, plan.LOYALTY_RATE, error)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_tastes_recover_planted_categories(company: Company, segment: str) -> None:
    lines = company.table("transactions").merge(company.table("products"), on="product_id")
    mine = lines.merge(company.customers, on="customer_id").loc[lambda f: f["segment"] == segment]
    shares = mine["category_0_name"].value_counts(normalize=True)
    tastes = company.truth["segments"][segment]["tastes"]
    level = {s.name: s.price_level for s in plan.SEGMENTS}[segment]
    if level == 0:  # elsewhere dear or cheap products shift the shares
        assert max(abs(shares[c] - t) for c, t in tastes.items()) < 0.05
    assert shares.idxmax() == max(tastes, key=lambda c: tastes[c])


def test_duplicates_share_their_person(company: Company) -> None:
    customers = company.table("customers").set_index("customer_id")
    pairs = company.customers.dropna(subset="duplicate_id")
    assert len(pairs) > 40
    for column in ("first_name", "last_name", "birth_date", "city"):
        first, second = (customers.loc[pairs[k], column].to_numpy() for k in ("customer_id", "duplicate_id"))
        assert ((first == second) | (pd.isna(first) & pd.isna(second))).all()
    bought = company.table("transactions").groupby("customer_id").size()
    assert (pairs["duplicate_id"].isin(bought.index)).mean() > 0.8


def test_referrals_join_after_their_giver_and_are_won_by_word(company: Company) -> None:
    customers = company.table("customers").set_index("customer_id")
    won = company.table("referrals").dropna(subset="referred_customer_id")
    giver = customers.loc[won["referrer_customer_id"], "created_at"].to_numpy()
    assert (customers.loc[won["referred_customer_id"], "created_at"].to_numpy() > giver).all()
    assert (customers.loc[won["referred_customer_id"], "acquisition_channel"] == "referral").all()
    within(won["p_would_have_joined"].mean(), plan.REFERRAL_WOULD_HAVE_JOINED, 0.1 / math.sqrt(len(won)))


def test_subscriptions_are_cancelled_at_the_planted_share(company: Company) -> None:
    table = company.table("subscriptions")
    end = table["cancelled_at"].fillna(days_of(company)[1])
    months = ((end - table["start_date"]) / pd.Timedelta(days=30.4375)).to_numpy()
    ended = table["cancelled_at"].notna().sum()
    rate = ended / np.floor(months + 1e-6).sum()
    within(rate, plan.SUBSCRIPTION_CANCEL, rate / math.sqrt(ended))


def test_memory_does_not_grow_with_blocks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "BLOCK", 100)
    made = open_company(write_company(tmp_path, customers=350, years=1))
    assert len(made.customers) == made.customers["customer_id"].nunique() == 350
    events = made.table("events")
    assert events["event_id"].is_unique
    known = events.dropna(subset="customer_id").groupby("anonymous_id")["customer_id"].nunique()
    assert (known == 1).all()
    linked = made.table("customer_identities").loc[lambda f: f["id_type"] == "anonymous_id"]
    assert linked["id_value"].is_unique
