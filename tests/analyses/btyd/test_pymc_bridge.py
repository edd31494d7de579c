"""Models of pymc-marketing, read and made.

The package is no dependency. Its shape is played by a stub with the signatures of 0.19 without what it says
goes with 1.0 (data given to the constructor); where the package can be imported, the last test asks it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.btyd import BetaGeo, GammaGamma, ParetoNBD
from crm_analytics.analyses.btyd.fitting.pymc_bridge import posterior_of
from crm_analytics.errors import ParameterError

PARAMS = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}


class BetaGeoModel:
    """Of pymc-marketing: made without data; after the fit an xarray-like posterior (chain, draw)."""

    def __init__(self, *, model_config=None, sampler_config=None, non_distributions=None):
        self.idata = None

    def build_model(self, data):
        assert {"customer_id", "frequency", "recency", "T"} <= set(data.columns)
        self.data = data

    @property
    def fit_result(self):
        if self.idata is None or "posterior" not in self.idata:
            raise RuntimeError("The model hasn't been fit yet, call .fit() first")
        return self.idata["posterior"]


def fitted(data=None, posterior=None) -> BetaGeoModel:
    made = BetaGeoModel()
    if data is not None:
        made.build_model(data)
    if posterior is not None:
        made.idata = {"posterior": posterior}
    return made


def from_dict(posterior=None, *, prior=None):
    """Of ArviZ before 1."""
    return {"posterior": posterior}


def from_dict_of_groups(data, *, name=None):
    """Of ArviZ 1."""
    return data


def at(point: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([[value]]) for name, value in point.items()}


def test_a_point_is_read_with_the_likelihood_of_its_own_data(summary, bg):
    rows = summary.customers.to_pandas()
    found = BetaGeo.from_pymc_marketing(fitted(rows, at(bg.params)), unit="W")
    assert found.params == pytest.approx(bg.params)
    assert found.diagnosis.converged
    assert "pymc-marketing" in found.diagnosis.message
    assert found.log_likelihood == pytest.approx(bg.log_likelihood, abs=1e-6)
    pd.testing.assert_frame_equal(found.covariance, bg.covariance, rtol=1e-4)


def test_draws_give_their_mean_and_covariance():
    rng = np.random.default_rng(2)
    draws = {name: value * np.exp(0.1 * rng.standard_normal((2, 500))) for name, value in PARAMS.items()}
    found = BetaGeo.from_pymc_marketing(fitted(None, draws))
    assert found.params["alpha"] == pytest.approx(draws["alpha"].mean())
    assert found.standard_errors["r"] == pytest.approx(draws["r"].std(ddof=1))


@pytest.mark.parametrize(
    ("made", "kind", "says"),
    [
        (fitted(), BetaGeo, "is not fitted"),
        (fitted(None, at({"r": 1.0})), BetaGeo, "has other parameters"),
        (fitted(None, at(PARAMS) | {"alpha": np.ones((1, 1, 5))}), BetaGeo, "has covariates"),
        (fitted(None, at(PARAMS)), ParetoNBD, "takes a fitted ParetoNBDModel, got a BetaGeoModel"),
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


ROWS = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.43], "T": [38.86]})


def played(monkeypatch, kind, reader) -> None:
    clv, arviz = ModuleType("pymc_marketing.clv"), ModuleType("arviz")
    clv.BetaGeoModel, arviz.from_dict = kind, reader
    monkeypatch.setitem(sys.modules, "pymc_marketing", ModuleType("pymc_marketing"))
    monkeypatch.setitem(sys.modules, "pymc_marketing.clv", clv)
    monkeypatch.setitem(sys.modules, "arviz", arviz)


@pytest.mark.parametrize("reader", [from_dict, from_dict_of_groups])
def test_a_model_is_made_where_the_package_is(bg, monkeypatch, reader):
    played(monkeypatch, BetaGeoModel, reader)
    made = bg.to_pymc_marketing(ROWS, draws=10)
    assert made.fit_result["b"].shape == (1, 10)
    assert made.data is ROWS


def test_a_package_too_old_says_so(bg, monkeypatch):
    class Old(BetaGeoModel):
        def build_model(self):
            pass

    played(monkeypatch, Old, from_dict)
    with pytest.raises(ParameterError, match="takes no data when a model is built: install a newer one"):
        bg.to_pymc_marketing(ROWS)


@pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="pymc-marketing is not installed here")
@pytest.mark.filterwarnings("ignore")
def test_the_package_itself_takes_and_gives_our_models(bg, frame):
    """In an environment of its own: pip install pymc-marketing."""
    rows = frame.head(60).reset_index(drop=True)
    rows["customer_id"] = np.arange(len(rows))
    made = bg.to_pymc_marketing(rows[["customer_id", "frequency", "recency", "T"]], draws=200)
    drawn = posterior_of(bg, 200)
    for name in bg.NAMES:
        np.testing.assert_allclose(np.asarray(made.fit_result[name]), drawn[name])
    theirs = np.asarray(made.expected_probability_alive(rows)).mean(axis=(0, 1))
    ours = np.mean(
        [BetaGeo({n: float(drawn[n][0, i]) for n in bg.NAMES}).probability_alive(rows) for i in range(200)],
        axis=0,
    )
    np.testing.assert_allclose(theirs, ours, rtol=1e-6)
    again = BetaGeo.from_pymc_marketing(made, unit="W")
    assert again.params == pytest.approx({n: float(drawn[n].mean()) for n in bg.NAMES})


def test_without_the_package_the_message_says_what_to_do(bg, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymc_marketing.clv", None)
    with pytest.raises(ParameterError, match="pip install pymc-marketing"):
        bg.to_pymc_marketing(pd.DataFrame())
