"""Gamma-Gompertz/NBD: published on CDNOW, by mpmath, on planted customers, and at its limit Pareto/NBD."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.forecasts.predictive import scores_of_counts
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

LATE = {"r": 0.8, "alpha": 4.0, "b": 0.15, "s": 1.2, "beta": 60.0}  # most leave at an age of 20 to 40
MODELS = [
    btyd.GammaGompertzNBD(LATE, unit="W"),
    btyd.GammaGompertzNBD({"r": 0.55, "alpha": 10.6, "b": 0.0002, "s": 0.6, "beta": 0.0026}, unit="W"),
    btyd.GammaGompertzNBD({"r": 2.0, "alpha": 1.0, "b": 3.0, "s": 0.1, "beta": 0.01}, unit="W"),
]
WHO = History(
    np.array([0.0, 2.0, 26.0, 0.0, 7.0]),
    np.array([0.0, 30.43, 30.86, 0.0, 2.0]),
    np.array([38.86, 38.86, 31.0, 0.0, 60.0]),
)


@pytest.fixture(scope="module")
def fitted(summary):
    return btyd.GammaGompertzNBD.fit(summary)


def test_cdnow_fit_matches_bemmaor_and_glady_2012(fitted, summary):
    """Their r .553, alpha 10.578 and LL -9594.98; b, s and beta lie on a ridge that ends at Pareto/NBD."""
    assert fitted.log_likelihood == pytest.approx(-9594.98, abs=0.005)
    assert fitted.params["r"] == pytest.approx(0.553, abs=5e-4)
    assert fitted.params["alpha"] == pytest.approx(10.578, abs=5e-4)
    theirs = {"r": 0.553, "alpha": 10.578, "b": 0.0002, "s": 0.603, "beta": 0.0026}
    # as printed b has one digit: within its rounding lies a point as good as ours
    nearby = [
        btyd.GammaGompertzNBD({**theirs, "b": b}, unit="W").log_likelihood_of(summary.cells)
        for b in np.linspace(0.00015, 0.00025, 21)
    ]
    assert max(nearby) == pytest.approx(-9594.98, abs=0.01)
    assert max(nearby) <= fitted.log_likelihood


def test_cdnow_says_that_it_is_pareto_nbd(fitted, summary):
    pareto = btyd.ParetoNBD.fit(summary)
    assert not fitted.diagnosis.converged
    assert "degenerate" in fitted.diagnosis.message
    assert "Use Pareto/NBD" in fitted.diagnosis.message
    assert fitted.log_likelihood == pytest.approx(pareto.log_likelihood, abs=1e-3)
    assert fitted.params["s"] == pytest.approx(pareto.params["s"], rel=1e-3)
    assert fitted.params["beta"] / fitted.params["b"] == pytest.approx(pareto.params["beta"], rel=1e-3)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("row", range(len(WHO)))
def test_likelihood_matches_the_definition_by_mpmath(model, row):
    r, alpha, b, s, beta = (mpmath.mpf(v) for v in model.values)
    x, recency, T = (float(v[row]) for v in (WHO.x, WHO.recency, WHO.T))

    def gone(y):
        density = s * b * mpmath.e ** (b * y) * beta**s / (beta - 1 + mpmath.e ** (b * y)) ** (s + 1)
        return density * (alpha + y) ** -(r + x)

    points = np.unique(np.concatenate([recency + (T - recency) * np.logspace(-4, 0, 9), [recency, T]]))
    left = mpmath.quad(gone, points.tolist()) if recency < T else 0
    here = (beta / (beta - 1 + mpmath.e ** (b * T))) ** s * (alpha + T) ** -(r + x)
    whole = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha) + mpmath.log(here + left)
    one = WHO.rows([row])
    assert model.log_density(one)[0] == pytest.approx(float(whole), abs=1e-7)
    assert model.alive(one)[0] == pytest.approx(float(here / (here + left)), rel=1e-6)


@pytest.mark.parametrize("at", [np.log([0.6, 9.0, 0.03, 0.7, 1.5]), np.log([0.6, 9.0, 0.4, 1.3, 80.0])])
def test_derivatives_are_those_of_the_value(summary, at):
    likelihood = btyd.GammaGompertzNBD.likelihood_of(summary.cells.astype(float).iloc[::5], 1.0)
    _, gradient, hessian = likelihood(at)
    steps = 1e-5 * np.eye(5)
    up, down = ([likelihood(at + sign * step) for step in steps] for sign in (1, -1))
    pairs = list(zip(up, down, strict=True))
    np.testing.assert_allclose(gradient, [(a[0] - c[0]) / 2e-5 for a, c in pairs], atol=1e-8)
    np.testing.assert_allclose(hessian, [(a[1] - c[1]) / 2e-5 for a, c in pairs], atol=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_to_come_agrees_however_it_is_asked(model):
    """Expectation, distribution of counts, silence by likelihoods, drawn futures: four computations."""
    expected = model.purchases(WHO, np.array([13.0]))[:, 0]
    alive, counts = model.alive(WHO), model.count_probabilities(WHO, 13.0, 400)
    np.testing.assert_allclose(counts.sum(axis=1), 1, atol=1e-8)
    np.testing.assert_allclose(alive * (counts @ np.arange(401.0)), expected, rtol=1e-6)
    np.testing.assert_allclose(model.active(WHO, 13.0), alive * (1 - counts[:, 0]), atol=1e-8)
    many = WHO.rows(np.repeat(np.arange(len(WHO)), 20_000))
    rng = np.random.default_rng(1)
    drawn = model.simulate(many, 13.0, rng).reshape(len(WHO), -1)
    error = np.sqrt(np.maximum(drawn.var(axis=1), expected) / 20_000)
    assert (np.abs(drawn.mean(axis=1) - expected) < 4.5 * error + 1e-12).all()
    owner, moment = model.simulate_times(many, 13.0, rng)
    assert ((moment >= 0) & (moment <= 13)).all()
    early = model.purchases(WHO, np.array([4.0]))[:, 0].sum()
    assert (moment < 4).sum() / 20_000 == pytest.approx(early, rel=0.03)
    assert (np.diff(owner) >= 0).all()


def test_new_customers_sum_to_one_and_have_the_expectation_as_mean():
    model = MODELS[0]
    p = model.probability_of(np.arange(300), 26.0)
    assert p.sum() == pytest.approx(1, abs=1e-9)
    assert p @ np.arange(300) == pytest.approx(model.expected_purchases_new(26.0), rel=1e-7)
    new = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    assert model.expected_purchases(new, 26.0)[0] == pytest.approx(model.expected_purchases_new(26.0))


def planted(customers: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Purchase by purchase, by the story alone: rate, hazard b eta e^(b t), 26 weeks seen and 13 after."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(LATE["r"], 1 / LATE["alpha"], customers)
    eta = rng.gamma(LATE["s"], 1 / LATE["beta"], customers)
    life = np.log1p(rng.exponential(size=customers) / eta) / LATE["b"]
    count = rng.poisson(rate * 39.0)
    owner = np.repeat(np.arange(customers), count)
    moment = rng.random(len(owner)) * 39.0
    made = moment < life[owner]
    owner, moment = owner[made], moment[made]
    seen = moment <= 26.0
    x = np.bincount(owner[seen], minlength=customers)
    recency = np.zeros(customers)
    np.maximum.at(recency, owner[seen], moment[seen])
    frame = pd.DataFrame({"frequency": x, "recency": recency, "T": 26.0})
    return frame, np.bincount(owner[~seen], minlength=customers), life > 26.0


@pytest.fixture(scope="module")
def customers():
    return planted(4_000, seed=3)


def test_expectations_recover_what_planted_customers_do_next(customers):
    frame, later, alive = customers
    model = btyd.GammaGompertzNBD(LATE, unit="W")
    expected, here = model.expected_purchases(frame, 13.0), model.probability_alive(frame)
    assert expected.mean() == pytest.approx(later.mean(), abs=4 * later.std() / np.sqrt(len(later)))
    assert here.mean() == pytest.approx(alive.mean(), abs=4 * np.sqrt(0.25 / len(alive)))
    for few in (frame["frequency"] == 0, frame["frequency"] > 3, frame["recency"] > 20):
        assert here[few].mean() == pytest.approx(alive[few].mean(), abs=4 * np.sqrt(0.25 / few.sum()))


def test_fit_recovers_planted_late_leaving_that_pareto_cannot_follow(customers):
    frame, later, _ = customers
    model, pareto = btyd.GammaGompertzNBD.fit(frame, unit="W"), btyd.ParetoNBD.fit(frame, unit="W")
    assert model.diagnosis.converged
    assert model.log_likelihood > pareto.log_likelihood + 50
    assert model.log_likelihood >= model.at(frame, LATE).log_likelihood
    for name, truth in LATE.items():
        assert abs(model.params[name] - truth) < 4 * model.standard_errors[name], name
    # 26 weeks say little of hazards to come, and yet far more than a hazard that can only fall
    ours, theirs = (m.expected_purchases(frame, 13.0).sum() - later.sum() for m in (model, pareto))
    assert abs(ours) < abs(theirs) / 3


def test_everything_that_takes_a_model_of_purchases_takes_it(summary, past, future, gg):
    """Nothing outside its own file knows of it."""
    model = btyd.GammaGompertzNBD.at(summary, LATE | {"b": 0.05, "beta": 2.0})
    cells = summary.cells.iloc[::20]
    total = btyd.forecast_total(summary, model, 39, draws=100)
    assert total.lower < total.mean < total.upper
    assert btyd.value_total(summary, model, gg, draws=100).mean > 0
    # given parameters: a perpetuity is the limit of long horizons
    known = btyd.GammaGompertzNBD(model.params, unit="W")
    long = known.lifetime_value(1.0, cells, (4_000, "W"), 0.5, "end")
    np.testing.assert_allclose(btyd.dert(known, cells, 0.5, "end"), long, rtol=1e-6)
    assert btyd.residual(known, cells).share_beyond > 0
    chance = btyd.probability_of_next(known, cells, 0, 13.0)
    np.testing.assert_allclose(btyd.probability_active(known, cells, 13.0), 1 - chance, atol=1e-8)
    scored = btyd.score(summary, known, gg).to_pandas()
    assert len(scored) == summary.customer_count
    held = cells.assign(bought=1)
    assert np.isfinite(scores_of_counts(known, held, 39.0)[0]).all()
    assert btyd.GammaGompertzNBD.from_json(model.to_json()).params == model.params
    frozen = btyd.freeze(summary, known)
    assert frozen.purchases is known


def test_cells_and_rows_have_one_likelihood(summary, frame):
    model = MODELS[0]
    by_cells, by_rows = model.log_likelihood_of(summary.cells), model.log_likelihood_of(frame)
    assert by_cells == pytest.approx(by_rows, rel=1e-12)


def test_bad_input_says_what_and_where(summary, frame):
    with pytest.raises(ParameterError, match="GGompertz/NBD has the parameters r, alpha, b, s, beta"):
        btyd.GammaGompertzNBD({"r": 1.0})
    with pytest.raises(NotEnoughData, match="GGompertz/NBD needs at least 100 customers"):
        btyd.GammaGompertzNBD.fit(frame.head(20))
    with pytest.raises(DataError, match="no column 'T'"):
        btyd.GammaGompertzNBD.fit(frame[["frequency", "recency"]])
    with pytest.raises(ParameterError, match="takes none"):
        btyd.fit_covariates(btyd.GammaGompertzNBD, frame)
