"""Profile intervals where parameters trade off, Wald's where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd import BetaGeo, ModifiedBetaGeo, ParetoNBD
from crm_analytics.analyses.btyd.fitting.parameter_draws import log_covariance_of
from crm_analytics.analyses.btyd.fitting.parameter_intervals import parameter_intervals
from crm_analytics.errors import ParameterError


@pytest.fixture(scope="module")
def pareto(summary):
    return ParetoNBD.fit(summary)


def test_the_parameters_that_trade_off_are_profiled(summary, bg, pareto):
    found = parameter_intervals(summary, bg).set_index("parameter")
    assert found["method"].to_dict() == {"r": "Wald", "alpha": "Wald", "a": "profile", "b": "profile"}
    assert found.loc["a", "correlation"] == pytest.approx(0.9405, abs=5e-5)  # clv.md 3.1
    other = parameter_intervals(summary, pareto).set_index("parameter")
    assert other.loc[["s", "beta"], "method"].tolist() == ["profile", "profile"]
    assert other.loc["beta", "correlation"] == pytest.approx(0.9716, abs=5e-5)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_at_the_ends_the_best_of_the_others_is_worse_by_half_chi_square(summary, bg, level):
    found = parameter_intervals(summary, bg, level).set_index("parameter")
    drop = {0.8: 0.8212, 0.95: 1.9207}[level]  # half the quantile of chi-square with one degree
    for end in ("lower", "upper"):
        held = np.log(found.loc["b", end])

        def minus(free, held=held):
            params = dict(zip(("r", "alpha", "a"), np.exp(free), strict=True))
            model = BetaGeo(params | {"b": float(np.exp(held))}, unit="W")
            return -model.log_likelihood_of(summary.cells)

        best = minimize(minus, np.log([bg.params[n] for n in ("r", "alpha", "a")]), method="Nelder-Mead",
                        options={"xatol": 1e-7, "fatol": 1e-7, "maxiter": 4000})  # fmt: skip
        assert bg.log_likelihood + best.fun == pytest.approx(drop, abs=1e-3)


def test_a_ridge_is_longer_on_the_far_side(summary, bg):
    row = parameter_intervals(summary, bg).set_index("parameter").loc["b"]
    assert np.log(row["upper"] / row["estimate"]) > np.log(row["estimate"] / row["lower"])


def test_the_unit_changes_nothing_but_the_unit(summary, bg):
    days = summary.cells.assign(recency=summary.cells["recency"] * 7, T=summary.cells["T"] * 7)
    weekly = parameter_intervals(summary, bg).set_index("parameter")
    daily = parameter_intervals(days, BetaGeo.fit(days, unit="D")).set_index("parameter")
    for name, factor in (("r", 1), ("alpha", 7), ("a", 1), ("b", 1)):
        for end in ("lower", "upper"):
            assert daily.loc[name, end] == pytest.approx(factor * weekly.loc[name, end], rel=1e-5)


def test_given_parameters_have_no_interval(summary):
    model = BetaGeo({"r": 0.2, "alpha": 4.0, "a": 0.8, "b": 2.4}, unit="W")
    with pytest.raises(ParameterError, match="need a fit that converged"):
        parameter_intervals(summary, model)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        parameter_intervals(summary, model, level=2)


def held_out(of, fit, name, value):
    """The best log-likelihood with one parameter held, by a search without derivatives."""
    free = [n for n in fit.NAMES if n != name]

    def minus(logs):
        params = dict(zip(free, np.exp(logs), strict=True)) | {name: value}
        return -of(type(fit).at, params)

    start = np.log([fit.params[n] for n in free])
    return -minimize(
        minus, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-7, "maxiter": 8000}
    ).fun


def test_spend_and_contracts_are_profiled_too(summary, gg):
    survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    contracts = btyd.ShiftedBetaGeo.fit(survivors)
    for fit, source, names in ((gg, summary, ["p", "v"]), (contracts, survivors, ["gamma", "delta"])):
        found = parameter_intervals(source, fit).set_index("parameter")
        assert found.loc[names, "method"].tolist() == ["profile", "profile"]
        for end in ("lower", "upper"):
            best = held_out(
                lambda at, p, s=source: at(s, p).log_likelihood, fit, names[0], found.loc[names[0], end]
            )
            assert fit.log_likelihood - best == pytest.approx(1.9207, abs=2e-3)


def test_regular_buyers_with_one_event_have_the_intervals_of_bg(summary, bg):
    one = parameter_intervals(summary, btyd.RegularBetaGeo.fit(summary, k=1))
    plain = parameter_intervals(summary, bg)
    np.testing.assert_allclose(one[["lower", "upper"]], plain[["lower", "upper"]], rtol=1e-5)
    two = parameter_intervals(summary, btyd.RegularModifiedBetaGeo.fit(summary, k=2))
    assert ((two["lower"] < two["estimate"]) & (two["estimate"] < two["upper"])).all()


def test_models_without_a_profile_say_what_to_read(summary, frame):
    with pytest.raises(ParameterError, match="a CovariateFit has no profile intervals"):
        parameter_intervals(frame, btyd.fit_covariates(BetaGeo, frame, unit="W"))


@pytest.mark.parametrize(("kind", "near"), [(BetaGeo, 0.02), (ModifiedBetaGeo, 0.02), (ParetoNBD, 0.05)])
def test_totals_hardly_know_a_ridge_from_a_hill(summary, kind, near):
    """Normal draws against the same draws weighted by the likelihood: the ends of the total's interval."""
    fit, cells = kind.fit(summary), summary.cells
    drawn = fit.drawn(1_000, np.random.default_rng(1))
    off = np.log([m.values for m in drawn]) - np.log(fit.values)
    normal = -np.einsum("di,ij,dj->d", off, np.linalg.inv(log_covariance_of(fit)), off) / 2
    true = np.array([m.log_likelihood_of(cells) for m in drawn]) - fit.log_likelihood
    weight = np.exp(true - normal)
    totals = np.array([m.expected_purchases(cells, 39) @ cells["customers"] for m in drawn])
    order = np.argsort(totals)
    share = np.cumsum(weight[order]) / weight.sum()
    for q in (0.025, 0.975):
        assert totals[order][np.searchsorted(share, q)] == pytest.approx(np.quantile(totals, q), rel=near)
