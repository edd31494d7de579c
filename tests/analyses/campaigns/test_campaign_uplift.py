"""Who is moved by a campaign: Qini curves and the T-learner."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves, past_waves
from crm_analytics.analyses.campaigns.measurement.qini import qini
from crm_analytics.analyses.campaigns.measurement.uplift import (
    NEVER,
    by_segment,
    cross_fitted,
    learn,
    unpredicted,
    with_segments,
)
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.tables.customer_base import CustomerBase


def trial(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A past, an arm and an outcome: the campaign moves those with x > 0, and only those."""
    rng = np.random.default_rng(seed)
    x, treated = rng.normal(size=n), (rng.random(n) < 0.7).astype(float)
    bought = rng.random(n) < 0.2 + 0.3 * treated * (x > 0)
    return x, treated, bought.astype(float)


# -- Qini -------------------------------------------------------------------------------------------


def test_the_curve_ends_at_the_difference_of_the_arms() -> None:
    x, treated, y = trial(1)
    found = qini(y, treated, x, draws=20)
    whole = y[treated == 1].mean() - y[treated == 0].mean()
    assert found.curve["gained"].iloc[-1] == pytest.approx(whole, rel=1e-12)
    assert found.curve["gained"].iloc[0] == 0
    assert found.auuc - found.coefficient == pytest.approx(whole / 2, rel=1e-12)


def test_qini_recovers_planted_truth() -> None:
    x, treated, y = trial(2, 20_000)
    found = qini(y, treated, x, draws=100)
    # half are moved by .3: the curve rises to .15 at one half and stays, the blind one is straight
    assert found.lower < 0.15 * 0.75 - 0.15 / 2 < found.upper
    assert found.is_clear
    assert qini(y, treated, -x, draws=20).upper < 0


def test_qini_of_a_random_score_is_nothing_but_noise() -> None:
    _, treated, y = trial(3, 2000)
    rng = np.random.default_rng(4)
    found = [qini(y, treated, rng.random(len(y)), draws=40, seed=k) for k in range(40)]
    values = np.array([f.coefficient for f in found])
    assert abs(values.mean()) < 4 * values.std(ddof=1) / np.sqrt(len(values))
    held = sum(f.lower <= 0 <= f.upper for f in found)
    assert held >= 32  # of 40 at 95 %: fewer comes once in ten thousand times
    assert qini(y, treated, np.ones(len(y)), draws=5).coefficient == pytest.approx(0, abs=1e-12)


def test_order_and_ties_change_nothing() -> None:
    x, treated, y = trial(5, 500)
    score, who = np.round(x), np.arange(500) % 200
    mixed = np.random.default_rng(6).permutation(500)
    one = qini(y, treated, score, who, draws=20)
    two = qini(y[mixed], treated[mixed], score[mixed], who[mixed], draws=20)
    pd.testing.assert_frame_equal(one.curve, two.curve, check_exact=True)
    assert (one.coefficient, one.lower, one.upper) == (two.coefficient, two.lower, two.upper)


def test_scores_equal_but_for_their_rounding_are_ties() -> None:
    rng = np.random.default_rng(0)
    treated, outcome = rng.integers(0, 2, 4_000), rng.normal(size=4_000) + 1
    rounded = np.where(treated == 1, 0.3 - 0.1, 0.2)
    assert len(set(rounded)) == 2
    for scale in (1.0, 1e-9, 1e9):
        assert qini(outcome, treated, rounded * scale, draws=20).coefficient == pytest.approx(0, abs=1e-12)


def test_a_customer_in_several_campaigns_is_resampled_as_one() -> None:
    x, treated, y = trial(7, 400)
    four = [np.tile(v, 4) for v in (y, treated, x)]
    alone = qini(y, treated, x, draws=200)
    together = qini(*four, np.tile(np.arange(400), 4), draws=200)
    apart = qini(*four, draws=200)
    width = [f.upper - f.lower for f in (alone, together, apart)]
    assert width[1] == pytest.approx(width[0], rel=1e-9)
    assert width[2] < 0.7 * width[0]


def test_qini_says_what_is_wrong() -> None:
    with pytest.raises(ParameterError, match="equal length"):
        qini([1, 0], [1, 0, 1], [0.1, 0.2])
    with pytest.raises(ParameterError, match="0 or 1"):
        qini([1, 0], [1, 2], [0.1, 0.2])
    with pytest.raises(ParameterError, match="missing"):
        qini([1, np.nan], [1, 0], [0.1, 0.2])
    with pytest.raises(NotEnoughData, match="2 members an arm"):
        qini([1, 0, 1], [1, 0, 1], [0.1, 0.2, 0.3])


