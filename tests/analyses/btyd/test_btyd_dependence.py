"""Spend against frequency: the rank test of clv.md 6.4, planted dependence, bands of spend."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.spend.banded_spend import BandedLikelihood
from crm_analytics.analyses.btyd.spend.gamma_gamma import SpendLikelihood
from crm_analytics.errors import NotEnoughData


@pytest.fixture(scope="module")
def found(summary, bg, gg):
    return btyd.dependence(summary, bg, 52.0, spend=gg)


def spends(rng, x, p, q, v):
    """Mean spend of x purchases each of customers whose scale v may differ."""
    nu = rng.gamma(q, 1, len(x)) / v
    return rng.gamma(p * x) / nu / x


def test_rank_correlation_matches_clv_section_6_4(found):
    test = found.test
    assert test.customers == 946
    assert test.spearman == pytest.approx(0.206, abs=5e-4)
    assert test.p == pytest.approx(1.5e-10, abs=5e-12)
    assert test.pearson == pytest.approx(0.114, abs=5e-4)
    assert test.lower < test.spearman < test.upper


def test_cells_give_the_same_as_scipy_on_rows(found, frame):
    rows = frame[(frame["frequency"] > 0) & (frame["monetary_value"] > 0)]
    ranks = stats.spearmanr(rows["frequency"], rows["monetary_value"])
    plain = stats.pearsonr(rows["frequency"], rows["monetary_value"])
    assert (found.test.spearman, found.test.p) == pytest.approx((ranks.statistic, ranks.pvalue), rel=1e-9)
    assert (found.test.pearson, found.test.pearson_p) == pytest.approx(
        (plain.statistic, plain.pvalue), rel=1e-9
    )


def test_total_matches_clv_section_3_5(found):
    assert found.total == pytest.approx(75_707.92, abs=0.01)
    assert found.total_banded == pytest.approx(found.total * (1 + found.change))
    assert found.change_lower < found.change < found.change_upper


def test_bands_of_cdnow_say_what_independence_hides(found):
    bands = found.bands
    assert bands["customers"].sum() == 946
    assert bands["independent"].tolist() == pytest.approx([35.1704] * len(bands), abs=5e-5)
    busiest = bands.iloc[-1]
    assert busiest["lower"] > busiest["independent"]
    assert found.likelihood_p < 0.01
    assert "more on a purchase (rank correlation 0.21" in found.words[0]
    assert found.p < 0.001
    assert f"{found.change:+.1%}" in found.words[1]


def test_spend_of_the_holdout_adds_up_and_one_timers_stand_alone(summary, future, gg, found):
    table = btyd.spend_held_by_band(summary, future, gg)
    assert table["band"].tolist() == ["0", "1", "2", "3-4", "5-7", "8+"]
    assert table["purchases"].sum() == 1882
    assert (table["actual"] * table["purchases"]).sum() == pytest.approx(70_976.39, abs=0.005)
    assert table["customers"].sum() == 684
    assert table["predicted"].iloc[0] == pytest.approx(gg.mean_spend)
    banded = btyd.spend_held_by_band(summary, future, found.banded)
    assert banded["predicted"].iloc[0] < table["predicted"].iloc[0]
    assert banded["actual"].equals(table["actual"])


def test_dependence_of_the_past_did_not_last_on_cdnow_and_says_so(summary, bg, gg, found, future):
    """In the sample busy customers spend more (p below 1e-6); afterwards they did not."""
    both = btyd.dependence(summary, bg, 52.0, spend=gg, future=future)
    assert found.handle
    assert not both.handle
    assert (both.change, both.p) == (found.change, found.p)
    weight = both.held["purchases"] / 1882
    assert both.error_pooled == pytest.approx(weight @ (both.held["actual"] - both.held["pooled"]).abs())
    assert both.error_banded > both.error_pooled
    assert "The bands came no nearer to what was spent afterwards" in both.words[2]
    assert both.words[-1] == "So one spend model for all will do."
    assert found.held.empty


def test_derivatives_of_all_bands_match_differences():
    rng = np.random.default_rng(4)
    x = np.repeat([1.0, 2.0, 5.0], 30)
    bands = tuple(
        SpendLikelihood(x[part], spends(rng, x[part], 4.0, 5.0, 2.0), np.ones(30))
        for part in (slice(0, 30), slice(30, 60), slice(60, 90))
    )
    objective, at = BandedLikelihood(bands), np.log([3.0, 4.0, 1.0, 2.0, 5.0])
    _, gradient, hessian = objective(at)
    for i, unit in enumerate(np.eye(5) * 1e-5):
        up, down = objective(at + unit), objective(at - unit)
        assert gradient[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-5, abs=1e-8)
        np.testing.assert_allclose(hessian[i], (up[1] - down[1]) / 2e-5, rtol=1e-5, atol=1e-8)


def test_one_band_is_gamma_gamma(summary, gg):
    one = btyd.BandedGammaGamma.fit(summary, bands=(1,))
    assert one.models[0].params == pytest.approx(gg.params, rel=1e-6)
    assert one.log_likelihood == pytest.approx(gg.log_likelihood, abs=1e-6)
    several = btyd.BandedGammaGamma.fit(summary)
    assert several.log_likelihood > gg.log_likelihood
    assert several.diagnosis.converged


def test_bands_recover_planted_truth():
    rng = np.random.default_rng(5)
    x = rng.integers(1, 9, 20_000).astype(float)
    scale = np.where(x < 3, 30.0, np.where(x < 5, 45.0, 80.0))
    frame = pd.DataFrame({"frequency": x, "monetary_value": spends(rng, x, 4.0, 5.0, scale)})
    found = btyd.BandedGammaGamma.fit(frame, bands=(1, 3, 5))
    errors = np.sqrt(np.diag(found.log_covariance))
    at = np.log([4.0, 5.0, 30.0, 45.0, 80.0])
    p, q, _ = found.models[0].values
    away = np.log([p, q, *(m.params["v"] for m in found.models)]) - at
    assert (np.abs(away) < 3.5 * errors).all()
    assert [m.mean_spend for m in found.models] == pytest.approx([30.0, 45.0, 80.0], rel=0.03)
    once = pd.DataFrame({"frequency": [0.0], "monetary_value": [0.0]})
    assert found.expected_spend(once)[0] == found.models[0].mean_spend


class Source:
    """A summary as far as this analysis looks at it."""

    def __init__(self, rows):
        self.cells = rows.assign(customers=1.0)
        self.cell_days = rows[["monetary_value"]]
        some = rows[rows["frequency"] > 0]
        self.spend_cells = some[["frequency", "monetary_value"]].assign(customers=1)
        self.unit = "W"


def base(depends, customers=4_000, seed=8, p=6.0):
    rng = np.random.default_rng(seed)
    x = rng.negative_binomial(0.8, 0.2, customers).astype(float)
    scale = 100.0 * (1 + x) ** depends
    mean = np.where(x > 0, spends(rng, np.maximum(x, 1), p, 4.0, scale), 0.0)
    rows = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 30.0, 0.0), "T": 39.0})
    return Source(rows.assign(monetary_value=mean))


@pytest.fixture(scope="module")
def buying():
    return btyd.ModifiedBetaGeo({"r": 0.8, "alpha": 8.0, "a": 0.5, "b": 3.0}, unit="W")


@pytest.fixture
def no_frames(monkeypatch):
    """`Source` is no summary: let the checks at the door take its columns as they are."""
    from crm_analytics.analyses.btyd.fitting import histories

    real = histories.cells_of

    def cells_of(source, columns, what):
        return real(source.spend_cells if isinstance(source, Source) else source, columns, what)

    for module in ("gamma_gamma", "banded_spend"):
        monkeypatch.setattr(f"crm_analytics.analyses.btyd.spend.{module}.cells_of", cells_of)
        monkeypatch.setattr(
            f"crm_analytics.analyses.btyd.spend.{module}.unit_of", lambda s, u: "W", raising=False
        )


def test_planted_dependence_is_found_and_handled(buying, no_frames):
    source = base(0.5)
    found = btyd.dependence(source, buying, 52.0)
    assert found.p < 1e-6
    assert found.likelihood_p < 1e-6
    assert found.handle
    assert "Use the banded model for money." in found.words
    # the truth of one-timers is below what one model for all says of them
    once = pd.DataFrame({"frequency": [0.0], "monetary_value": [0.0]})
    assert found.banded.expected_spend(once)[0] < found.pooled.expected_spend(once)[0]
    # nearer to the truth: 6 * 100 * 2**.5 / 3 for the lowest band
    assert found.banded.models[0].mean_spend == pytest.approx(6 * 100 * 2**0.5 / 3, rel=0.1)


def test_independence_is_not_rejected_and_changes_nothing(buying, no_frames):
    found = btyd.dependence(base(0.0), buying, 52.0)
    assert found.p > 0.05
    assert found.likelihood_p > 0.05
    assert found.words[0].startswith("No dependence of spend on frequency worth speaking of is seen")
    assert not found.handle
    assert abs(found.change) < 0.05
    assert found.bands["ratio"].between(0.9, 1.1).all()


def test_ranks_alone_would_reject_independence_where_it_holds(buying, no_frames):
    """Skewed amounts: the mean of one ranks below the mean of many, though their expectations are equal."""
    found = [btyd.dependence(base(0.0, 2_000, seed, p=1.0), buying) for seed in range(20, 26)]
    assert all(f.test.p < 0.01 for f in found)
    assert sum(f.p < 0.01 for f in found) == 0
    assert np.mean([f.test.spearman - f.expected_spearman for f in found]) == pytest.approx(0, abs=0.02)


def test_value_takes_the_banded_spend(found, frame, bg, gg):
    by_band = bg.lifetime_value(found.banded.expected_spend(frame), frame, (52, "W"), 0.15)
    pooled = bg.lifetime_value(gg, frame, (52, "W"), 0.15)
    assert by_band.sum() / pooled.sum() - 1 == pytest.approx(found.change, abs=0.002)


def test_thin_bands_join_their_neighbours(summary):
    found = btyd.BandedGammaGamma.fit(summary, bands=(1, 2, 3, 5, 8, 20), minimum=100)
    assert found.labels == ["1", "2", "3-4", "5+"]
    assert btyd.BandedGammaGamma.fit(summary, minimum=500).labels == ["1+"]


def test_json_round_trip_loses_nothing(found):
    again = btyd.BandedGammaGamma.from_json(json.loads(json.dumps(found.banded.to_json(), allow_nan=False)))
    assert again.lowest == found.banded.lowest
    assert [m.params for m in again.models] == [m.params for m in found.banded.models]
    np.testing.assert_array_equal(again.log_covariance, found.banded.log_covariance)
    assert again.diagnosis == found.banded.diagnosis


def test_a_banded_fit_at_its_limit_gives_no_interval_and_is_not_used(buying, no_frames):
    """Equal amounts: p runs to its limit."""
    source = base(0.0)
    some = source.cells["frequency"] > 0
    source.cell_days = pd.DataFrame({"monetary_value": np.where(some, 10.0, 0.0)})
    source.spend_cells["monetary_value"] = 10.0
    found = btyd.dependence(source, buying)
    assert found.banded is not None
    assert not found.banded.diagnosis.converged
    assert np.isnan(found.change_lower)
    assert not found.handle
    assert "its fit did not converge: no interval" in found.words[1]


def test_few_repeat_buyers_say_so(buying, no_frames):
    with pytest.raises(
        NotEnoughData, match="test of spend against frequency needs at least 30 repeat buyers"
    ):
        btyd.dependence(base(0.0, customers=30), buying)
    found = btyd.dependence(base(0.0, customers=200), buying)
    assert found.banded is None
    assert not found.handle
    assert "too few repeat buyers to give frequency bands" in found.words[1]
