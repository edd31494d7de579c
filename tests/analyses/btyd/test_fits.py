"""Parameters, likelihoods, standard errors: published, planted, and what holds for any data."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.purchases.dropout_likelihood import Likelihood
from crm_analytics.analyses.btyd.spend.gamma_gamma import SpendLikelihood
from crm_analytics.errors import ParameterError

DROPOUT = [btyd.BetaGeo, btyd.ModifiedBetaGeo]


def test_bgnbd_matches_fader_hardie_lee_2005(bg):
    assert bg.params == pytest.approx(
        {"r": 0.242595, "alpha": 4.413602, "a": 0.792922, "b": 2.425906}, rel=1e-5
    )
    assert [round(v, 3) for v in bg.params.values()] == [0.243, 4.414, 0.793, 2.426]
    assert bg.log_likelihood == pytest.approx(-9582.4292, abs=0.001)
    assert bg.diagnosis.converged
    assert (bg.customers, bg.unit) == (2357, "W")


def test_bgnbd_standard_errors_match_lifetimes_quickstart(bg):
    assert bg.standard_errors.tolist() == pytest.approx([0.012557, 0.378224, 0.185733, 0.705409], rel=1e-4)


def test_bgnbd_correlations_match_clv_section_3_1(bg):
    """lifetimes' own matrix implies corr(a, b) = 2.88 (clv.md 0.5)."""
    errors = bg.standard_errors.to_numpy()
    correlation = bg.covariance / np.outer(errors, errors)
    assert correlation.loc["a", "b"] == pytest.approx(0.9405, abs=5e-5)
    assert correlation.loc["r", "alpha"] == pytest.approx(0.7804, abs=5e-5)
    assert np.array_equal(bg.covariance, bg.covariance.T)


def test_mbgnbd_matches_btydplus_by_lifetimes(mbg):
    assert mbg.params == pytest.approx(
        {"r": 0.524843, "alpha": 6.183084, "a": 0.891360, "b": 1.614004}, rel=1e-5
    )
    assert mbg.log_likelihood == pytest.approx(-9582.1357, abs=0.001)
    assert mbg.standard_errors.tolist() == pytest.approx([0.0833, 0.6956, 0.1548, 0.5375], abs=5e-5)


def test_gamma_gamma_matches_note_025(gg):
    assert gg.params == pytest.approx({"p": 6.24957, "q": 3.74422, "v": 15.44352}, rel=1e-5)
    assert gg.log_likelihood == pytest.approx(-4055.9177, abs=0.001)
    assert gg.mean_spend == pytest.approx(35.1704, abs=5e-5)
    assert gg.customers == 946


def test_gamma_gamma_matches_lifetimes_quickstart_on_its_rounded_csv():
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("lifetimes")
    folder = Path(spec.submodule_search_locations[0]) / "datasets"
    frame = pd.read_csv(folder / "cdnow_customers_summary_with_transactions.csv")
    frame = frame.rename(columns={"x": "frequency", "t_x": "recency", "zbar": "monetary_value"})
    model = btyd.GammaGamma.fit(frame)
    assert model.params == pytest.approx({"p": 6.24880, "q": 3.74459, "v": 15.44775}, rel=1e-5)
    assert model.log_likelihood == pytest.approx(-4055.9232, abs=0.001)
    # the reference cuts its digits off: 1.189 .290 4.159
    assert np.floor(1_000 * model.standard_errors).tolist() == [1_189, 290, 4_159]
    assert model.standard_errors.tolist() == pytest.approx([1.18969, 0.29017, 4.15999], abs=5.1e-6)
    errors = model.standard_errors.to_numpy()
    assert (model.covariance / np.outer(errors, errors)).loc["p", "v"] == pytest.approx(-0.970, abs=5e-4)


