"""Past campaigns against their control groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns.incentives.membership import membership
from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED, DIFFERED, MISMATCH, balance
from crm_analytics.analyses.campaigns.measurement.campaign_arms import (
    FEW,
    NO_ARM,
    NOBODY,
    ONE_ARM,
    REPEATED,
    RUNNING,
    UNDATED,
    UNKNOWN,
    past_waves,
)
from crm_analytics.analyses.campaigns.measurement.evaluation import evaluate
from crm_analytics.analyses.campaigns.measurement.response import response
from crm_analytics.analyses.campaigns.measurement.treatment_effects import NO_EFFECT, TOO_LITTLE, differences
from crm_analytics.analyses.campaigns.measurement.uplift import by_segment, learn, with_segments
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.tables.customer_base import CustomerBase

DAY = pd.Timestamp("2026-06-30")
SENT = pd.Timestamp("2026-06-01")


def shop(
    seed: int, people: int = 300, lift: float = 0.0, campaigns: int = 1, share: float = 0.5
) -> dict[str, pd.DataFrame]:
    """Customers with rates of their own; a campaign every month adds `lift` orders to the treated."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 0.02, people)
    count = rng.poisson(rate * 300)
    who = np.repeat(np.arange(people), count)
    when = DAY - pd.to_timedelta(rng.integers(0, 300, len(who)), unit="D")
    rows, mails = [pd.DataFrame({"who": who, "when": when})], []
    for number in range(campaigns):
        sent = SENT - pd.Timedelta(days=30 * number)
        treated = rng.random(people) >= share
        won = np.flatnonzero(treated & (rng.random(people) < lift))
        rows.append(pd.DataFrame({"who": won, "when": sent + pd.Timedelta(days=5)}))
        arm = np.where(treated, "treated", "control")
        wave = {"campaign_id": f"w{number}", "who": np.arange(people), "treatment": arm, "sent_at": sent}
        mails.append(pd.DataFrame(wave))
    rows.append(pd.DataFrame({"who": [0], "when": [DAY]}))
    sales, members = pd.concat(rows), pd.concat(mails)
    ids = np.array([f"c{i:04d}" for i in range(people)])
    return {
        "transactions": pd.DataFrame(
            {
                "customer_id": ids[sales["who"]],
                "transaction_date": sales["when"].to_numpy(),
                "unit_spend": rng.gamma(2.0, 10.0, len(sales)).round(2),
            }
        ),
        "campaign_members": members.assign(customer_id=ids[members["who"]], cost=0.5).drop(columns="who"),
    }


def opened(tables: dict[str, pd.DataFrame]) -> CustomerBase:
    return CustomerBase.open(tables, today=DAY)


def pooled(base: CustomerBase, **told: float) -> pd.DataFrame:
    waves = past_waves(base, **told)
    return differences(base, waves.rows, waves.outcomes).set_index("outcome")


# -- the numbers ------------------------------------------------------------------------------------


def test_one_campaign_is_welch_s_difference_of_means() -> None:
    base = opened(shop(1, people=120))
    waves = past_waves(base)
    found = pooled(base).loc["spend"]
    rows = base.collect(waves.rows)
    a, b = (rows.loc[rows["treated"] == arm, "spend"] for arm in (1, 0))
    error = np.sqrt(a.var() / len(a) + b.var() / len(b))
    half = stats.t.ppf(0.975, min(len(a), len(b)) - 1) * error
    assert found["effect"] == pytest.approx(a.mean() - b.mean(), rel=1e-12)
    assert found["upper"] - found["lower"] == pytest.approx(2 * half, rel=1e-6)


def test_several_campaigns_are_a_regression_with_customers_as_clusters() -> None:
    base = opened(shop(2, people=80, campaigns=3, share=0.3))
    waves = past_waves(base)
    found = differences(base, waves.rows, {"orders": "orders_before"}, {"orders": 0.0}).iloc[0]
    rows = base.collect(waves.rows)
    cell = rows.groupby("campaign_id")[["orders", "treated"]].transform("mean")
    y, t = rows["orders"] - cell["orders"], rows["treated"] - cell["treated"]
    effect = (y * t).sum() / (t * t).sum()  # campaign effects taken out
    assert found["effect"] == pytest.approx(effect, rel=1e-12)
    arms = rows.groupby(["campaign_id", "treated"])["orders"]
    residual = (rows["orders"] - arms.transform("mean")) * np.sqrt(
        arms.transform("size") / (arms.transform("size") - 1)
    )
    meat = (residual * t / (t * t).sum()).groupby(rows["customer_id"]).sum()
    half = stats.t.ppf(0.975, rows.groupby("treated")["customer_id"].nunique().min() - 1)
    assert found["upper"] - found["effect"] == pytest.approx(half * np.sqrt((meat**2).sum()), rel=1e-5)


