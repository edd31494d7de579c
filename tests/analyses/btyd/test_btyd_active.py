"""P(buy in the next h): by likelihoods, by quadrature, by drawn futures, and held against what came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.forecasts import purchase_probability
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.errors import ParameterError

MODELS = [
    btyd.BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W"),
    btyd.ModifiedBetaGeo({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, unit="W"),
    btyd.ParetoNBD({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, unit="W"),
]
ROWS = [
    (2, 30.43, 38.86),
    (1, 1.71, 38.86),
    (0, 0.0, 38.86),
    (26, 30.86, 31.0),
    (7, 29.43, 38.86),
    (0, 0.0, 0.0),
]


def histories(*rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"], dtype=float)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.LABEL)
@pytest.mark.parametrize("h", [1 / 7, 4.0, 39.0, 400.0])
def test_silence_is_a_ratio_of_likelihoods(model, h):
    """L(x, t_x, T + h) / L(x, t_x, T): what the closed forms must come to."""
    who = History.of(histories(*ROWS))
    silent = np.exp(model.log_density(who.later(h)) - model.log_density(who))
    found = btyd.probability_active(model, histories(*ROWS), h)
    np.testing.assert_allclose(found, 1 - silent, atol=1e-8)
    none = model.count_probabilities(who, h, 0)[:, 0]
    np.testing.assert_allclose(found, model.alive(who) * (1 - none), rtol=1e-9)


@pytest.mark.parametrize("row", ROWS)
def test_pareto_matches_quadrature_over_rate_and_hazard(row):
    """E[lambda / (lambda + mu) (1 - exp(-(lambda + mu) h))] over both gamma densities, by scipy."""
    model = MODELS[2]
    r, alpha, s, beta = model.values
    x, _, T = row
    h = 13.0

    def rate(u):
        return (r + x) / (alpha + T + u) * ((alpha + T) / (alpha + T + u)) ** (r + x)

    whole, _ = integrate.quad(lambda u: rate(u) * ((beta + T) / (beta + T + u)) ** s, 0, h, epsabs=1e-13)
    expected = model.probability_alive(histories(row))[0] * whole
    assert btyd.probability_active(model, histories(row), h)[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.LABEL)
def test_drawn_futures_agree(model):
    frame = pd.concat([histories(*ROWS)] * 20_000, ignore_index=True)
    bought = model.simulate(History.of(frame), 13.0, np.random.default_rng(3)) > 0
    share = bought.reshape(20_000, len(ROWS)).mean(axis=0)
    chance = btyd.probability_active(model, histories(*ROWS), 13.0).to_numpy()
    assert (np.abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / 20_000)).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.LABEL)
def test_it_rises_with_time_towards_alive_and_stays_finite(model):
    stress = [(2000, 365, 730), (400, 5, 6), (500, 1, 37), (0, 0, 0), (221, 103.42857, 103.57143)]
    frame = histories(*ROWS, *stress)
    rising = np.stack([btyd.probability_active(model, frame, h) for h in (0, 1e-6, 0.1, 1, 30, 1e4)])
    assert np.isfinite(rising).all()
    assert (rising[0] == 0).all()
    assert (np.diff(rising, axis=0) >= -1e-13).all()
    assert (rising <= model.probability_alive(frame).to_numpy() + 1e-12).all()
    tiny = btyd.probability_active(model, frame.iloc[:5], 1e-9)
    np.testing.assert_allclose(tiny, model.expected_purchases(frame.iloc[:5], 1e-9), rtol=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.LABEL)
def test_a_model_without_a_form_of_its_own_is_taken_by_its_likelihood(model):
    who = History.of(histories(*ROWS))
    np.testing.assert_allclose(PurchaseModel.active(model, who, 13.0), model.active(who, 13.0), atol=1e-12)


@pytest.mark.parametrize("kind", [btyd.RegularBetaGeo, btyd.RegularModifiedBetaGeo])
def test_regular_buyers_are_due(kind):
    """With k = 1 the plain models; with k = 3 as drawn futures say."""
    params = {"r": 0.9, "alpha": 4.0, "a": 0.8, "b": 2.4}
    plain = btyd.BetaGeo(params) if kind is btyd.RegularBetaGeo else btyd.ModifiedBetaGeo(params)
    np.testing.assert_allclose(
        btyd.probability_active(kind(params, k=1), histories(*ROWS), 13.0),
        btyd.probability_active(plain, histories(*ROWS), 13.0),
        rtol=1e-9,
    )
    model, frame = kind(params, k=3), pd.concat([histories(*ROWS)] * 10_000, ignore_index=True)
    bought = model.simulate(History.of(frame), 13.0, np.random.default_rng(4)) > 0
    chance = btyd.probability_active(model, histories(*ROWS), 13.0).to_numpy()
    share = bought.reshape(10_000, len(ROWS)).mean(axis=0)
    assert (np.abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / 10_000)).all()


def test_reliability_table_of_cdnow_adds_up(past, future, summary, mbg):
    found = btyd.reliability(past, future, mbg, summary=summary)
    assert (found.h, found.customers) == (39.0, 2357)
    bought = past.collect(future.occasions.select("customer_id").distinct().count().as_table()).iloc[0, 0]
    assert found.buyers == bought
    whole = found.reliability - found.resolution + found.uncertainty + found.within
    assert found.brier == pytest.approx(whole, abs=1e-15)
    assert found.uncertainty == pytest.approx(bought / 2357 * (1 - bought / 2357))
    assert 0.2 < found.skill < 0.5
    assert found.table["customers"].sum() == 2357
    assert (np.diff(found.table["predicted"]) > 0).all()
    assert (found.table["customers"] * found.table["actual"]).sum() == pytest.approx(bought)


def test_models_that_differ_on_alive_agree_on_buying(past, future, summary, bg, mbg):
    """clv.md 0.3: mean P(alive) .813 and .449 on the same data; the shares who buy differ ten times less."""
    of_bg, of_mbg = (btyd.reliability(past, future, m, summary=summary) for m in (bg, mbg))
    assert (of_bg.alive, of_mbg.alive) == pytest.approx((0.813, 0.449), abs=5e-4)
    share = [(f.table["predicted"] * f.table["customers"]).sum() / 2357 for f in (of_bg, of_mbg)]
    assert abs(share[0] - share[1]) < (0.813 - 0.449) / 10


def test_planted_chances_are_reliable(draw_histories):
    """With the true parameters, nine of ten tenths hold their chance at 95 %, and reliability is noise."""
    truth = {"r": 0.5, "alpha": 4.0, "a": 0.9, "b": 2.5}
    model = btyd.BetaGeo(truth, unit="W")
    rows = draw_histories(20_000, 40, truth, 0, seed=5)
    rows["bought"] = model.simulate(History.of(rows), 13.0, np.random.default_rng(6))
    rows["customers"] = 1
    found = purchase_probability.reliability_of(rows, model, 13.0)
    assert found.table["inside"].sum() >= 8
    assert found.reliability < 3 * len(found.table) * found.uncertainty / 20_000
    assert found.resolution > 0.02
    wrong = purchase_probability.reliability_of(rows, btyd.BetaGeo(truth | {"r": 2.0}, unit="W"), 13.0)
    assert wrong.reliability > 20 * found.reliability


def test_scores_in_the_engine_are_those_of_the_frame(summary, frame, mbg, bg):
    scored = summary.base.collect(btyd.active_customers(summary, bg, 13, status=mbg)).sort_values(
        "customer_id"
    )
    assert len(scored) == 2357
    np.testing.assert_allclose(
        scored["probability_active"], btyd.probability_active(bg, frame, 13), rtol=1e-12
    )
    np.testing.assert_allclose(scored["probability_alive"], mbg.probability_alive(frame), rtol=1e-12)


def test_bad_options_say_so(summary, frame, bg):
    with pytest.raises(ParameterError, match="h must be a number >= 0, got -1"):
        btyd.probability_active(bg, frame, -1)
    with pytest.raises(ParameterError, match="units of 'W', BG/NBD was fitted in 'None'"):
        btyd.active_customers(summary, btyd.BetaGeo(bg.params), 13)
