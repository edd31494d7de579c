"""Models of pymc-marketing, read and made; the package itself is no dependency, so its shape is played."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.btyd import BetaGeo, GammaGamma, ParetoNBD
from crm_analytics.analyses.btyd.fitting.pymc_bridge import posterior_of
from crm_analytics.errors import ParameterError

PARAMS = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}


class BetaGeoModel:
    """Of pymc-marketing: data, and after the fit an xarray-like posterior (chain, draw)."""

    def __init__(self, data=None, posterior=None):
        self.data, self.posterior, self.idata = data, posterior, None

    def build_model(self):
        self.built = True

    @property
    def fit_result(self):
        if self.posterior is None:
            raise RuntimeError("The model hasn't been fit yet, call .fit() first")
        return self.posterior


def at(point: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([[value]]) for name, value in point.items()}


def test_a_point_is_read_with_the_likelihood_of_its_own_data(summary, bg):
    rows = summary.customers.to_pandas()
    found = BetaGeo.from_pymc_marketing(BetaGeoModel(rows, at(bg.params)), unit="W")
    assert found.params == pytest.approx(bg.params)
    assert found.diagnosis.converged
    assert "pymc-marketing" in found.diagnosis.message
    assert found.log_likelihood == pytest.approx(bg.log_likelihood, abs=1e-6)
    pd.testing.assert_frame_equal(found.covariance, bg.covariance, rtol=1e-4)


def test_draws_give_their_mean_and_covariance():
    rng = np.random.default_rng(2)
    draws = {name: value * np.exp(0.1 * rng.standard_normal((2, 500))) for name, value in PARAMS.items()}
    found = BetaGeo.from_pymc_marketing(BetaGeoModel(None, draws))
    assert found.params["alpha"] == pytest.approx(draws["alpha"].mean())
    assert found.standard_errors["r"] == pytest.approx(draws["r"].std(ddof=1))


@pytest.mark.parametrize(
    ("made", "kind", "says"),
    [
        (BetaGeoModel(), BetaGeo, "is not fitted"),
        (BetaGeoModel(None, at({"r": 1.0})), BetaGeo, "has other parameters"),
        (BetaGeoModel(None, at(PARAMS) | {"alpha": np.ones((1, 1, 5))}), BetaGeo, "has covariates"),
        (BetaGeoModel(None, at(PARAMS)), ParetoNBD, "takes a fitted ParetoNBDModel, got a BetaGeoModel"),
        (SimpleNamespace(), GammaGamma, "takes a fitted GammaGammaModel, got a SimpleNamespace"),
    ],
)
def test_anything_else_says_what_it_is(made, kind, says):
    with pytest.raises(ParameterError, match=says):
        kind.from_pymc_marketing(made)


def test_draws_go_out_as_the_fit_left_them(bg):
    draws = posterior_of(bg, 4_000)
    assert {v.shape for v in draws.values()} == {(1, 4_000)}
    logs = np.log(np.array([draws[n][0] for n in bg.NAMES]))
    assert np.exp(logs.mean(axis=1)) == pytest.approx(bg.values, rel=0.02)
    assert np.corrcoef(logs)[2, 3] == pytest.approx(0.9405, abs=0.01)


def test_a_model_is_made_where_the_package_is(bg, monkeypatch):
    clv, arviz = ModuleType("pymc_marketing.clv"), ModuleType("arviz")
    clv.BetaGeoModel, arviz.from_dict = BetaGeoModel, lambda posterior: posterior
    monkeypatch.setitem(sys.modules, "pymc_marketing", ModuleType("pymc_marketing"))
    monkeypatch.setitem(sys.modules, "pymc_marketing.clv", clv)
    monkeypatch.setitem(sys.modules, "arviz", arviz)
    rows = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.43], "T": [38.86]})
    made = bg.to_pymc_marketing(rows, draws=10)
    assert made.built
    assert made.idata["b"].shape == (1, 10)
    assert made.data is rows


def test_without_the_package_the_message_says_what_to_do(bg, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymc_marketing.clv", None)
    with pytest.raises(ParameterError, match="pip install pymc-marketing"):
        bg.to_pymc_marketing(pd.DataFrame())
