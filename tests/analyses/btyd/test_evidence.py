"""Forecast against holdout: the published bands, totals and tracking of CDNOW."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import NotEnoughData, ParameterError


@pytest.fixture(scope="module")
def of_bg(past, future):
    return btyd.evidence(past, future, btyd.BetaGeo)


@pytest.fixture(scope="module")
def of_mbg(past, future):
    return btyd.evidence(past, future, btyd.ModifiedBetaGeo)


def test_bands_match_btyd_vignette(of_bg):
    """Half a unit where BTYD's search stops (test_btyd_vignette); at the optimum 4 and 7+ are 3e-5 away."""
    actual = [0.2367, 0.6970, 1.3925, 1.5600, 2.5323, 2.9474, 3.8621, 6.3594]
    expected = [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]
    assert of_bg.bands["band"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert of_bg.bands["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    np.testing.assert_allclose(of_bg.bands["actual"], actual, atol=5.1e-5)
    away = np.abs(of_bg.bands["expected"] - expected)
    assert (away < np.maximum(5e-5, 3.5e-5 * np.array(expected))).all()


def test_mbgnbd_bands_match_clv_section_3_5(of_mbg):
    expected = [0.1852, 0.5514, 1.0490, 1.4929, 2.1043, 2.5636, 3.3608, 5.8485]
    np.testing.assert_allclose(of_mbg.bands["expected"], expected, atol=5.1e-5)


def test_totals_and_errors_match_clv_section_3_5(of_bg, of_mbg):
    assert of_bg.actual == of_mbg.actual == 1_882
    assert of_bg.total.mean == pytest.approx(1653.41, abs=0.005)
    assert of_mbg.total.mean == pytest.approx(1576.73, abs=0.005)
    assert (of_bg.correlation, of_mbg.correlation) == pytest.approx((0.6256, 0.6273), abs=5.1e-5)
    assert (of_bg.mean_absolute_error, of_mbg.mean_absolute_error) == pytest.approx(
        (0.7855, 0.7648), abs=5.1e-5
    )
    errors = (of_bg.root_mean_squared_error, of_mbg.root_mean_squared_error)
    assert errors == pytest.approx((1.6080, 1.6072), abs=5.1e-5)
    assert not of_bg.covered
    assert not of_mbg.covered
    assert of_bg.new_customers == 0
    assert of_bg.t == 39


def test_tracking_matches_btyd_weeks_20_to_25(of_bg):
    """Half a unit where BTYD's search stops (test_btyd_vignette)."""
    weeks = of_bg.tracking.set_index("period").loc[20:25]
    assert weeks["actual"].tolist() == [73, 55, 70, 33, 56, 99]
    printed = [76.865, 74.888, 73.046, 71.322, 69.704, 68.182]
    np.testing.assert_allclose(weeks["expected"], printed, atol=1e-3, rtol=0)
    assert weeks["cumulative_actual"].iloc[[0, -1]].tolist() == [1359, 1672]
    assert weeks["cumulative_expected"].iloc[[0, -1]].tolist() == pytest.approx([1312.458, 1669.6], abs=2e-3)


def test_tracking_ends_where_the_holdout_ends(of_bg, future):
    tracking = of_bg.tracking
    assert len(tracking) == 78
    assert tracking["day"].iloc[-1] == future.day
    assert tracking["cumulative_actual"].iloc[[38, 77]].tolist() == [2457, 4339]
    assert tracking["holdout"].sum() == 39
    assert (np.diff(tracking["cumulative_expected"]) > 0).all()


@pytest.mark.parametrize(("which", "in_sample", "at_end"), [("bg", 2494.0, 4160.6), ("mbg", 2475.6, 4050.0)])
def test_cumulative_repeats_match_clv_section_3_5(summary, which, in_sample, at_end, request):
    """Counted from each customer's own T, a day less than BTYD's calendar weeks."""
    model = request.getfixturevalue(which)
    T, n = summary.cells["T"].to_numpy(), summary.cells["customers"].to_numpy()
    assert model.expected_purchases_new(T) @ n == pytest.approx(in_sample, abs=0.05)
    assert model.expected_purchases_new(T + 39) @ n == pytest.approx(at_end, abs=0.05)


def test_baselines_are_what_they_say(past, summary, of_bg):
    simple = btyd.baselines(past, 39, "W").set_index("baseline")["forecast"]
    # all 2,457 repeats fall in the 38.9 weeks there are
    assert simple["last period repeated"] == pytest.approx(2457 * 39 / (272 / 7))
    n, T = summary.cells["customers"], summary.cells["T"]
    assert simple["average rate"] == pytest.approx(2457 / (n @ T) * 2357 * 39)
    assert of_bg.baselines["baseline"].tolist() == ["last period repeated", "average rate", "BG/NBD"]
    assert of_bg.baselines["error"].tolist() == pytest.approx([0.3103, 0.5563, -0.1215], abs=5e-5)
    recent = btyd.baselines(past, 2, "W").set_index("baseline")["forecast"]["last period repeated"]
    lines = past.collect(past.occasions)
    ordered = lines.sort_values(["customer_id", "day"])
    repeats = ordered[ordered.duplicated("customer_id")]
    assert recent == (repeats["day"] > "1997-09-16").sum()
    assert len(repeats) == 2457


def test_a_fitted_model_is_taken_as_it_is(past, future, mbg, of_mbg):
    again = btyd.evidence(past, future, mbg)
    assert again.model is mbg
    assert again.total == of_mbg.total


def test_holdout_must_begin_where_the_past_ends(cdnow, past):
    with pytest.raises(ParameterError, match="must begin where the past ends: past ends 1997-09-30"):
        btyd.evidence(past, cdnow.between("1997-12-31", "1998-06-30"))


def test_too_few_customers_say_how_many_are_needed(cdnow):
    first = cdnow.as_of("1997-01-01")
    with pytest.raises(NotEnoughData, match="BG/NBD needs at least 100 customers"):
        btyd.evidence(first, cdnow.between("1997-01-01", "1997-03-01"))
