"""What coupons, discounts and membership do."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.campaigns.incentives.baskets import deal_orders, within_customers
from crm_analytics.analyses.campaigns.incentives.incentives import (
    RANDOMISED,
    WITHIN,
    Incentives,
    incentives,
)
from crm_analytics.analyses.campaigns.incentives.membership import membership
from crm_analytics.analyses.campaigns.measurement.treatment_effects import TOO_LITTLE
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.customer_base import CustomerBase

SURE = 0.99  # several planted numbers are looked for at once


def bought(rows: list[tuple[str, str, float, str | None]], **more: pd.DataFrame) -> CustomerBase:
    sales = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend", "coupon"])
    return CustomerBase.open({"transactions": sales, **more}, today="2026-12-31")


def orders(seed: int, ratio: float, people: int = 150) -> CustomerBase:
    """Customers whose baskets differ twentyfold, the dear ones with most coupons; each times `ratio`."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, float, str | None]] = []
    for who in range(people):
        usual = rng.gamma(1.0, 50.0) + 5
        for day in range(8):
            deal = bool(rng.random() < min(0.9, usual / 150))
            spend = usual * (ratio if deal else 1.0) * rng.gamma(4.0, 0.25)
            date = str((pd.Timestamp("2026-01-01") + pd.Timedelta(days=10 * day)).date())
            rows.append((f"c{who:03d}", date, round(spend, 2), "SAVE" if deal else None))
    return bought(rows)


def ratio_of(base: CustomerBase, outcome: str) -> pd.Series:
    found = deal_orders(base)
    assert found is not None
    table = within_customers(base, found)
    return table.set_index("outcome").loc[outcome]


# -- baskets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "verdict"), [(1.0, "no effect shown"), (1.4, "more"), (0.6, "less")])
def test_within_customers_recovers_planted_truth(ratio: float, verdict: str) -> None:
    base = orders(1, ratio)
    row = ratio_of(base, "spend")
    assert row["lower"] < ratio < row["upper"]
    assert row["verdict"] == verdict
    sales = base.collect(base.transactions)
    plain = sales.groupby(sales["coupon"].notna())["unit_spend"].mean()
    assert plain[True] / plain[False] > row["upper"]  # between customers it would be larger than it is


def test_a_ratio_by_hand() -> None:
    rows: list[tuple[str, str, float, str | None]] = []
    for i in range(40):  # everybody twice without (10 each) and once with a coupon (15)
        rows += [(f"c{i}", "2026-01-01", 10.0, None), (f"c{i}", "2026-02-01", 10.0, None)]
        rows += [(f"c{i}", "2026-03-01", 15.0, "X"), (f"d{i}", "2026-03-02", 500.0, "X")]
    row = ratio_of(bought(rows), "spend")
    assert row["ratio"] == pytest.approx(1.5)
    assert (row["customers"], row["orders"], row["deals"]) == (40, 120, 40)  # the others cannot be compared


def test_too_few_customers_show_no_ratio() -> None:
    base = orders(2, 1.2, people=20)
    found = deal_orders(base)
    assert within_customers(base, found).empty


# -- the demo company -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(demo_company: CustomerBase) -> Incentives:
    segments = demo_company.tables["customers"].select("customer_id", segment="needs_segment")
    return incentives(demo_company, segments=segments, window=13, level=SURE)


@pytest.fixture(scope="module")
def truth(demo_company_folder) -> dict:
    return json.loads((demo_company_folder / "truth.json").read_text())


def test_incentives_recover_planted_coupons_and_membership(found: Incentives, truth: dict) -> None:
    lines = found.baskets.set_index("outcome").loc["further_lines"]
    assert lines["lower"] < truth["coupons"]["multiplies_further_lines"] < lines["upper"]
    assert lines["verdict"] == "more"
    value, spend = (found.baskets.set_index("outcome").loc[c, "ratio"] for c in ("list_value", "spend"))
    assert spend / value == pytest.approx(1 - truth["coupons"]["discount"], abs=0.01)
    rate = found.membership.set_index("outcome").loc["repeat_orders"]
    assert rate["lower"] < truth["loyalty"]["multiplies_buying_rate"] < rate["upper"]
    assert rate["verdict"] == "more"


def test_redemption_recovers_how_deal_prone_each_segment_is(found: Incentives, truth: dict) -> None:
    shares = found.offers.redemption.dropna(subset="segment").set_index("segment")
    planted = pd.Series({name: s["deal_prone"] for name, s in truth["segments"].items()})
    planted = planted.reindex(shares.index)
    assert (shares["lower"] < planted).all()
    assert (planted < shares["upper"]).all()
    whole = found.offers.redemption.iloc[0]
    assert whole["redeemed"] == shares["redeemed"].sum()


def test_deal_prone_customers_are_those_drawn_so(found: Incentives, demo_company: CustomerBase) -> None:
    segments = demo_company.tables["customers"].select("customer_id", segment="needs_segment")
    people = demo_company.collect(found.customers.inner_join(segments, "customer_id"))
    share = people.groupby("segment")["deal_prone"].mean()
    assert share["bargain hunters"] > 5 * share.drop("bargain hunters").max()
    assert (people["deals"] <= people["at_hand"]).all()
    assert people["deal_share"].between(0, 1).all()
    assert found.proneness["customers"].sum() == len(people)
    assert found.proneness["deals"].sum() == found.deals == people["deals"].sum()


