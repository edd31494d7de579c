"""Whatever can be frozen comes back, and is watched; whatever cannot is refused before it is saved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks.frozen_models import FrozenModels, freeze
from crm_analytics.errors import ParameterError

KINDS = [btyd.BetaGeo, btyd.ParetoNBD, btyd.NBD, btyd.RegularBetaGeo, btyd.RegularModifiedBetaGeo]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def purchases(request, summary):
    return request.param.fit(summary)


def test_every_model_comes_back_and_scores_as_before(purchases, summary, past, gg, tmp_path):
    again = FrozenModels.load(freeze(summary, purchases, gg, purchases).save(tmp_path / "models.json"))
    assert again.purchases.params == purchases.params
    assert type(again.status) is type(purchases)
    assert getattr(again.purchases, "k", 1) == getattr(purchases, "k", 1)
    one, two = (past.collect(t) for t in (btyd.score(summary, purchases, gg), again.score(summary)))
    assert two["lifetime_value"].sum() == pytest.approx(one["lifetime_value"].sum(), rel=1e-9)


def test_bands_of_spend_come_back(summary, past, frame, bg, tmp_path):
    banded = btyd.BandedGammaGamma.fit(summary)
    path = freeze(summary, bg, banded).save(tmp_path / "models.json")
    again = FrozenModels.load(path)
    assert again.save(tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert again.spend.lowest == banded.lowest
    np.testing.assert_array_equal(again.spend.expected_spend(frame), banded.expected_spend(frame))
    total = past.collect(again.score(summary))["lifetime_value"].sum()
    assert total == pytest.approx(bg.lifetime_value(banded, frame).sum(), rel=1e-9)


def test_freeze_says_what_it_cannot_keep(summary, frame, bg, gg):
    covariates = btyd.fit_covariates(btyd.BetaGeo, frame, unit="W")
    gifts = btyd.BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}, unit="W")
    contracts = btyd.ShiftedBetaGeo({"gamma": 0.7, "delta": 1.2}, unit="W")
    for model in (covariates, gifts, contracts, gg):
        with pytest.raises(
            ParameterError, match=f"a {type(model).__name__} cannot be kept: models are frozen"
        ):
            freeze(summary, model, gg)
        with pytest.raises(ParameterError, match="cannot be kept"):
            freeze(summary, bg, gg, model)
    for spend in (bg, 35.0):
        with pytest.raises(ParameterError, match="cannot be kept as model of spend: give a GammaGamma"):
            freeze(summary, bg, spend)


def test_every_model_is_watched(purchases, summary, cdnow, gg):
    watched = btyd.drift(freeze(summary, purchases, gg), cdnow)
    assert len(watched.tracking) == 39
    found = watched.tracking["expected"].sum()
    cells = summary.cells.astype(float)
    expected = purchases.expected_purchases(cells, 39) @ cells["customers"]
    assert found == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(watched.stability["psi"]).all()


def test_nbd_counts_are_the_negative_binomial():
    model = btyd.NBD({"r": 0.385, "alpha": 12.07}, unit="W")
    n, t = np.arange(200), 39.0
    np.testing.assert_allclose(
        model.probability_of(n, t), stats.nbinom.pmf(n, 0.385, 12.07 / 51.07), rtol=1e-12
    )
    assert model.probability_of(np.arange(5_000), t).sum() == pytest.approx(1, abs=1e-12)
    assert model.probability_of(n, t) @ n == pytest.approx(model.expected_purchases_new(t), rel=1e-9)
    assert model.probability_of([0, 1], 0.0).tolist() == [1.0, 0.0]
    with pytest.raises(ParameterError, match="n must hold whole numbers >= 0"):
        model.probability_of(1.5, 1)
    with pytest.raises(ParameterError, match="t must hold numbers >= 0"):
        btyd.RegularBetaGeo({"r": 1, "alpha": 1, "a": 1, "b": 2}).probability_of(1, -1)


def test_in_sample_counts_of_every_model_add_up_to_the_customers(purchases, summary):
    counts = btyd.frequency_counts(summary, purchases)
    assert counts.table["expected"].sum() == pytest.approx(2357, rel=1e-12)
    assert (counts.table["expected"] > 0).all()
