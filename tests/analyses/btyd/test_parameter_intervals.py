"""Profile intervals where parameters trade off, Wald's where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from crm_analytics.analyses.btyd import BetaGeo, ParetoNBD
from crm_analytics.analyses.btyd.parameter_intervals import parameter_intervals
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
    with pytest.raises(ParameterError, match="need a fit that came to rest"):
        parameter_intervals(summary, model)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        parameter_intervals(summary, model, level=2)
