"""Calibration tables, Gini and lift; the in-sample histogram of the paper; Pareto/NBD's weekly tracking."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks import calibration
from crm_analytics.analyses.btyd.checks.ranking_curve import ranking_of
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.forecasts.holdout import held_out
from crm_analytics.analyses.btyd.forecasts.purchase_probability import equal_groups
from crm_analytics.errors import ParameterError


@pytest.fixture(scope="module")
def pareto(summary):
    return btyd.ParetoNBD.fit(summary)


@pytest.fixture(scope="module")
def found(past, future, summary, bg):
    return btyd.calibrate(past, future, bg, summary=summary, draws=400)


# --- clv.md 3.5 ---------------------------------------------------------------------------------------------


def test_in_sample_counts_match_fader_hardie_lee_2005(summary, bg):
    counts = btyd.frequency_counts(summary, bg)
    assert counts.table["actual"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    printed = [1407.68, 460.32, 192.46, 101.16, 59.85, 38.12, 25.55, 71.85]
    np.testing.assert_allclose(counts.table["expected"], printed, atol=0.0051)
    assert counts.chi_square == pytest.approx(4.821, abs=5e-4)
    assert counts.degrees == 3
    assert counts.p == pytest.approx(stats.chi2.sf(4.821, 3), abs=1e-4)


def test_holdout_by_frequency_matches_clv_section_3_5(found):
    table = found.by_frequency
    assert table["group"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    actual = [0.2367, 0.6970, 1.3925, 1.5600, 2.5323, 2.9474, 3.8621, 6.3594]
    predicted = [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]
    np.testing.assert_allclose(table["actual"] / table["customers"], actual, atol=5.1e-5)
    np.testing.assert_allclose(table["predicted"] / table["customers"], predicted, atol=2.5e-4)


def test_pareto_tracking_matches_btyd_weeks_20_to_25(past, future, pareto):
    of_pareto = btyd.evidence(past, future, pareto, draws=100)
    weeks = of_pareto.tracking.set_index("period").loc[20:25]
    printed = [78.308, 76.419, 74.648, 72.983, 71.414, 69.933]
    # BTYD's optimum has alpha 10.580 and beta 11.656 instead of 10.578 and 11.669
    np.testing.assert_allclose(weeks["expected"], printed, rtol=1e-4)
    assert of_pareto.correlation == pytest.approx(0.6302, abs=6e-5)
    assert of_pareto.mean_absolute_error == pytest.approx(0.7545, abs=6e-5)
    assert of_pareto.root_mean_squared_error == pytest.approx(1.6028, abs=6e-5)


def test_pareto_cumulative_repeats_match_clv_section_3_5(summary, pareto):
    T, n = summary.cells["T"].to_numpy(), summary.cells["customers"].to_numpy()
    assert pareto.expected_purchases_new(T) @ n == pytest.approx(2524.9, abs=0.06)
    assert pareto.expected_purchases_new(T + 39) @ n == pytest.approx(4270.1, abs=0.06)


# --- laws ---------------------------------------------------------------------------------------------------


def test_every_table_holds_every_customer_and_purchase(found):
    for table in found.tables.values():
        assert table["customers"].sum() == 2357
        assert table["actual"].sum() == 1882
        assert table["predicted"].sum() == pytest.approx(1653.41, abs=0.005)
        assert (table["lower"] < table["predicted"]).all()
        assert (table["predicted"] < table["upper"]).all()
        assert (table["covered"] == table["actual"].between(table["lower"], table["upper"])).all()
        np.testing.assert_allclose(table["ratio"], table["actual"] / table["predicted"])
    assert found.by_cohort["group"].tolist() == ["1997-01", "1997-02", "1997-03"]
    assert (np.diff(found.by_tenth["predicted"] / found.by_tenth["customers"]) > 0).all()


def test_silence_names_the_weeks_since_the_last_purchase(found, frame):
    silent = (frame["T"] - frame["recency"]).to_numpy()
    names = found.by_silence["group"].tolist()
    assert names[0].startswith("0-")
    assert names[-1].endswith(f"-{silent.max():.0f} weeks")
    bounds = np.cumsum(found.by_silence["customers"])
    ordered = np.sort(silent)
    assert all(ordered[b - 1] < ordered[b] for b in bounds[:-1])  # equal silences stay together


def test_intervals_of_all_customers_agree_with_the_total(past, future, summary, bg):
    """One group that holds everybody has the interval of `forecast_total`."""
    cells = summary.cells.astype(float)
    groups = [(np.zeros(len(cells), np.intp), ["all"])]
    drawn = calibration._drawn(bg, cells, 39.0, groups, draws=400, seed=1)[0][:, 0]
    total = btyd.forecast_total(summary, bg, 39, draws=400)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx((total.lower, total.upper), rel=0.03)


@pytest.mark.parametrize("followed", [4_000, 500])
def test_large_bases_by_their_normal_limit_agree_with_drawing_all(
    past, future, summary, bg, found, monkeypatch, followed
):
    """Also where only a part of the customers tells how the means follow the parameters."""
    monkeypatch.setattr(calibration, "EXACT_UP_TO", 10)
    monkeypatch.setattr(calibration, "_FOLLOWED", followed)
    limit = btyd.calibrate(past, future, bg, summary=summary, draws=400)
    for name, table in limit.tables.items():
        drawn = found.tables[name]
        width = drawn["upper"] - drawn["lower"]
        for bound in ("lower", "upper"):
            assert ((table[bound] - drawn[bound]).abs() < 0.3 * width).all(), (name, bound)


def test_planted_groups_are_covered(draw_histories):
    """Futures of the true model: the 95 % intervals of twenty groups miss three at most."""
    truth = {"r": 0.5, "alpha": 4.0, "a": 0.9, "b": 2.5}
    model = btyd.BetaGeo(truth, unit="W")
    rows = draw_histories(4_000, 40, truth, 0, seed=9).assign(customers=1.0)
    came = model.simulate(History.of(rows), 26.0, np.random.default_rng(10))
    each = model.expected_purchases(rows, 26.0).to_numpy()
    code = equal_groups(each, np.ones(4_000), 20)
    names = [str(g) for g in range(code.max() + 1)]
    drawn = calibration._drawn(model, rows, 26.0, [(code, names)], draws=400, seed=1)[0]
    table = calibration._table(rows.assign(actual=came), each, (code, names), drawn, 0.95)
    assert table["covered"].sum() >= len(names) - 3


def test_equal_seeds_give_equal_tables(past, future, summary, bg, found):
    again = btyd.calibrate(past, future, bg, summary=summary, draws=400)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert again.ranking.gini_lower == found.ranking.gini_lower


# --- ranking ------------------------------------------------------------------------------------------------


def test_gini_of_the_perfect_order_is_one_and_of_no_order_zero():
    actual, n = np.array([0.0, 1.0, 5.0, 9.0]), np.array([50.0, 30.0, 15.0, 5.0])
    assert ranking_of(actual, actual, n, draws=100).gini == pytest.approx(1)
    assert ranking_of(np.ones(4), actual, n, draws=100).gini == pytest.approx(0, abs=1e-12)
    assert ranking_of(-actual, actual, n, draws=100).gini == pytest.approx(-1)
    assert ranking_of(np.ones(4), actual, n, draws=100).lift == pytest.approx(1)


def test_lift_and_gini_match_counting_rows(found, frame, past, future, bg):
    later = future.collect(
        future.occasions.group_by("customer_id").aggregate(bought=future.occasions.count())
    ).set_index("customer_id")["bought"]
    bought = frame["customer_id"].map(later).fillna(0).to_numpy()
    order = np.argsort(-bg.expected_purchases(frame, 39).to_numpy(), kind="stable")
    top = order[: round(2357 / 10)]
    assert found.ranking.lift == pytest.approx(bought[top].sum() / bought.sum() / 0.1, rel=0.02)
    assert 0 < found.ranking.gini_lower < found.ranking.gini < found.ranking.gini_upper < 1
    assert found.ranking.lift_lower < found.ranking.lift < found.ranking.lift_upper
    assert found.ranking.curve["purchases"].is_monotonic_increasing
    assert (found.ranking.curve["purchases"] <= found.ranking.curve["perfect"] + 1e-12).all()


def test_nobody_came_gives_no_ranking():
    found = ranking_of(np.array([1.0, 2.0]), np.zeros(2), np.array([10.0, 10.0]), draws=100)
    assert np.isnan(found.gini)


def test_a_model_without_unit_says_so(past, future, bg):
    with pytest.raises(ParameterError, match="does not know its unit"):
        btyd.calibrate(past, future, btyd.BetaGeo(bg.params))


def test_a_holdout_is_counted_once_and_never_mistaken_for_another(cdnow, past):
    summary = btyd.summarize(past)
    future = cdnow.between("1997-09-30", "1998-06-30")
    once = held_out(summary, future)
    once["bought"] = -1  # a copy: what the caller does to it stays there
    assert held_out(summary, future)["bought"].min() == 0
    shorter = held_out(summary, cdnow.between("1997-09-30", "1997-12-31"))
    totals = [(f["bought"] * f["customers"]).sum() for f in (held_out(summary, future), shorter)]
    assert totals[0] == 1882 > totals[1]
    assert len(summary.holdouts) == 2
