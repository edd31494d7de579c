"""sBG and BdW: published cohorts, planted truth, 60 digits, laws, and refusals in words."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.contracts.contract_cells import contract_cells
from crm_analytics.analyses.btyd.contracts.contract_likelihood import ContractLikelihood, log_survival
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

# Fader & Hardie (2007), survivors of 1,000 after 0, 1, .. 7 renewals
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.mark.parametrize(
    ("cohort", "gamma", "delta", "log_likelihood", "survival_12"),
    [(REGULAR, 0.7041, 1.1820, -1680.265, 0.1700), (HIGH_END, 0.6681, 3.8061, -1611.158, 0.3780)],
    ids=["regular", "high end"],
)
def test_sbg_matches_fader_hardie_2007(cohort, gamma, delta, log_likelihood, survival_12):
    model = btyd.ShiftedBetaGeo.fit(cohort, unit="Y")
    assert model.params["gamma"] == pytest.approx(gamma, abs=5.1e-5)
    assert model.params["delta"] == pytest.approx(delta, abs=5.1e-5)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)
    assert model.survival(12) == pytest.approx(survival_12, abs=5.1e-5)
    assert model.diagnosis.converged


@pytest.mark.parametrize(
    ("cohort", "params", "log_likelihood", "survival_12"),
    [
        (REGULAR, (0.4556, 0.7793, 1.2835), -1679.603, 0.1773),
        (HIGH_END, (0.2143, 1.4266, 1.7236), -1605.314, 0.4039),
    ],
    ids=["regular", "high end"],
)
def test_bdw_matches_the_reference_table(cohort, params, log_likelihood, survival_12):
    model = btyd.BetaDiscreteWeibull.fit(cohort, unit="Y")
    assert list(model.params.values()) == pytest.approx(params, abs=5.1e-5)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)
    assert model.survival(12) == pytest.approx(survival_12, abs=5.1e-5)


def test_years_8_to_12_of_the_regular_cohort_match_fader_hardie_2007():
    """Of 1,000 there were still 223 207 194 183 173; forecasts to the whole customer."""
    years, came = np.arange(8, 13), np.array([223, 207, 194, 183, 173])
    sbg = 1_000 * btyd.ShiftedBetaGeo.fit(REGULAR, unit="Y").survival(years)
    bdw = 1_000 * btyd.BetaDiscreteWeibull.fit(REGULAR, unit="Y").survival(years)
    assert sbg.round().tolist() == [220, 204, 191, 180, 170]
    assert bdw.round().tolist() == [223, 209, 197, 186, 177]
    assert np.abs(sbg - came).max() < 3.2
    assert np.abs(bdw - came).max() < 4.4


def test_bdw_foretells_the_high_end_better_than_sbg_and_both_beat_nobody_leaving():
    came = np.array([468, 445, 427, 409, 394]) / 1000  # years 8 to 12 of the paper
    years = np.arange(8, 13)
    errors = {
        kind: np.abs(kind.fit(HIGH_END, unit="Y").survival(years) - came).max()
        for kind in (btyd.ShiftedBetaGeo, btyd.BetaDiscreteWeibull)
    }
    assert errors[btyd.BetaDiscreteWeibull] < errors[btyd.ShiftedBetaGeo] < 0.03


def drawn(gamma: float, delta: float, c: float, n: int, periods: int, seed: int) -> pd.DataFrame:
    """Contracts by their own chance to leave; cut after `periods` renewals."""
    rng = np.random.default_rng(seed)
    theta = rng.beta(gamma, delta, n)
    u = rng.random(n)
    with np.errstate(divide="ignore"):
        life = np.ceil((np.log(u) / np.log1p(-theta)) ** (1 / c))
    tenure = np.minimum(life, periods).astype(int)
    return pd.DataFrame({"tenure": tenure, "cancelled": life <= periods})


@pytest.mark.parametrize(
    ("kind", "truth"),
    [(btyd.ShiftedBetaGeo, (1.2, 6.0)), (btyd.BetaDiscreteWeibull, (0.8, 3.0, 1.4))],
    ids=["sBG", "BdW"],
)
def test_recovers_planted_truth_within_three_standard_errors(kind, truth):
    gamma, delta, c = (*truth, 1.0)[:3]
    model = kind.fit(drawn(gamma, delta, c, 20_000, 36, seed=4), unit="M")
    for name, value in zip(model.params, truth, strict=True):
        error = float(np.sqrt(model.covariance.loc[name, name]))
        assert abs(model.params[name] - value) < 3 * error, name


@pytest.mark.parametrize("shape", [False, True], ids=["sBG", "BdW"])
def test_gradient_and_hessian_are_those_of_the_likelihood(shape):
    likelihood = ContractLikelihood.of(contract_cells(HIGH_END), shape)
    at = np.log([0.5, 2.0, 1.3][: 2 + shape])
    _, gradient, hessian = likelihood(at)
    step = 1e-5
    for i in range(len(at)):
        move = np.eye(len(at))[i] * step
        (up, up_gradient, _), (down, down_gradient, _) = likelihood(at + move), likelihood(at - move)
        assert gradient[i] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-10)
        assert hessian[i] == pytest.approx((up_gradient - down_gradient) / (2 * step), rel=1e-5, abs=1e-8)


def test_bdw_at_c_one_is_sbg():
    sbg = btyd.ShiftedBetaGeo({"gamma": 0.7, "delta": 1.2}, unit="Y")
    bdw = btyd.BetaDiscreteWeibull({"gamma": 0.7, "delta": 1.2, "c": 1.0}, unit="Y")
    t = np.arange(0, 200)
    assert bdw.survival(t) == pytest.approx(sbg.survival(t), rel=1e-13)
    assert bdw.derl(5, rate=0.1) == pytest.approx(sbg.derl(5, rate=0.1), rel=1e-12)


GRID = [
    (gamma, delta, c, t)
    for gamma in (1e-4, 0.5, 3.0, 1e4)
    for delta in (1e-4, 1.0, 50.0, 1e5)
    for c in (0.3, 1.0, 2.5)
    for t in (1, 7, 500, 20_000)
]


def test_survival_is_exact_to_sixty_digits_and_never_nan():
    mpmath.mp.dps = 60
    for gamma, delta, c, t in GRID:
        u = mpmath.mpf(t) ** mpmath.mpf(c)
        g, d = mpmath.mpf(gamma), mpmath.mpf(delta)
        want = (
            mpmath.loggamma(g + d) + mpmath.loggamma(d + u) - mpmath.loggamma(d) - mpmath.loggamma(g + d + u)
        )
        found = float(log_survival(np.array([gamma, delta, c]), np.array([float(t)]))[0])
        assert np.isfinite(found), (gamma, delta, c, t)
        assert found == pytest.approx(float(want), rel=2e-11, abs=1e-13), (gamma, delta, c, t)


def test_laws_of_survival_and_residual_life():
    model = btyd.BetaDiscreteWeibull.fit(HIGH_END, unit="Y")
    t = np.arange(0, 60)
    survival = model.survival(t)
    assert survival[0] == 1
    assert (np.diff(survival) < 0).all()
    # one by one: what is still to come of the next 20 renewals, given that 3 are over
    ahead = model.survival(np.arange(4, 24)) / model.survival(3)
    assert model.expected_residual_lifetime(3, periods=20) == pytest.approx(ahead.sum(), rel=1e-12)
    paid = ahead / 1.1 ** np.arange(0, 20)
    assert model.derl(3, rate=0.1, periods=20) == pytest.approx(paid.sum(), rel=1e-12)
    assert (
        model.derl(3, rate=0.1, timing="end")
        < model.derl(3, rate=0.1, timing="mid")
        < model.derl(3, rate=0.1)
    )
    assert model.derl(3, rate=0.1) > model.derl(3, rate=0.1, periods=200) - 1e-9


def test_endless_sums_agree_with_summing_one_by_one():
    model = btyd.ShiftedBetaGeo({"gamma": 1.5, "delta": 4.0}, unit="Y")
    t = np.arange(1.0, 2_000_000.0)
    whole = np.exp(log_survival(np.array([1.5, 4.0, 1.0]), 2 + t) - np.log(model.survival(2)))
    assert model.derl(2, rate=0.02) == pytest.approx(
        (whole * np.exp(-(t - 1) * np.log(1.02))).sum(), rel=1e-9
    )


def test_retention_grows_with_tenure_where_contracts_differ():
    table = btyd.ShiftedBetaGeo.fit(REGULAR, unit="Y").survival_table(8)
    retention = table["retention"].dropna().to_numpy()
    assert (np.diff(retention) > 0).all()
    assert (table["lower"] <= table["survival"]).all()
    assert (table["survival"] <= table["upper"]).all()


def test_counting_is_the_same_whatever_form_the_contracts_have():
    rows = pd.DataFrame(
        {"tenure": [1] * 369 + [2] * 163 + [2] * 468, "cancelled": [True] * 532 + [False] * 468}
    )
    assert contract_cells(rows).equals(contract_cells([1000, 631, 468]))
    several = btyd.ShiftedBetaGeo.fit({"a": REGULAR, "b": REGULAR}, unit="Y")
    assert several.params == pytest.approx(btyd.ShiftedBetaGeo.fit(REGULAR, unit="Y").params, rel=1e-6)


def test_who_all_leave_alike_run_to_a_boundary_and_that_is_said():
    rng = np.random.default_rng(2)
    life = rng.geometric(0.2, 4000)
    rows = pd.DataFrame({"tenure": np.minimum(life, 24), "cancelled": life <= 24})
    model = btyd.ShiftedBetaGeo.fit(rows, unit="M")
    doubtful = not model.diagnosis.converged or bool(model.diagnosis.message)
    ratio = model.params["gamma"] / (model.params["gamma"] + model.params["delta"])
    assert ratio == pytest.approx(0.2, abs=0.02)
    assert doubtful or model.params["gamma"] > 20


BAD = [
    ([1000, 631, 700], DataError, "survivors grow at renewal 2"),
    ([1000, -1], DataError, "whole numbers >= 0"),
    ([1000, 600.5], DataError, "whole numbers >= 0"),
    (["a", "b"], DataError, "no number"),
    (
        pd.DataFrame({"tenure": [1], "canceled": [True]}),
        DataError,
        "did you mean 'canceled'|no column 'cancelled'",
    ),
    (pd.DataFrame({"tenure": [0], "cancelled": [True]}), DataError, "has tenure 1, not 0"),
    (pd.DataFrame({"tenure": [1.5], "cancelled": [True]}), DataError, "no whole number"),
    ([1000, 1000, 1000], NotEnoughData, "cancelled contracts"),
    ([50, 20, 5], NotEnoughData, "100"),
    ([1000, 600], NotEnoughData, "renewals of the oldest contract"),
]


@pytest.mark.parametrize(("source", "kind", "said"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_impossible_and_thin_contracts_are_refused_in_words(source, kind, said):
    with pytest.raises(kind, match=said):
        btyd.ShiftedBetaGeo.fit(source)


def test_an_infinite_life_is_refused_and_its_discounted_value_is_not():
    model = btyd.ShiftedBetaGeo.fit(REGULAR, unit="Y")  # gamma < 1
    with pytest.raises(ParameterError, match="expected lifetime is infinite"):
        model.expected_residual_lifetime(1)
    assert np.isfinite(model.derl(1, rate=0.1))
    with pytest.raises(ParameterError, match="whole numbers of renewals"):
        model.derl(-1, rate=0.1)


def test_all_who_cancel_at_once_and_the_oldest_contracts_stay_finite():
    model = btyd.BetaDiscreteWeibull({"gamma": 1e-3, "delta": 1e4, "c": 3.0}, unit="M")
    found = model.survival([0, 1, 10, 20_000])
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