def test_margin_given_away_lies_between_nothing_and_the_discount(found: Incentives) -> None:
    row = found.offers.given_away.iloc[0]
    assert 0 <= row["given_away_lower"] <= row["given_away"] <= row["given_away_upper"] <= row["discount"]
    assert row["given_away_at_least"] <= row["discount"]
    assert row["discount"] + row["discount_elsewhere"] == pytest.approx(found.discount)
    effect = found.offers.effects.query("outcome == 'orders'").iloc[0]
    assert row["anyway_share"] == pytest.approx(min(1, 1 - effect["adjusted"] / effect["treated_mean"]))


def test_each_effect_says_how_it_was_found(found: Incentives) -> None:
    table = found.effects
    assert (table.loc[table["incentive"] == "campaign's offer", "how"] == RANDOMISED).all()
    assert WITHIN in set(table["how"])
    assert table.loc[table["incentive"] == "loyalty programme", "how"].str.startswith("matched on").all()
    none = np.where(table["unit"] == "ratio", 1.0, 0.0)
    held = (table["lower"] <= none) & (none <= table["upper"])
    assert ((table["verdict"] == "no effect shown") == held).all()
    repeat = table[table["how"].str.startswith("stratified")]
    assert repeat["lower"].item() < 0 < repeat["upper"].item()  # nothing is planted there


# -- poor and odd bases -----------------------------------------------------------------------------


def test_a_wave_with_known_answers_gives_away_what_the_controls_bought() -> None:
    ids = [f"c{i:03d}" for i in range(200)]
    rows: list[tuple[str, str, float, str | None]] = [(c, "2026-01-01", 10.0, None) for c in ids]
    rows += [(c, "2026-03-05", 9.0, "TEN") for c in ids[:50]]  # of 100 treated 50 buy, all with the code
    rows += [(c, "2026-03-05", 10.0, None) for c in ids[100:130]]  # of 100 controls 30 buy
    rows += [("x", "2026-07-01", 1.0, None)]
    sales = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend", "coupon"])
    sales["discount"] = sales["coupon"].notna().astype(float)
    arms = ["treated"] * 100 + ["control"] * 100
    members = {"campaign_id": "spring", "customer_id": ids, "treatment": arms, "sent_at": "2026-03-01"}
    campaign = {"campaign_id": ["spring"], "start_date": ["2026-03-01"], "end_date": ["2026-03-15"]}
    tables = {
        "transactions": sales,
        "campaign_members": pd.DataFrame(members),
        "campaigns": pd.DataFrame(campaign).assign(offer_code="TEN"),
    }
    base = CustomerBase.open(tables, today="2026-12-31")
    found = incentives(base).offers
    row = found.given_away.iloc[0]
    assert (row["redeemed"], row["discount"]) == (50, 50.0)
    assert row["anyway_share"] == pytest.approx(30 / 50)
    assert row["given_away"] == pytest.approx(30.0)
    most = found.effects.query("outcome == 'orders'")["adjusted_upper"].iloc[0]  # orders added by a contact
    assert row["given_away_at_least"] == pytest.approx(max(0.0, 50.0 - 100 * most))
    assert 0 <= row["given_away_at_least"] == row["given_away_lower"] < 30
    assert row["anyway_lower"] < 0.6 < row["anyway_upper"]


def test_without_coupons_or_members_it_says_so() -> None:
    sales = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": "2026-01-01", "unit_spend": 1.0})
    with pytest.raises(NotEnoughData, match="orders with a coupon or discount, or members"):
        incentives(CustomerBase.open(sales, today="2026-12-31"))
    unused = sales.assign(coupon=[None, None])
    with pytest.raises(NotEnoughData, match="orders with a coupon or discount, or members"):
        incentives(CustomerBase.open(unused, today="2026-12-31"))


def test_coupons_alone_are_enough() -> None:
    found = incentives(orders(3, 1.3))
    assert found.offers is None
    assert found.membership is None
    assert set(found.effects["how"]) >= {WITHIN}
    assert found.deals < found.orders


def test_members_are_compared_with_customers_who_began_alike() -> None:
    rng = np.random.default_rng(4)
    rows: list[tuple[str, str, float, str | None]] = []
    tiers = []
    for i in range(400):  # members joined earlier, and nothing else is different
        member, early = rng.random() < 0.5, rng.random()
        start = int(rng.integers(0, 80)) if member == (early < 0.8) else int(rng.integers(280, 360))
        days = rng.integers(start + 1, 720, rng.poisson((720 - start) * 0.01))
        dates = pd.Timestamp("2024-12-01") + pd.to_timedelta(sorted({start, *map(int, days)}), unit="D")
        rows += [(f"c{i:03d}", str(date.date()), 10.0, None) for date in dates]
        tiers.append("gold" if member else None)
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)], "loyalty_tier": tiers})
    base = bought(rows, customers=people)
    row = membership(base).set_index("outcome").loc["repeat_orders"]
    assert row["lower"] < 1 < row["upper"]
    assert row["members"] + row["others"] <= 400
    assert row["strata"] > 3


def test_where_nobody_else_came_back_it_is_too_little_to_tell_and_no_effect_is_not_said() -> None:
    ids = [f"c{k:03d}" for k in range(80)]
    tiers = pd.DataFrame({"customer_id": ids, "loyalty_tier": ["gold", None] * 40})
    first = [(who, "2026-01-05", 10.0, None) for who in ids]
    base = bought([*first, ("c000", "2026-06-01", 10.0, None)], customers=tiers)
    found = membership(base)
    assert found["lower"].isna().all()
    assert set(found["verdict"]) == {TOO_LITTLE}