def test_the_planted_lift_is_recovered() -> None:
    found = pooled(opened(shop(3, people=1500, lift=0.15, campaigns=2))).loc["orders"]
    assert found["adjusted_lower"] < 0.15 < found["adjusted_upper"]
    assert found["verdict"] == "more"


def test_evaluation_recovers_planted_truth_of_the_company(demo_company, demo_company_folder) -> None:
    truth = pd.read_feather(demo_company_folder / "truth_customers.feather").set_index("customer_id")
    planted = pd.read_json(demo_company_folder / "truth.json", typ="series")["campaigns"]["lift"]
    found = evaluate(demo_company, learner=None)
    rows = demo_company.collect(found.waves.rows).join(truth, on="customer_id", suffixes=(None, "_true"))
    there = rows["bought"] & ~(rows["leaves_at"] < rows["sent_day"] + pd.Timedelta(days=7))
    rows["lift"] = rows["segment"].map(planted) * there
    orders = found.segments[found.segments["outcome"] == "orders"].set_index("segment")
    assert set(orders.index) == set(planted)
    expected = rows[rows["treated"] == 1].groupby("segment")["lift"].mean().reindex(orders.index)
    assert (orders["adjusted_lower"] < expected).all()
    assert (expected < orders["adjusted_upper"]).all()
    whole = found.effect("orders")
    assert whole["adjusted_lower"] < rows.loc[rows["treated"] == 1, "lift"].mean() < whole["adjusted_upper"]
    assert (found.balance["verdict"] == AS_PLANNED).all()
    assert whole["variance_reduction"] > 0.1
    assert found.warnings == []
    profit = found.profit.iloc[0]
    assert profit["total"] == pytest.approx(profit["each"] * profit["treated"])
    assert profit["each"] == found.effect("profit")["adjusted"]


@pytest.fixture(scope="module")
def drawn_again() -> tuple[CustomerBase, object]:
    """Customers of one shop in 300 draws of arms, each in two campaigns; nothing is done to the treated."""
    base = opened(shop(14, people=250))
    one = base.collect(past_waves(base).rows)[["customer_id", "orders", "orders_before"]]
    rng, parts = np.random.default_rng(15), []
    for draw in range(300):
        for name in ("first", "second"):
            arms = (rng.random(len(one)) < 0.6).astype("int64")
            parts.append(one.assign(draw=draw, campaign_id=name, treated=arms))
    return base, base.to_engine(pd.concat(parts))


def test_two_equal_arms_show_no_effect_in_95_of_100_draws(drawn_again) -> None:
    base, rows = drawn_again
    found = differences(base, rows, {"orders": "orders_before"}, by=("draw",))
    low, high = stats.binom.ppf([0.001, 0.999], len(found), 0.95)
    plain = ((found["lower"] <= 0) & (found["upper"] >= 0)).sum()
    assert low <= plain <= high
    assert low <= (found["verdict"] == NO_EFFECT).sum() <= high


def test_cuped_agrees_with_the_plain_difference_in_expectation_and_is_narrower(drawn_again) -> None:
    base, rows = drawn_again
    found = differences(base, rows, {"orders": "orders_before"}, by=("draw",))
    gap = found["adjusted"] - found["effect"]
    assert abs(gap.mean()) < 3 * gap.std() / np.sqrt(len(gap))
    assert gap.std() > 0
    assert found["adjusted"].std() < found["effect"].std()
    assert found["variance_reduction"].mean() > 0.1
    half = (found["adjusted_upper"] - found["adjusted_lower"]) / 2
    assert half.mean() == pytest.approx(1.97 * found["adjusted"].std(), rel=0.15)


def test_the_order_of_rows_changes_nothing() -> None:
    tables = shop(4, people=150, lift=0.1, campaigns=2)
    mixed = {name: frame.sample(frac=1, random_state=5) for name, frame in tables.items()}
    one, two = (past_waves(opened(t)) for t in (tables, mixed))
    for measure in (lambda w: differences(w.base, w.rows, w.outcomes), balance, response):
        pd.testing.assert_frame_equal(measure(one), measure(two), check_exact=True)


