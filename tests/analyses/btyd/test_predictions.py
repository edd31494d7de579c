"""What the models say of customers: clv.md §3.3 and §3.4, and laws."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError

TIMES = [1 / 7, 1, 3, 31.857, 32, 39, 52, 78]
PAPER = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def test_expected_purchases_new_match_clv_section_3_3(bg, mbg):
    of_bg = [0.007814, 0.053184, 0.150631, 1.04049, 1.043732, 1.19501, 1.444012, 1.857958]
    of_mbg = [0.007777, 0.05306, 0.150792, 1.033468, 1.036606, 1.18228, 1.418885, 1.80363]
    np.testing.assert_allclose(bg.expected_purchases_new(TIMES), of_bg, rtol=1e-4)
    np.testing.assert_allclose(mbg.expected_purchases_new(TIMES), of_mbg, rtol=1e-4)
    assert bg.expected_purchases_new(52) == pytest.approx(1.444004, rel=1e-4)  # R package BTYD


def test_named_customers_match_clv_section_3_4(bg, mbg, named):
    ahead = {"id 1": 39, "id 2": 39, "once": 39, "id 1516": 52, "id 6": 39}
    of_bg = [1.225994, 0.203419, 0.194794, 25.757337, 3.337571]
    of_mbg = [1.262759, 0.188945, 0.153966, 23.998190, 3.167169]
    for model, published in ((bg, of_bg), (mbg, of_mbg)):
        for (name, t), value in zip(ahead.items(), published, strict=True):
            found = model.expected_purchases(named.loc[[name]], t)
            assert found.loc[name] == pytest.approx(value, rel=5e-6)
    assert bg.probability_alive(named).tolist() == pytest.approx(
        [0.726620, 0.212391, 1, 0.968854, 0.641835], abs=1e-6
    )
    assert mbg.probability_alive(named).tolist() == pytest.approx(
        [0.706138, 0.170951, 0.389723, 0.965485, 0.622680], abs=1e-6
    )


def test_increasing_frequency_paradox_matches_btyd(bg):
    busy = pd.DataFrame({"frequency": [10, 15, 20, 25], "recency": 20.0, "T": 39.0})
    printed = [0.3474606, 0.04283391, 0.004158973, 0.0003583685]
    rounded = btyd.BetaGeo(PAPER)
    np.testing.assert_allclose(rounded.expected_purchases(busy, 52), printed, rtol=2e-4)
    found = bg.expected_purchases(busy, 52).to_numpy()
    np.testing.assert_allclose(found, printed, rtol=1e-4)  # exact where BTYD's search stops
    assert (np.diff(found) < 0).all()


def rounded_csv():
    """CDNOW as lifetimes ships it, times to two digits."""
    spec = importlib.util.find_spec("lifetimes")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "cdnow_customers_summary.csv"
    return pd.read_csv(path, index_col="ID").rename(columns={"x": "frequency", "t_x": "recency"})


def test_ranking_matches_lifetimes_on_its_rounded_csv():
    f = rounded_csv()
    top = btyd.BetaGeo.fit(f).expected_purchases(f, 1).nlargest(3)
    assert top.index.tolist() == [1516, 157, 1981]
    assert top.tolist() == pytest.approx([0.710623, 0.662396, 0.486526], abs=5e-7)


def test_expected_spend_matches_note_025(frame, gg):
    rounded = btyd.GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
    first_ten = frame.head(10)
    printed = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert rounded.expected_spend(first_ten).tolist() == pytest.approx(printed, abs=0.06)
    assert gg.expected_spend(first_ten).tolist() == pytest.approx(printed, abs=0.005)


def test_pmf_matches_btyd_man_page():
    model = btyd.BetaGeo(PAPER)
    assert model.probability_of(10, 2) == pytest.approx(1.07869e-07, rel=1e-5)
    assert model.probability_of(0, 39) == pytest.approx(0.5737864, rel=1e-6)
    found = model.probability_of(np.arange(11, 21), 30)
    assert found[[0, -1]].tolist() == pytest.approx([0.0019995214, 0.0002222260], rel=1e-6)


def test_in_sample_histogram_matches_clv_section_3_5(bg, frame):
    T = frame["T"].to_numpy()
    counts = [bg.probability_of(n, T).sum() for n in range(7)]
    counts.append(len(T) - sum(counts))
    printed = [1407.68, 460.32, 192.46, 101.16, 59.85, 38.12, 25.55, 71.85]
    np.testing.assert_allclose(counts, printed, atol=0.006)
    actual = np.array([1411, 439, 214, 100, 62, 38, 29, 64])
    assert ((actual - counts) ** 2 / counts).sum() == pytest.approx(4.821, abs=5e-4)


@pytest.mark.parametrize("model", [btyd.BetaGeo, btyd.ModifiedBetaGeo])
@pytest.mark.parametrize("t", [0.1, 5.0, 60.0])
def test_pmf_sums_to_one_and_its_mean_is_the_expectation(model, t):
    given = model(PAPER)
    n = np.arange(0, 4_000)
    p = given.probability_of(n, t)
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1, abs=1e-9)
    assert (n * p).sum() == pytest.approx(given.expected_purchases_new(t), rel=1e-8)


def test_pmf_matches_clv_section_1_1_where_lifetimes_is_nan():
    """clv.md 1.1: at t = 52 lifetimes is 19 times too small from n = 171 and NaN from 172 on; at the fit of
    its rounded csv, whose parameters are known to fewer digits than the tails are printed to: hence 1e-5."""
    p = btyd.BetaGeo.fit(rounded_csv()).probability_of([170, 171, 200, 5_000], 52)
    assert p[:3].tolist() == pytest.approx([9.90605e-11, 9.04632e-11, 6.64480e-12], rel=1e-5, abs=0)
    assert p[3] >= 0


def test_one_timers_are_alive_in_bgnbd_and_fade_in_mbgnbd():
    once = pd.DataFrame({"frequency": [0, 0, 0], "recency": 0.0, "T": [1.0, 50.0, 5_000.0]})
    assert btyd.BetaGeo(PAPER).probability_alive(once).tolist() == [1, 1, 1]
    fading = btyd.ModifiedBetaGeo(PAPER).probability_alive(once)
    assert (fading.diff().dropna() < 0).all()


def test_mean_probability_alive_matches_clv_section_0(bg, mbg, summary):
    n = summary.cells["customers"]
    assert np.average(bg.probability_alive(summary.cells), weights=n) == pytest.approx(0.813, abs=5e-4)
    assert np.average(mbg.probability_alive(summary.cells), weights=n) == pytest.approx(0.449, abs=5e-4)


_POSITIVE = st.floats(0.01, 30.0)


@settings(max_examples=40, deadline=None)
@given(r=_POSITIVE, alpha=_POSITIVE, a=_POSITIVE, b=_POSITIVE, x=st.integers(0, 2000), T=st.floats(0, 730))
def test_forecasts_are_finite_and_grow_with_time(r, alpha, a, b, x, T):
    recency = T * 0.9 if x else 0.0
    assume(not x or recency > 0)  # a purchase after the first takes time; else the history is refused
    one = pd.DataFrame({"frequency": [x], "recency": [recency], "T": [T]})
    for kind in (btyd.BetaGeo, btyd.ModifiedBetaGeo):
        model = kind({"r": r, "alpha": alpha, "a": a, "b": b})
        alive = model.probability_alive(one).iloc[0]
        assert 0 <= alive <= 1
        ahead = [model.expected_purchases(one, t).iloc[0] for t in (0, 1, 30, 3650)]
        assert np.isfinite(ahead).all()
        assert ahead[0] == 0
        assert ahead[1] <= ahead[2] <= ahead[3]


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo])
def test_expectation_is_additive_over_the_new_customers_first_purchases(kind):
    """Seen at time s after the first purchase and averaged over what may have been seen, the forecast for the
    next t equals E[X(s + t)] - E[X(s)]: checked by drawing histories from the model itself."""
    model = kind(PAPER)
    rng = np.random.default_rng(1)
    size, s, t = 200_000, 20.0, 15.0
    rate, leave = rng.gamma(PAPER["r"], 1 / PAPER["alpha"], size), rng.beta(PAPER["a"], PAPER["b"], size)
    alive = rng.random(size) >= leave if model.SHIFT else np.ones(size, bool)
    x, recency, now = np.zeros(size), np.zeros(size), np.zeros(size)
    here = np.flatnonzero(alive)
    while len(here):
        now[here] += rng.exponential(size=len(here)) / rate[here]
        here = here[now[here] <= s]
        x[here] += 1
        recency[here] = now[here]
        here = here[rng.random(len(here)) >= leave[here]]
    seen = pd.DataFrame({"frequency": x, "recency": recency, "T": s})
    forecast = model.expected_purchases(seen, t)
    expected = model.expected_purchases_new(s + t) - model.expected_purchases_new(s)
    assert forecast.mean() == pytest.approx(expected, abs=4 * forecast.std() / np.sqrt(size))


def test_series_keep_the_frames_index(bg, named):
    for found in (bg.expected_purchases(named, 3), bg.probability_alive(named)):
        assert found.index.tolist() == named.index.tolist()
    assert bg.expected_purchases(named.iloc[:0], 3).empty


def test_bad_times_say_so(bg, named):
    with pytest.raises(ParameterError, match="t must be a number >= 0, got -1"):
        bg.expected_purchases(named, -1)
    with pytest.raises(ParameterError, match="t must hold numbers >= 0"):
        bg.expected_purchases_new([1, float("nan")])
    with pytest.raises(ParameterError, match="whole numbers"):
        bg.probability_of(1.5, 2)


def test_q_below_one_says_that_the_mean_does_not_exist():
    heavy = btyd.GammaGamma({"p": 2.0, "q": 0.9, "v": 10.0})
    with pytest.raises(ParameterError, match=r"q = 0.900 is not above 1, so mean spend does not exist"):
        heavy.expected_spend(pd.DataFrame({"frequency": [0], "monetary_value": [0.0]}))
