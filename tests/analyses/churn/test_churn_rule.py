"""The recency rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.churn.model.recency_rule import recency_rule
from crm_analytics.errors import NotEnoughData, ParameterError


def base(n: int = 4000, cut: int = 91) -> tuple[np.ndarray, np.ndarray]:
    """Of those without a purchase for `cut` days 80 % leave, of the others 10 %."""
    rng = np.random.default_rng(2)
    days = rng.integers(0, 400, n)
    return days, rng.random(n) < np.where(days >= cut, 0.8, 0.1)


def test_rule_recovers_planted_truth() -> None:
    days, left = base()
    rule = recency_rule(days, left, window=365)
    assert rule.cuts["cut_days"].tolist() == [365, 182, 91, 45, 22, 11]
    assert rule.cut_days == 91
    assert rule.words == "no purchase for 91 days or more"
    expected = rule.probability([10, 90, 91, 364, 900])
    assert expected == pytest.approx([0.1, 0.1, 0.8, 0.8, 0.8], abs=0.05)
    assert rule.churner_accuracy == (left & (days >= 91)).sum() / left.sum()
    assert rule.leaves([90, 91]).tolist() == [False, True]


def test_chance_to_leave_never_falls_with_the_days_and_lies_inside_0_and_1() -> None:
    rng = np.random.default_rng(5)
    days, left = rng.integers(0, 400, 300), rng.random(300) < 0.5
    rule = recency_rule(days, left, window=720)
    p = rule.probability(np.arange(900))
    assert (np.diff(p) >= 0).all()
    assert 0 < p.min() <= p.max() < 1


def test_order_of_rows_does_not_matter() -> None:
    days, left = base(500)
    order = np.random.default_rng(0).permutation(500)
    one, two = recency_rule(days, left, 365), recency_rule(days[order], left[order], 365)
    pd.testing.assert_frame_equal(one.cuts, two.cuts, check_exact=True)
    pd.testing.assert_frame_equal(one.bands, two.bands, check_exact=True)


@pytest.mark.parametrize(
    ("window", "cuts"), [(59, [59, 29, 14, 7]), (30, [30, 15, 7]), (10, [10, 5]), (2, [2, 1]), (1, [1])]
)
def test_every_window_of_two_days_or_more_has_a_cut_below_it(window: int, cuts: list[int]) -> None:
    """Whoever is still here bought within the window, so that the window itself calls none of them."""
    assert recency_rule([1, 2, 30, 40], [0, 0, 1, 1], window).cuts["cut_days"].tolist() == cuts


def test_bad_input_says_what_is_wrong() -> None:
    with pytest.raises(NotEnoughData, match="customers who left"):
        recency_rule([1, 2], [0, 0], 30)
    with pytest.raises(NotEnoughData, match="customers who stayed"):
        recency_rule([1, 2], [1, 1], 30)
    with pytest.raises(ParameterError, match="each 0 or more"):
        recency_rule([1, -2], [0, 1], 30)
    with pytest.raises(ParameterError, match="each 0 or more"):
        recency_rule([1, None], [0, 1], 30)
    with pytest.raises(ParameterError, match="3 days and 2 labels"):
        recency_rule([1, 2, 3], [0, 1], 30)
    with pytest.raises(ParameterError, match="window must be 1 day or more"):
        recency_rule([1, 2], [0, 1], 0)
