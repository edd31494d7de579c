"""Intervals of totals: published, covering, reproducible, and the same by either way of computing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting import simulation
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.purchases.dropout_model import posterior
from crm_analytics.analyses.btyd.totals import purchase_totals, value_totals
from crm_analytics.errors import ParameterError

ACTUAL = 1_882


def test_bgnbd_interval_matches_clv_section_0(summary, bg):
    found = btyd.forecast_total(summary, bg, 39)
    assert found.mean == pytest.approx(1653.41, abs=0.005)
    assert found.lower == pytest.approx(1472, abs=30)
    assert found.upper == pytest.approx(1850, abs=30)
    assert not found.covers(ACTUAL)
    assert found.lower < found.parameter_lower < found.mean < found.parameter_upper < found.upper
    assert (found.customers, found.level, found.note) == (2357, 0.95, "")


def test_mbgnbd_interval_matches_clv_section_0(summary, mbg):
    """The print is itself one run of 400 draws; its quantiles have a standard error of about 11."""
    found = btyd.forecast_total(summary, mbg, 39)
    assert found.mean == pytest.approx(1576.73, abs=0.005)
    assert found.lower == pytest.approx(1388, abs=30)
    assert found.upper == pytest.approx(1745, abs=35)
    assert not found.covers(ACTUAL)


def test_chance_alone_matches_clv_section_6(summary, bg):
    """clv.md 6.2: 1,522-1,795 from chance alone."""
    known = btyd.BetaGeo(bg.params, unit="W")
    found = btyd.forecast_total(summary, known, 39, draws=1000)
    assert found.lower == pytest.approx(1522, abs=20)
    assert found.upper == pytest.approx(1795, abs=20)
    assert found.parameter_lower == pytest.approx(found.parameter_upper)
    assert "chance alone" in found.note


def test_equal_seeds_give_equal_intervals(summary, bg, gg):
    assert btyd.forecast_total(summary, bg, 39) == btyd.forecast_total(summary, bg, 39)
    assert btyd.forecast_total(summary, bg, 39) != btyd.forecast_total(summary, bg, 39, seed=2)
    assert btyd.value_total(summary, bg, gg) == btyd.value_total(summary, bg, gg)


@pytest.mark.parametrize("which", ["bg", "mbg"])
def test_drawn_futures_have_the_forecast_as_mean(summary, which, request):
    """Checks the posterior of rate and dropout against the closed expectation."""
    model = request.getfixturevalue(which)
    cells = summary.cells[summary.cells["frequency"].isin([0, 1, 3])]
    x, recency, T = (np.repeat(cells[c].to_numpy(float), 200) for c in ("frequency", "recency", "T"))
    rng = np.random.default_rng(5)
    rate, leave, alive = posterior(
        model.values, model.SHIFT, (x, T, model.alive(History(x, recency, T))), rng
    )
    bought = np.where(alive, np.minimum(rng.poisson(rate * 39), rng.geometric(leave)), 0)
    expected = model.expected_purchases(pd.DataFrame({"frequency": x, "recency": recency, "T": T}), 39)
    for count in (0, 1, 3):
        here = x == count
        error = bought[here].std() / np.sqrt(here.sum())
        assert bought[here].mean() == pytest.approx(expected[here].mean(), abs=4 * error)


def test_value_total_is_the_sum_of_values(summary, frame, bg, gg):
    found = btyd.value_total(summary, bg, gg, horizon=(52, "W"), rate=0.15)
    assert found.mean == pytest.approx(bg.lifetime_value(gg, frame, (52, "W"), 0.15).sum(), rel=1e-9)
    assert found.lower < found.parameter_lower < found.mean < found.parameter_upper < found.upper


@pytest.mark.parametrize("timing", ["end", "continuous"])
def test_drawn_values_have_the_value_as_mean(summary, bg, gg, timing):
    known, spend = btyd.BetaGeo(bg.params, unit="W"), btyd.GammaGamma(gg.params)
    discount = Discount.of((52, "W"), 0.5, timing, "W")
    cells = pd.concat([summary.cells, summary.cell_days["monetary_value"]], axis=1)
    cells = cells[cells["frequency"] == 1]
    rows = np.repeat(np.arange(len(cells)), 300)
    who, means = History.of(cells).rows(rows), cells["monetary_value"].to_numpy(float)[rows]
    drawn = simulation.worth_of_a_future((known, spend), who, means, discount, np.random.default_rng(3))
    expected = known.lifetime_value(spend, cells, (52, "W"), 0.5, timing).mean()
    assert drawn.mean() == pytest.approx(expected, abs=4 * drawn.std() / np.sqrt(len(drawn)))


def test_large_bases_by_their_normal_limit_agree_with_drawing_all(summary, bg, gg, monkeypatch):
    options = {"draws": 2000, "seed": 4}
    all_drawn = btyd.forecast_total(summary, bg, 39, **options)
    money = btyd.value_total(summary, bg, gg, **options)
    for module in (purchase_totals, value_totals):
        monkeypatch.setattr(module, "EXACT_UP_TO", 10)
    limit = btyd.forecast_total(summary, bg, 39, **options)
    assert limit.mean == all_drawn.mean
    assert (limit.lower, limit.upper) == pytest.approx((all_drawn.lower, all_drawn.upper), abs=30)
    money_limit = btyd.value_total(summary, bg, gg, **options)
    assert (money_limit.lower, money_limit.upper) == pytest.approx((money.lower, money.upper), rel=0.04)


def test_quadratic_follows_the_exact_mean(summary, bg):
    """The parameters' part against evaluating every draw on all cells."""
    rng = np.random.default_rng(1)
    models = bg.drawn(100, rng)
    n = summary.cells["customers"].to_numpy()
    exact = np.array([m.expected_purchases(summary.cells, 39) @ n for m in models])

    def mean_of(m, who, weight):
        return float(weight @ m.purchases(who, np.array([39.0]))[:, 0])

    ratio = purchase_totals.ratios(bg, models, summary.cells, mean_of)
    centre = bg.expected_purchases(summary.cells, 39) @ n
    np.testing.assert_allclose(centre * ratio, exact, rtol=0.01)


def test_interval_covers_as_often_as_it_says(draw_histories):
    """Twenty bases of known parameters: a 90 % interval of what comes next."""
    truth = {"r": 0.5, "alpha": 4.0, "a": 0.9, "b": 2.5}
    rng = np.random.default_rng(12)
    covered = 0
    for seed in range(20):
        rows = draw_histories(800, 40, truth, 0, seed=100 + seed)
        model = btyd.BetaGeo.fit(rows)
        came = btyd.BetaGeo(truth).simulate(History.of(rows), 20, rng).sum()
        covered += btyd.forecast_total(rows, model, 20, level=0.9, draws=200).covers(came)
    assert covered >= 15


def test_bad_options_say_so(summary, bg):
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        btyd.forecast_total(summary, bg, 39, level=95)
    with pytest.raises(ParameterError, match="draws must be 100 or more"):
        btyd.forecast_total(summary, bg, 39, draws=10)