def test_rows_after_the_day_are_invisible() -> None:
    tables = shop(5, people=100, campaigns=2)
    late = tables["transactions"]["transaction_date"] > "2026-06-20"
    moved = tables["transactions"].assign(unit_spend=lambda t: t["unit_spend"].where(~late, 999.0))
    one, two = (
        pooled(opened(tables | {"transactions": sales}).as_of("2026-06-20"))
        for sales in (tables["transactions"], moved)
    )
    assert late.sum() > 10
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_profit_is_the_margin_less_the_contacts() -> None:
    base = opened(shop(6, lift=0.3))
    found = pooled(base, margin=0.4, contact_cost=2.0)["effect"]
    assert found["profit"] == pytest.approx(0.4 * found["spend"] - 2.0, abs=1e-4)
    assert "profit" not in past_waves(base).outcomes  # nothing tells the cost of goods


@pytest.mark.parametrize("level", [95, 0, 1.0, -0.5, float("nan"), "0.95"])
def test_a_level_outside_0_to_1_says_so_wherever_it_is_taken(level) -> None:
    base = opened(shop(6, lift=0.3))
    waves = past_waves(base)
    y, treated = [1, 0, 0, 0] * 20, [1, 0, 1, 0] * 20
    for asked in (
        lambda: evaluate(base, level=level),
        lambda: response(waves, level=level),
        lambda: campaigns.response_by_group(waves, base.customers.select("customer_id"), level=level),
        lambda: differences(base, waves.rows, waves.outcomes, level=level),
        lambda: by_segment(waves, with_segments(waves, None)[0], level=level),
        lambda: learn(waves, level=level),
        lambda: campaigns.qini(y, treated, y, level=level),
        lambda: campaigns.incentives(base, level=level),
        lambda: membership(base, level=level),
    ):
        with pytest.raises(ParameterError, match=r"level = .*: it must lie between 0 and 1"):
            asked()


def test_where_nothing_happened_no_effect_is_said_and_what_is_missing() -> None:
    tables = shop(6)
    sales = tables["transactions"]
    quiet = sales[(sales["transaction_date"] < SENT) | (sales["transaction_date"] == DAY)]
    found = evaluate(opened(tables | {"transactions": quiet}), window=10, learner=None)
    assert found.pooled["adjusted_lower"].isna().all()
    assert "no effect" not in found.sentence.lower()
    assert "nobody ordered" in found.sentence


def test_an_unknown_cost_of_contacts_is_no_profit_and_says_of_how_many_campaigns() -> None:
    tables = shop(6, campaigns=2)
    members = tables["campaign_members"]
    without = tables | {"campaign_members": members.drop(columns="cost")}
    waves = past_waves(opened(without), margin=0.4)
    assert "profit" not in waves.outcomes
    assert "margin" in waves.outcomes
    assert "the cost of a contact is not known" in waves.costs
    assert "for 2 of 2 campaigns" in waves.costs
    assert evaluate(opened(without), margin=0.4, learner=None).profit.empty
    assert "profit" in past_waves(opened(without), margin=0.4, contact_cost=0.0).outcomes
    one = members.assign(cost=members["cost"].where(members["campaign_id"] == "w0"))
    some = opened(tables | {"campaign_members": one})
    assert "for 1 of 2 campaigns" in past_waves(some, margin=0.4).costs
    assert "profit" in past_waves(some, "w0", margin=0.4).outcomes
    sent = members.assign(cost=members["cost"].where(members["treatment"] == "treated"))
    whole = opened(tables | {"campaign_members": sent})
    assert "as the members' table says" in past_waves(whole, margin=0.4).costs


# -- the arms ---------------------------------------------------------------------------------------


