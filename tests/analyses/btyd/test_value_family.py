"""Money of every model of purchases and of spend: by customer, in all, and with what is open about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.errors import DataError, ParameterError

WANTED = {"horizon": (39, "W"), "rate": 0.1}


@pytest.fixture(scope="module")
def regular(summary):
    return btyd.RegularModifiedBetaGeo.fit(summary, k=2)


@pytest.fixture(scope="module")
def banded(summary):
    return btyd.BandedGammaGamma.fit(summary)


@pytest.fixture(scope="module")
def halves(frame):
    return frame.assign(half=np.where(np.arange(len(frame)) % 2, "odd", "even"))


@pytest.fixture(scope="module")
def by_half(halves):
    return btyd.fit_covariates(btyd.BetaGeo, halves, buying=["half"], leaving=["half"], unit="W")


def scored(past, table, frame):
    found = past.collect(table).set_index("customer_id")
    return found.loc[frame["customer_id"]]


# -- regular buyers ---------------------------------------------------------------------------------


def test_scores_of_regular_buyers_are_their_values(summary, past, frame, regular, gg):
    found = scored(past, btyd.score(summary, regular, gg, **WANTED), frame)
    value = regular.lifetime_value(gg, frame, WANTED["horizon"], WANTED["rate"])
    np.testing.assert_allclose(found["lifetime_value"], value, rtol=1e-9)
    np.testing.assert_allclose(found["expected_purchases"], regular.expected_purchases(frame, 39), rtol=1e-9)


def test_value_total_of_regular_buyers_is_the_sum_with_an_interval(summary, frame, regular, gg):
    total = btyd.value_total(summary, regular, gg, draws=200, **WANTED)
    value = regular.lifetime_value(gg, frame, WANTED["horizon"], WANTED["rate"])
    assert total.mean == pytest.approx(value.sum(), rel=1e-6)
    assert total.lower < total.parameter_lower < total.mean < total.parameter_upper < total.upper


@pytest.mark.parametrize("k", [1, 2, 4])
def test_drawn_futures_of_regular_buyers_have_the_value_as_mean(k):
    model = btyd.RegularBetaGeo({"r": 1.2, "alpha": 3.0, "a": 0.8, "b": 2.4}, unit="W", k=k)
    rng, size = np.random.default_rng(4), 40_000
    who = History(*(np.full(size, v) for v in (4.0, 20.0, 24.0)))
    owner, moment = model.simulate_times(who, 26.0, rng)
    assert ((moment >= 0) & (moment <= 26)).all()
    for t in (6.0, 26.0):
        came = np.bincount(owner[moment <= t], minlength=size)
        expected = model.purchases(who.rows([0]), np.array([t])).item()
        assert came.mean() == pytest.approx(expected, abs=4 * came.std() / np.sqrt(size))


# -- covariates -------------------------------------------------------------------------------------


def test_values_with_covariates_have_intervals_by_customer_and_in_all(halves, by_half, gg):
    few = halves.head(300)
    single = btyd.value_intervals(few, by_half, gg, draws=400, **WANTED)
    value = by_half.lifetime_value(gg, few, WANTED["horizon"], WANTED["rate"])
    np.testing.assert_allclose(single["lifetime_value"], value, rtol=1e-12)
    assert ((single["lower"] <= single["upper"]) & single["nothing"].between(0, 1)).all()
    total = btyd.value_total(few, by_half, gg, **WANTED)
    assert total.mean == pytest.approx(value.sum(), rel=1e-12)
    assert total.lower < total.mean < total.upper
    assert total.customers == 300
    assert total == btyd.value_total(few, by_half, gg, **WANTED)


@pytest.mark.parametrize("kind", [btyd.ModifiedBetaGeo, btyd.ParetoNBD])
def test_drawn_values_with_covariates_have_the_value_as_mean(kind, halves, gg):
    fit = btyd.fit_covariates(kind, halves, buying=["half"], leaving=["half"], unit="W")
    many = pd.concat([halves[halves["frequency"] > 4].head(1)] * 7_000, ignore_index=True)
    spend = btyd.GammaGamma(gg.params)
    total = btyd.value_total(many, fit, spend, draws=100, **WANTED)
    middle = (total.lower + total.upper) / 2
    assert middle == pytest.approx(total.mean, abs=(total.upper - total.lower) / 2)


def test_covariates_and_counted_models_say_what_to_ask_instead(summary, by_half, gg, bg, frame):
    with pytest.raises(ParameterError, match="those know no covariates; ask lifetime_value of a frame"):
        btyd.score(summary, by_half, gg)
    with pytest.raises(ParameterError, match="a summary knows no covariates; give a frame"):
        btyd.value_total(summary, by_half, gg)
    gifts = btyd.BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}, unit="W")
    with pytest.raises(ParameterError, match="those know no opportunities; ask lifetime_value of a frame"):
        btyd.score(summary, gifts, gg)
    with pytest.raises(ParameterError, match="BG/BB counts opportunities: of a total ask forecast_total"):
        btyd.value_total(summary, gifts, gg)
    with pytest.raises(ParameterError, match="BG/BB counts opportunities: intervals are those of"):
        btyd.value_intervals(frame.head(), gifts, gg)
    with pytest.raises(ParameterError, match="value_total takes a summary; of a frame ask lifetime_value"):
        btyd.value_total(frame, bg, gg)


def test_value_intervals_say_that_money_is_missing(frame, bg, gg):
    with pytest.raises(DataError, match="the frame has no column 'monetary_value'"):
        btyd.value_intervals(frame.head().drop(columns="monetary_value"), bg, gg)


# -- spend by frequency band ------------------------------------------------------------------------


def test_bands_score_each_customer_by_his_own(summary, past, frame, bg, banded):
    assert len(banded.lowest) > 1
    found = scored(past, btyd.score(summary, bg, banded, **WANTED), frame)
    np.testing.assert_allclose(found["expected_spend"], banded.expected_spend(frame), rtol=1e-9)
    value = bg.lifetime_value(banded, frame, WANTED["horizon"], WANTED["rate"])
    np.testing.assert_allclose(found["lifetime_value"], value, rtol=1e-9)


def test_bands_have_a_total_and_intervals(summary, frame, bg, banded):
    total = btyd.value_total(summary, bg, banded, **WANTED)
    value = bg.lifetime_value(banded, frame, WANTED["horizon"], WANTED["rate"])
    assert total.mean == pytest.approx(value.sum(), rel=1e-9)
    assert total.lower < total.parameter_lower < total.mean < total.parameter_upper < total.upper
    assert total.note == ""
    single = btyd.value_intervals(frame.head(20), bg, banded, draws=200, **WANTED)
    np.testing.assert_allclose(single["lifetime_value"], value.head(20), rtol=1e-12)


def test_equal_bands_are_one_level(summary, bg, gg):
    known = btyd.GammaGamma(gg.params)
    equal = btyd.BandedGammaGamma((1, 3), (known, known))
    one, two = (btyd.value_total(summary, bg, spend, draws=200, **WANTED) for spend in (known, equal))
    assert two.mean == pytest.approx(one.mean, rel=1e-12)
    assert two.upper == pytest.approx(one.upper, rel=0.05)
    assert "Gamma-Gamma by frequency: parameters were given" in two.note
