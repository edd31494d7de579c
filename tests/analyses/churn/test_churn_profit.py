"""Profit of contacting the customers most likely to leave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.churn.measures import profit
from crm_analytics.analyses.churn.measures.measures import top_decile_lift
from crm_analytics.analyses.churn.measures.profit import profit_curve
from crm_analytics.errors import NotEnoughData, ParameterError

TERMS = {"value": 120.0, "contact_cost": 2.0, "incentive_cost": 15.0, "success": 0.3}


def base(n: int = 1500, seed: int = 4, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(1, 4, n), digits)
    return (rng.random(n) < p).astype(int), p


def test_profit_matches_equation_1_of_neslin_2006() -> None:
    y, p = base()
    lift, b = top_decile_lift(y, p).value, y.mean()
    n, a, g, v, d, c, fixed = 50_000, 0.1, 0.3, 120.0, 15.0, 2.0, 900.0
    expected = n * a * ((g * v + d * (1 - g)) * b * lift - d - c) - fixed
    curve = profit_curve(y, p, **TERMS, fixed_cost=fixed, customers=n, shares=[0, a])
    assert curve.table["profit"].iloc[1] == pytest.approx(expected, rel=1e-12)
    assert curve.table["lift"].iloc[1] == pytest.approx(lift, rel=1e-12)
    assert curve.table["profit"].iloc[0] == 0  # no campaign costs nothing, not even its fixed cost
    assert curve.table["customers"].iloc[1] == 5000


def test_a_worth_for_each_customer_is_their_sum() -> None:
    y, p = base(300)
    worth = np.arange(300.0)
    curve = profit_curve(y, p, worth, 1, 5, success=0.5, shares=[1.0])
    assert curve.table["profit"].iloc[0] == pytest.approx(
        (y * (0.5 * worth + 2.5)).sum() - 300 * 6, rel=1e-12
    )


def test_by_another_order_contacts_others_first() -> None:
    y, p = base(300)
    worth = np.linspace(0, 1000, 300)
    plain = profit_curve(y, p, worth, 1, 5, success=0.5, shares=[0.1])
    dearer = profit_curve(y, p, worth, 1, 5, success=0.5, shares=[0.1], by=p * worth)
    assert dearer.table["profit"].iloc[0] > plain.table["profit"].iloc[0]


@pytest.mark.parametrize("size", [400, 5000])
def test_order_of_rows_does_not_matter(size: int) -> None:
    y, p = base(size)
    worth = np.random.default_rng(0).gamma(2, 50, size)
    order = np.random.default_rng(1).permutation(size)
    one = profit_curve(y, p, worth, 1.0, 5.0, success=0.5)
    two = profit_curve(y[order], p[order], worth[order], 1.0, 5.0, success=0.5)
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    assert one.optimism == two.optimism


def test_intervals_cover_the_truth() -> None:
    truth = (
        profit_curve(*base(200_000, 99), **TERMS, shares=[0.2], draws=2, customers=100)
        .table["profit"]
        .iloc[0]
    )
    covered = 0
    for i in range(60):
        row = profit_curve(*base(500, i), **TERMS, shares=[0.2], level=0.9, customers=100, seed=i).table.iloc[
            0
        ]
        covered += row["lower"] <= truth <= row["upper"]
    assert 47 <= covered <= 59  # 54 expected; outside once in some 300 runs


def test_large_bases_resample_groups_and_find_the_same_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = base(4000)
    terms = {
        **TERMS,
        "value": np.random.default_rng(0).gamma(1, 100, 4000),
        "shares": [0.1, 0.4],
        "draws": 600,
    }
    monkeypatch.setattr(profit, "CELLS", 4000)
    whole = profit_curve(y, p, **terms).table
    monkeypatch.setattr(profit, "CELLS", 500)
    groups = profit_curve(y, p, **terms).table
    spread = (whole["upper"] - whole["lower"]).to_numpy()
    assert (groups["upper"] - groups["lower"]).to_numpy() == pytest.approx(spread, rel=0.15)
    assert groups["profit"].tolist() == whole["profit"].tolist()


def test_chance_does_not_pay() -> None:
    """Scores that know nothing, costs that eat the gain: some share looks best, but does not pay."""
    rng = np.random.default_rng(8)
    y, p = rng.random(600) < 0.2, rng.random(600)
    curve = profit_curve(y, p, value=100, contact_cost=4.8, incentive_cost=0, success=0.24)
    assert curve.best["profit"] > 0
    assert curve.optimism > 0
    assert not curve.pays


def test_bad_input_says_what_is_wrong() -> None:
    y, p = base(50)
    with pytest.raises(ParameterError, match="contact_cost must be 0 or more, got -1"):
        profit_curve(y, p, 100, -1, 5, success=0.5)
    with pytest.raises(ParameterError, match="success is the share"):
        profit_curve(y, p, 100, 1, 5, success=50)
    with pytest.raises(ParameterError, match="3 for 50 customers"):
        profit_curve(y, p, [1, 2, 3], 1, 5, success=0.5)
    with pytest.raises(ParameterError, match="value is missing"):
        profit_curve(y, p, np.nan, 1, 5, success=0.5)
    with pytest.raises(ParameterError, match="shares contacted"):
        profit_curve(y, p, 100, 1, 5, success=0.5, shares=[10])
    with pytest.raises(NotEnoughData, match="a profit curve needs at least 1 customers who left"):
        profit_curve([0, 0], [0.1, 0.2], 100, 1, 5, success=0.5)


def test_words_tell_the_assumptions() -> None:
    said = profit_curve(*base(50), **TERMS).words
    assert said.startswith(
        "2 a contact, 15 an incentive taken; 30% of the would-be leavers contacted are kept"
    )