def test_balance_says_a_mismatch_and_a_difference_before() -> None:
    tables = shop(7, people=600, campaigns=3)
    members = tables["campaign_members"]
    lost = (members["campaign_id"] == "w1") & (members["treatment"] == "control") & (members.index % 2 > 0)
    bought = tables["transactions"].groupby("customer_id").size()
    best = members["customer_id"].map(bought).fillna(0) > bought.median()
    best &= np.random.default_rng(8).random(len(members)) < 0.8
    chosen = members["campaign_id"] == "w2"
    arm = members["treatment"].where(~chosen, np.where(best, "treated", "control"))
    told = {"campaign_members": members.assign(treatment=arm)[~lost]}
    found = balance(past_waves(opened(tables | told)), control_share=0.5).set_index("campaign_id")["verdict"]
    assert found["w0"] == AS_PLANNED
    assert found["w1"] == MISMATCH
    assert balance(past_waves(opened(tables | told)))["verdict"].tolist().count(DIFFERED) >= 1


# -- bad input --------------------------------------------------------------------------------------


def test_evaluation_says_what_is_missing() -> None:
    tables = shop(8)
    members = tables.pop("campaign_members")
    with pytest.raises(DataError, match="needs the table 'campaign_members'"):
        evaluate(opened(tables))
    base = opened(tables | {"campaign_members": members})
    with pytest.raises(DataError, match="no members of a campaign 'w10'; did you mean 'w0'"):
        evaluate(base, "w10")
    with pytest.raises(ParameterError, match=r"margin = .*: a share from 0 to 1"):
        evaluate(base, margin=40)
    with pytest.raises(ParameterError, match="control_share"):
        evaluate(base, control_share=20)


@pytest.mark.parametrize(
    ("treatment", "said"), [("treated", ONE_ARM), ("control", NOBODY), ("variant b", NO_ARM)]
)
def test_one_arm_alone_says_so(treatment: str, said: str) -> None:
    tables = shop(9)
    members = tables["campaign_members"].assign(treatment=treatment)
    with pytest.raises(NotEnoughData, match=said):
        evaluate(opened(tables | {"campaign_members": members}))


def test_a_window_that_is_not_over_is_left_out_and_said() -> None:
    base = opened(shop(10, campaigns=2)).as_of("2026-06-10")
    found = past_waves(base)
    assert found.campaigns["campaign_id"].tolist() == ["w1"]
    assert found.left_out["reason"].tolist() == [RUNNING]
    with pytest.raises(NotEnoughData, match=RUNNING):
        evaluate(base, "w0")


def test_members_who_cannot_be_placed_are_left_out_and_counted() -> None:
    tables = shop(11, people=200)
    members = tables["campaign_members"].copy()
    ids = members["customer_id"].unique()
    extra = members.iloc[:3].assign(
        treatment=np.where(members["treatment"][:3] == "treated", "control", "treated")
    )
    strange = members.iloc[:4].assign(customer_id=["x1", "x2", "x3", "x4"])
    small = members.iloc[:12].assign(campaign_id="tiny")
    undated = members.assign(campaign_id="undated", sent_at=None)
    told = {
        "campaign_members": pd.concat([members, extra, strange, small, undated]),
        "customers": pd.DataFrame({"customer_id": ids}),
    }
    found = past_waves(opened(tables | told))
    gone = found.left_out.groupby("reason")["members"].sum()
    assert gone.to_dict() == {REPEATED: 3, UNKNOWN: 4, UNDATED: 200, FEW: 12}
    assert found.campaigns["campaign_id"].tolist() == ["w0"]
    assert found.campaigns[["treated", "control"]].sum(axis=1).item() == 197


def test_controls_without_a_time_start_with_their_campaign() -> None:
    tables = shop(12, people=200, lift=0.3)
    members = tables["campaign_members"]
    blank = members.assign(sent_at=members["sent_at"].where(members["treatment"] == "treated"))
    whole, part = (pooled(opened(tables | {"campaign_members": m})) for m in (members, blank))
    pd.testing.assert_frame_equal(whole, part)
    plan = pd.DataFrame(
        {"campaign_id": ["w0"], "start_date": [SENT], "end_date": [SENT + pd.Timedelta("20D")]}
    )
    none = {"campaign_members": members.drop(columns="sent_at"), "campaigns": plan}
    assert past_waves(opened(tables | none)).campaigns["window_days"].item() == 20


def test_no_purchase_in_the_window_says_too_little_happened() -> None:
    tables = shop(13, people=100)
    sales = tables["transactions"]
    quiet = sales[(sales["transaction_date"] < SENT) | (sales["transaction_date"] == DAY)]
    found = pooled(opened(tables | {"transactions": quiet}))
    assert (found["verdict"] == TOO_LITTLE).all()
    assert found["lower"].isna().all()