def test_example_transactions_match_lifetimes_quickstart():
    """5,000 customers in days; Quickstart prints .16 1.86 1.85 3.18."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("lifetimes")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "example_transactions.csv"
    lines = pd.read_csv(path, parse_dates=["date"])
    group = lines.assign(date=lines["date"].dt.normalize()).groupby("id")["date"]
    first, last = group.min(), group.max()
    frame = pd.DataFrame(
        {
            "frequency": group.nunique() - 1,
            "recency": (last - first).dt.days,
            "T": (pd.Timestamp("2014-12-31") - first).dt.days,
        }
    )
    assert len(frame) == 5_000
    assert len(frame.drop_duplicates()) == 2_700
    model = btyd.BetaGeo.fit(frame, unit="D")
    assert model.params == pytest.approx(
        {"r": 0.16385, "alpha": 1.86428, "a": 1.85034, "b": 3.18106}, rel=1e-4
    )
    assert model.log_likelihood == pytest.approx(-39248.626, abs=0.001)


@pytest.mark.parametrize(
    ("model", "empty", "busy"),
    [(btyd.BetaGeo, -0.59947382, 100.7957), (btyd.ModifiedBetaGeo, -0.41792826, 100.7869)],
)
def test_log_density_matches_pymc_marketing_points(model, empty, busy):
    given = model({"a": 0.8, "b": 2.5, "r": 0.25, "alpha": 4.0})
    one = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [40.0]})
    other = pd.DataFrame({"frequency": [200], "recency": [38.0], "T": [40.0]})
    assert given.log_likelihood_of(one) == pytest.approx(empty, abs=5e-9)
    assert given.log_likelihood_of(other) == pytest.approx(busy, abs=5e-5)


@pytest.mark.parametrize("model", DROPOUT)
def test_cells_and_rows_have_equal_likelihood(model, summary, frame, bg):
    given = model(bg.params)
    assert given.log_likelihood_of(summary.cells) == pytest.approx(given.log_likelihood_of(frame), rel=1e-12)
    by_rows, by_cells = model.fit(frame, unit="W"), model.fit(summary)
    assert by_rows.params == pytest.approx(by_cells.params, rel=1e-9)
    assert by_rows.log_likelihood == pytest.approx(by_cells.log_likelihood, rel=1e-12)
    assert by_cells.log_likelihood_of(frame) == pytest.approx(by_cells.log_likelihood, rel=1e-12)


def test_spend_cells_and_rows_have_equal_likelihood(gg, summary, frame):
    assert gg.log_likelihood_of(summary.spend_cells) == pytest.approx(gg.log_likelihood, rel=1e-12)
    assert gg.log_likelihood_of(frame) == pytest.approx(gg.log_likelihood, rel=1e-12)


def _check_derivatives(objective, at):
    value, gradient, hessian = objective(at)
    step = 1e-5
    for i, unit in enumerate(np.eye(len(at))):
        up, down = objective(at + step * unit), objective(at - step * unit)
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5, abs=1e-8)
        np.testing.assert_allclose(hessian[i], (up[1] - down[1]) / (2 * step), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
    assert np.isfinite(value)


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("at", [(0.24, 4.4, 0.8, 2.4), (2.0, 0.5, 0.01, 9.0), (0.05, 60.0, 7.0, 0.3)])
def test_gradient_and_hessian_match_differences(summary, shift, at):
    _check_derivatives(Likelihood.of(summary.cells, 1.0, shift), np.log(at))


@pytest.mark.parametrize("at", [(6.2, 3.7, 15.4), (0.5, 1.2, 300.0), (40.0, 9.0, 2.0)])
def test_spend_gradient_and_hessian_match_differences(summary, at):
    cells = summary.spend_cells.to_numpy(float)
    _check_derivatives(SpendLikelihood(*cells.T), np.log(at))


@pytest.mark.parametrize("shift", [0, 1])
def test_blocks_and_coarse_cells_conserve_customers(draw_histories, shift):
    rows = draw_histories(20_000, 50, {"r": 0.5, "alpha": 4, "a": 0.8, "b": 2.5}, shift, seed=1)
    rows["customers"] = 1.0
    full = Likelihood.of(rows, 1.0, shift)
    coarse = full.coarse()
    assert coarse.weight.sum() == full.total
    assert coarse.weight @ coarse.x == pytest.approx(full.weight @ full.x)
    at = np.log([0.5, 4, 0.8, 2.5])
    halves = [Likelihood.of(part, 1.0, shift)(at)[0] * len(part) for part in (rows[:9000], rows[9000:])]
    assert sum(halves) == pytest.approx(full(at)[0] * len(rows), rel=1e-12)


@pytest.mark.parametrize(("model", "shift"), [(btyd.BetaGeo, 0), (btyd.ModifiedBetaGeo, 1)])
def test_fit_recovers_planted_truth(draw_histories, model, shift):
    truth = {"r": 0.6, "alpha": 5.0, "a": 0.9, "b": 2.2}
    found = model.fit(draw_histories(40_000, 80, truth, shift, seed=11), unit="W")
    assert found.diagnosis.converged
    for name, value in truth.items():
        assert abs(found.params[name] - value) < 3 * found.standard_errors[name]


def test_gamma_gamma_recovers_planted_truth():
    rng = np.random.default_rng(3)
    truth = {"p": 4.0, "q": 5.0, "v": 30.0}
    x = rng.integers(1, 9, 30_000)
    nu = rng.gamma(truth["q"], 1 / truth["v"], len(x))
    mean = rng.gamma(truth["p"] * x) / nu / x
    found = btyd.GammaGamma.fit(pd.DataFrame({"frequency": x, "monetary_value": mean}))
    for name, value in truth.items():
        assert abs(found.params[name] - value) < 3 * found.standard_errors[name]


@pytest.mark.parametrize("model", DROPOUT)
def test_rescaling_time_rescales_alpha_alone(model, summary):
    weeks = model.fit(summary)
    days = model.fit(summary.cells.assign(recency=summary.cells["recency"] * 7, T=summary.cells["T"] * 7))
    rescaled = days.params | {"alpha": days.params["alpha"] / 7}
    assert rescaled == pytest.approx(weeks.params, rel=1e-8)
    f = summary.cells.head(50)
    in_days = f.assign(recency=f["recency"] * 7, T=f["T"] * 7)
    np.testing.assert_allclose(
        days.expected_purchases(in_days, 70), weeks.expected_purchases(f, 10), rtol=1e-8
    )


def test_doubling_every_customer_changes_only_the_errors(summary, bg):
    twice = btyd.BetaGeo.fit(summary.cells.assign(customers=summary.cells["customers"] * 2))
    assert twice.params == pytest.approx(bg.params, rel=1e-9)
    assert twice.log_likelihood == pytest.approx(2 * bg.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(twice.standard_errors, bg.standard_errors / np.sqrt(2), rtol=1e-6)


def test_scaling_money_scales_v_alone(summary, gg):
    cents = btyd.GammaGamma.fit(
        summary.spend_cells.assign(monetary_value=summary.spend_cells["monetary_value"] * 100)
    )
    assert cents.params == pytest.approx(gg.params | {"v": gg.params["v"] * 100}, rel=1e-8)


def test_no_dropout_is_a_boundary_and_says_so():
    """Customers who never leave: a goes to 0, and the fit must not look like an answer."""
    rng = np.random.default_rng(8)
    rate = rng.gamma(2.0, 0.5, 3_000)
    x = rng.poisson(rate * 40)
    # the last of x purchases spread evenly over 40
    recency = np.where(x > 0, 40 * rng.random(3_000) ** (1 / np.maximum(x, 1)), 0.0)
    model = btyd.BetaGeo.fit(pd.DataFrame({"frequency": x, "recency": recency, "T": 40.0}))
    assert not model.diagnosis.converged
    assert "a" in model.diagnosis.boundary
    assert "do not determine" in model.diagnosis.message


def test_loose_parameters_are_named(draw_histories):
    """As on Complete Journey (clv.md 3.7): nearly nobody leaves, so a and b are hardly seen."""
    truth = {"r": 1.4066, "alpha": 1.3485, "a": 0.0126, "b": 7.69}
    model = btyd.BetaGeo.fit(draw_histories(2_393, 25, truth, 0, seed=3))
    assert "But a and b could be up to" in model.diagnosis.message


@pytest.mark.parametrize("which", ["bg", "mbg", "gg"])
def test_json_round_trip_loses_nothing(which, request):
    model = request.getfixturevalue(which)
    again = type(model).from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    assert again.params == model.params
    assert (again.log_likelihood, again.customers, again.unit) == (
        model.log_likelihood,
        model.customers,
        model.unit,
    )
    assert again.diagnosis == model.diagnosis
    pd.testing.assert_frame_equal(again.covariance, model.covariance)


def test_json_of_given_parameters_round_trips():
    given = btyd.BetaGeo({"r": 1, "alpha": 1, "a": 1, "b": 1})
    again = btyd.BetaGeo.from_json(json.loads(json.dumps(given.to_json(), allow_nan=False)))
    assert again.params == given.params
    assert again.covariance.empty
    with pytest.raises(ParameterError, match="facts of BetaGeo, not of ModifiedBetaGeo"):
        btyd.ModifiedBetaGeo.from_json(given.to_json())


def test_unit_of_a_summary_cannot_be_overruled(summary):
    with pytest.raises(ParameterError, match="units of 'W', but unit='D'"):
        btyd.BetaGeo.fit(summary, unit="D")


def test_wrong_parameters_say_which():
    with pytest.raises(ParameterError, match="parameters r, alpha, a, b"):
        btyd.BetaGeo({"r": 1})
    with pytest.raises(ParameterError, match="alpha must be a number > 0, got -1"):
        btyd.BetaGeo({"r": 1, "alpha": -1, "a": 1, "b": 1})
