"""Kaplan-Meier curves against published values and their own laws."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses.kaplan_meier import (
    conditional,
    kaplan_meier,
    survival_at,
    time_when,
)
from crm_analytics.errors import NotEnoughData, ParameterError

# Freireich et al. (1963), weeks in remission under 6-MP; observed: relapse
WEEKS = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
RELAPSE = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])


def test_curve_matches_freireich_6mp() -> None:
    curve = kaplan_meier(WEEKS, RELAPSE)
    steps = curve[curve["events"] > 0]
    assert steps["time"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert steps["survival"].round(4).tolist() == [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert steps["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve["time"].iloc[-1] == 35  # the longest was censored: the curve says how far it knows


def test_intervals_match_freireich_6mp() -> None:
    # Collett (2015), Greenwood's standard errors of the 6-MP arm: .0764 at 6 weeks, .1346 at 23
    plain = kaplan_meier(WEEKS, RELAPSE, scale="plain")
    error = (plain["survival"] - plain["lower"]) / 1.959963984540054
    assert error.round(4).iloc[[0, 6]].tolist() == [0.0764, 0.1346]
    log = kaplan_meier(WEEKS, RELAPSE)
    assert log[["lower", "upper"]].round(3).iloc[6].tolist() == [0.188, 0.680]


def test_median_matches_freireich_6mp() -> None:
    median, lower, upper = time_when(kaplan_meier(WEEKS, RELAPSE))
    assert (median, lower) == (23, 13)
    assert np.isnan(upper)  # it has not come down so far


def test_counts_are_rows_and_their_order_plays_no_part() -> None:
    rows = kaplan_meier(WEEKS, RELAPSE)
    mixed = np.random.default_rng(3).permutation(len(WEEKS))
    assert kaplan_meier(WEEKS[mixed], RELAPSE[mixed]).equals(rows)
    pairs, counts = np.unique(np.column_stack([WEEKS, RELAPSE]), axis=0, return_counts=True)
    assert kaplan_meier(pairs[:, 0], pairs[:, 1], counts).equals(rows)
    twice = kaplan_meier(WEEKS, RELAPSE, np.full(len(WEEKS), 2))
    assert np.allclose(twice["survival"], rows["survival"], atol=1e-15)
    assert (twice["upper"] - twice["lower"] < rows["upper"] - rows["lower"]).all()


def test_without_censoring_the_curve_is_the_share_still_there() -> None:
    drawn = np.random.default_rng(5).integers(1, 40, 500)
    curve = kaplan_meier(drawn, np.ones(500))
    assert np.allclose(curve["survival"], [(drawn > t).mean() for t in curve["time"]], atol=1e-12)
    assert curve["survival"].is_monotonic_decreasing
    assert (curve["lower"] <= curve["survival"]).all()
    assert (curve["survival"] <= curve["upper"]).all()


def test_conditional_survival_is_the_ratio_of_the_curve_and_that_of_the_survivors() -> None:
    curve = kaplan_meier(WEEKS, RELAPSE)
    found = conditional(curve, 10, [0, 6, 13])
    at = survival_at(curve, [10, 10, 16, 23])["survival"].to_numpy()
    assert np.allclose(found["survival"], at[1:] / at[0], atol=1e-15)
    later = WEEKS > 10
    own = survival_at(kaplan_meier(WEEKS[later] - 10, RELAPSE[later]), [0, 6, 13])
    assert np.allclose(found, own, atol=1e-12)


def test_interval_of_the_curve_covers_a_planted_survival() -> None:
    rng, inside = np.random.default_rng(11), 0
    for _ in range(400):
        event, end = rng.exponential(10, 60), rng.uniform(0, 25, 60)
        curve = kaplan_meier(np.minimum(event, end), event <= end)
        low, high = survival_at(curve, [8])[["lower", "upper"]].to_numpy()[0]
        inside += low <= np.exp(-0.8) <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_nobody_ends_and_everybody_ends_still_have_an_interval() -> None:
    none = kaplan_meier([5, 8, 9], [0, 0, 0])
    assert none["survival"].tolist() == [1.0]
    assert 0 < none["lower"].iloc[0] < 1
    both = kaplan_meier([4, 4], [1, 1])
    assert both["survival"].tolist() == [0.0]
    assert 0 < both["upper"].iloc[0] < 1


def test_bad_input_says_what_is_wrong() -> None:
    with pytest.raises(ParameterError, match="0 or more"):
        kaplan_meier([-1], [1])
    with pytest.raises(ParameterError, match="differ"):
        kaplan_meier([1, 2], [1])
    with pytest.raises(ParameterError, match="observed is True"):
        kaplan_meier([1.0], [np.nan])
    with pytest.raises(NotEnoughData, match="survival curve"):
        kaplan_meier([], [])
    with pytest.raises(NotEnoughData, match="after 40"):
        conditional(kaplan_meier(WEEKS, RELAPSE), 40, [1])
