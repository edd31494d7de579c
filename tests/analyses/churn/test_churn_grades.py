"""Grades and minimums."""

from __future__ import annotations

import pytest

from crm_analytics.analyses.churn.measures.grades import MINIMUMS, grade
from crm_analytics.errors import NotEnoughData, ParameterError

# ten leavers, ten stayers: six leavers and three stayers lie above .5
Y = [1] * 10 + [0] * 10
P = [0.9] * 6 + [0.2] * 4 + [0.8] * 3 + [0.1] * 7


@pytest.mark.parametrize(
    ("baseline", "letter"), [(0.5, "A"), (0.51, "B"), (0.59, "B"), (0.6, "C"), (0.7, "C")]
)
def test_grades_follow_the_published_rule(baseline: float, letter: str) -> None:
    found = grade(Y, P, baseline)
    assert (found.letter, str(found)) == (letter, letter)
    assert (found.accuracy, found.churner_accuracy, found.called) == (13 / 20, 0.6, 0.45)


def test_less_than_half_right_is_a_c_however_many_leavers_are_called() -> None:
    found = grade([1] + [0] * 9, [0.9] * 10, 0.1)
    assert (found.letter, found.accuracy, found.churner_accuracy) == ("C", 0.1, 1.0)


def test_calling_as_many_as_the_rule_takes_the_gain_of_calling_everybody_away() -> None:
    """A score that knows nothing, with nine in ten leaving."""
    y = [1] * 90 + [0] * 10
    assert grade(y, [0.9] * 100, 0.6).churner_accuracy == 1
    assert grade(y, [0.9] * 100, 0.6).letter == "C"  # an A by the published rule, and no better than chance
    found = grade(y, [0.9] * 100, 0.6, called=0.6)
    assert found.letter == "C"
    assert found.churner_accuracy == pytest.approx(0.6, rel=1e-12)
    assert found.accuracy == pytest.approx((54 + 4) / 100, rel=1e-12)


def test_score_without_an_interval_above_chance_is_a_c() -> None:
    """Three leavers of five called rightly, the rule one: ahead, and chance is within the interval."""
    y, p = [1] * 5 + [0] * 5, [0.9] * 3 + [0.1] * 2 + [0.9] * 2 + [0.1] * 3
    assert grade(y, p, 0.2).letter == "C"
    assert grade(y * 40, p * 40, 0.2).letter == "A"


def test_words_say_the_points() -> None:
    assert "60% of the 10 who left were called, 10 points more than" in grade(Y, P, 0.5).words
    assert "10 points fewer than" in grade(Y, P, 0.7).words
    assert "as many as by the recency rule (60%)" in grade(Y, P, 0.6).words
    assert grade(Y, P, 0.599).words.startswith("B: ")  # a B is never called equal
    assert "hardly more than by the recency rule (60%)" in grade(Y, P, 0.599).words


def test_bad_input_says_what_is_wrong() -> None:
    with pytest.raises(NotEnoughData, match="a grade needs at least 1 customers who left"):
        grade([0, 0], [0.1, 0.2], 0.5)
    with pytest.raises(ParameterError, match="baseline_accuracy is a share"):
        grade(Y, P, 50)
    with pytest.raises(ParameterError, match="called is a share"):
        grade(Y, P, 0.5, called=-1)


def test_minimums_say_what_is_missing() -> None:
    fine = {"customers": 500, "history_days": 360, "window": 180, "active_share": 0.5, "missing_share": 0.19}
    assert MINIMUMS.unmet(**fine) == ()
    assert MINIMUMS.unmet(**fine, contracts=True) == ("500 contracts, at least 1,000 are needed",)
    poor = {"customers": 499, "history_days": 359, "window": 180, "active_share": 0.49, "missing_share": 0.2}
    assert len(MINIMUMS.unmet(**poor)) == 4