# -- the T-learner ----------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", ["linear", pytest.param("gradient boosting", marks=pytest.mark.slow)])
def test_the_learner_finds_who_is_moved_among_customers_not_seen(learner: str) -> None:
    x, treated, y = trial(8)
    who = np.array([f"c{i}" for i in range(len(x))], dtype=object)
    past = np.column_stack([x, np.random.default_rng(9).normal(size=len(x))])
    score = cross_fitted(past, y, treated, who, learner=learner)
    found = qini(y, treated, score, draws=50)
    assert found.is_clear
    assert score[x > 0].mean() - score[x <= 0].mean() > 0.15


def test_no_member_is_scored_by_a_model_that_saw_the_customer() -> None:
    x, treated, y = trial(10, 600)
    who = np.array([f"c{i // 3}" for i in range(600)], dtype=object)
    before = cross_fitted(x[:, None], y, treated, who)
    told = np.where(who == "c0", 1000.0, y)
    after = cross_fitted(x[:, None], told, treated, who)
    assert (before == after)[who == "c0"].all()
    assert (before != after).any()


def test_taking_away_the_past_leaves_the_difference_of_the_arms_and_less_noise() -> None:
    gaps = []
    for seed in range(20):
        x, treated, y = trial(100 + seed, 500)
        y += 2 * x  # most of the outcome was predicted
        who = np.array([f"c{i}" for i in range(500)], dtype=object)
        rest = unpredicted(x[:, None], y, who)
        gaps.append([v[treated == 1].mean() - v[treated == 0].mean() for v in (y, rest)])
    plain, sharper = np.array(gaps).T
    assert abs((plain - sharper).mean()) < 3 * (plain - sharper).std(ddof=1) / np.sqrt(len(plain))
    assert sharper.std() < 0.5 * plain.std()
    assert sharper.mean() == pytest.approx(0.15, abs=0.03)


@pytest.fixture(scope="module")
def waves(demo_company: CustomerBase) -> Waves:
    return past_waves(demo_company)


def test_uplift_of_the_company_is_told_with_its_intervals(waves: Waves) -> None:
    rows, told = with_segments(waves)
    assert told.startswith("needs_segment")
    found = learn(waves, rows, draws=50)
    assert found.qini.lower <= found.qini.coefficient <= found.qini.upper
    assert found.qini.members == waves.campaigns[["treated", "control"]].to_numpy().sum()
    assert found.deciles["members"].sum() == found.qini.members
    assert found.profit is not None
    assert ("beats contacting blindly." in found.sentence) or ("No ranking" in found.sentence)
    half = learn(waves, rows, sample=10_000, draws=5)
    assert 5_000 < half.qini.members <= 10_500


def test_segments_hold_together_and_are_corrected_for_their_number(waves: Waves) -> None:
    rows, told = with_segments(waves, waves.base.tables["customers"].select("customer_id", segment="country"))
    assert told == "segments as given"
    found = by_segment(waves, rows)
    alone = found[found["outcome"] == "orders"].set_index("segment")
    whole = waves.campaigns["treated"].sum()  # less campaigns in which a country has one in an arm
    assert 0.99 * whole < alone["treated"].sum() <= whole
    many, single = len(alone), by_segment(waves, rows.filter(rows.segment == alone.index[0]))
    one = single[single["outcome"] == "orders"].iloc[0]
    first = alone.iloc[0]
    assert first["p"] == pytest.approx(min(1.0, many * one["p"]))
    assert first["adjusted_upper"] - first["adjusted"] > one["adjusted_upper"] - one["adjusted"]
    assert first["adjusted"] == pytest.approx(one["adjusted"])


def test_uplift_says_what_is_missing(waves: Waves) -> None:
    with pytest.raises(DataError, match="no column 'need_segment'; did you mean 'needs_segment'"):
        with_segments(waves, "need_segment")
    with pytest.raises(ParameterError, match="learner 'forest'"):
        learn(waves, learner="forest")
    with pytest.raises(ParameterError, match="outcome 'order' is not known here; did you mean 'orders'"):
        learn(waves, outcome="order")
    few = waves.rows.filter(waves.rows.campaign_id == "C001")
    with pytest.raises(NotEnoughData, match="uplift needs at least 200 members in each arm"):
        learn(waves, few)


def test_without_segments_the_past_makes_them() -> None:
    ids = [f"c{i:03d}" for i in range(60)]
    sales = pd.DataFrame({"customer_id": ids[:40] + ids[:20], "unit_spend": 5.0})
    sales["transaction_date"] = ["2026-01-01"] * 40 + ["2026-05-30"] * 20
    members = pd.DataFrame({"campaign_id": "w", "customer_id": ids, "treatment": ["treated", "control"] * 30})
    base = CustomerBase.open(
        {"transactions": sales, "campaign_members": members.assign(sent_at="2026-05-01")}, today="2026-06-01"
    )
    rows, told = with_segments(past_waves(base))
    counted = base.collect(rows.group_by("segment").aggregate(n=rows.count())).set_index("segment")["n"]
    assert told == "purchases before the sending"
    assert counted.to_dict() == {NEVER: 20, "bought once": 40}
