"""What is to come for ever: BTYD's numbers, the integral by other means, and the order of payments."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting.infinite_horizon import endless, scaled_exponential_integral
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.errors import ParameterError

BTYD = {"r": 0.5629966, "alpha": 12.559037, "s": 0.4081095, "beta": 10.5148048}
RATE_BTYD = np.exp(0.0027 * 365.25 / 7) - 1  # the force of .0027 a week as a rate a year
PAPER = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
MODELS = {
    "BG/NBD": btyd.BetaGeo(PAPER, unit="W"),
    "MBG/NBD": btyd.ModifiedBetaGeo(PAPER, unit="W"),
    "Pareto/NBD": btyd.ParetoNBD(BTYD, unit="W"),
    "NBD": btyd.NBD({"r": 0.385, "alpha": 12.07}, unit="W"),
}
EVERY = pytest.mark.parametrize("model", list(MODELS.values()), ids=list(MODELS))


@pytest.fixture
def some():
    return pd.DataFrame(
        {
            "frequency": [0, 0, 2, 26, 7, 300],
            "recency": [0, 0, 30.43, 30.86, 5, 300],
            "T": [0, 38.86, 38.86, 31, 38.86, 365],
        }
    )


def test_pareto_dert_matches_btyd_man_page():
    """clv.md §3.6, the first row as BTYD prints it."""
    frame = pd.DataFrame({"frequency": [7, *range(1, 11)], "recency": [35, *[30] * 10], "T": 77.86})
    found = btyd.dert(btyd.ParetoNBD(BTYD, unit="W"), frame, RATE_BTYD)
    assert found[0] == pytest.approx(1.864183, abs=5e-7)
    printed = [2.19916, 2.84353, 2.86713, 2.44541, 1.84050, 1.26242, 0.80962, 0.49480, 0.29202, 0.16793]
    assert found[1:].tolist() == pytest.approx(printed, abs=5e-6)


def by_mpmath(n, z):
    """The integral in ln u, cut into pieces."""
    with mpmath.workdps(25):
        n, z = mpmath.mpf(n), mpmath.mpf(z)
        scale, top = n + z, mpmath.log(80 * (n + z) / z)
        steps = [-60 + (top + 60) * mpmath.mpf(k) / 16 for k in range(17)]
        whole = mpmath.quad(
            lambda v: mpmath.exp(v - z * mpmath.exp(v) / scale) * (1 + mpmath.exp(v) / scale) ** -n, steps
        )
        return float(whole / scale)


@pytest.mark.parametrize("n", [0.05, 1.0, 3.7, 500.0])
def test_exponential_integral_matches_mpmath(n):
    z = [1e-9, 0.01, 5.0]
    found = scaled_exponential_integral(n, z)
    assert found.tolist() == pytest.approx([by_mpmath(n, one) for one in z], rel=1e-11)


def test_exponential_integral_matches_abramowitz_stegun():
    """Table 5.1: x e^x E_1(x) at 10 and 20."""
    assert 10 * scaled_exponential_integral(1, 10) == pytest.approx(0.915633339, abs=5e-10)
    assert 20 * scaled_exponential_integral(1, 20) == pytest.approx(0.954370910, abs=5e-10)


@settings(max_examples=40, deadline=None)
@given(
    r=st.floats(0.02, 5),
    alpha=st.floats(0.01, 60),
    s=st.floats(0.02, 8),
    beta=st.floats(0.01, 90),
    force=st.floats(1e-5, 0.5),
    x=st.integers(0, 60),
    T=st.floats(0, 200),
)
def test_closed_forms_match_quadrature(r, alpha, s, beta, force, x, T):
    """Through F(t) itself, which knows nothing of the exponential integral."""
    t = np.exp(np.arange(-40.0, 3.9, 0.25))
    who = History(np.array([float(x)]), np.array([T]), np.array([T]))
    for model in (
        btyd.ParetoNBD({"r": r, "alpha": alpha, "s": s, "beta": beta}),
        btyd.BetaGeo({"r": r, "alpha": alpha, "a": s, "b": beta}),
        btyd.ModifiedBetaGeo({"r": r, "alpha": alpha, "a": s, "b": beta}),
    ):
        found = model.perpetual_while_alive(who, force)
        slow = model.while_alive(who, t / force) @ (t * np.exp(-t) * 0.25)
        np.testing.assert_allclose(found, slow, rtol=1e-8)


@EVERY
@pytest.mark.parametrize("period", ["D", "W", "M", "Y"])
@pytest.mark.parametrize("rate", [0.01, 0.15, 3.0])
def test_timings_bracket_each_other(model, some, period, rate):
    start, mid, end = (btyd.dert(model, some, rate, timing, period) for timing in ("start", "mid", "end"))
    at_once = btyd.dert(model, some, rate)
    assert (start >= mid).all()
    assert (mid >= end).all()
    assert (start >= at_once).all()
    assert (at_once >= end).all()


@EVERY
@pytest.mark.parametrize(("period", "rate"), [("M", 0.15), ("W", 0.5), ("Y", 0.03)])
@pytest.mark.parametrize("timing", ["start", "mid", "end"])
def test_endless_sum_is_the_limit_of_long_horizons(model, some, period, rate, timing):
    """Far enough that less than 1e-10 of a purchase's worth is left."""
    force = np.log1p(rate) * {"W": 7, "M": 30.4375, "Y": 365.25}[period] / 365.25
    periods = int(np.ceil(32 / force))
    long = model.lifetime_value(1.0, some, (periods, period), rate, timing)
    np.testing.assert_allclose(btyd.dert(model, some, rate, timing, period), long, rtol=1e-8)


@EVERY
def test_without_discount_a_finite_sum_is_the_expectation(model, some):
    """The force going to zero: discounted purchases within the horizon tend to the expected ones."""
    expected = model.expected_purchases(some, 52)
    for rate in (1e-6, 1e-9):
        found = btyd.residual(model, some, (52, "W"), rate, "end").within
        np.testing.assert_allclose(found, expected, rtol=3 * rate + 1e-8)


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo])
def test_without_discount_tends_to_all_purchases_there_will_ever_be(kind, some):
    """For a > 1 that is E[1 / p] = (a + b + m - 1) / (a - 1), though its customers never end for a <= 1."""
    model = kind({"r": 0.8, "alpha": 3.0, "a": 3.5, "b": 2.0}, unit="D")
    x, T = np.array([0.0, 4.0]), np.array([10.0, 10.0])
    found = model.perpetual_while_alive(History(x, T, T), 1e-10)
    m = np.array([0.0, 4.0]) + model.SHIFT
    np.testing.assert_allclose(found, (3.5 + 2.0 + m - 1) / 2.5, rtol=1e-6)


def test_s_of_one_is_no_special_point(some):
    found = [
        btyd.dert(btyd.ParetoNBD({**BTYD, "s": s}, unit="W"), some).to_numpy()
        for s in (1 - 1e-9, 1, 1 + 1e-9)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-7)
    np.testing.assert_allclose(found[2], found[1], rtol=1e-7)


def test_clvtools_points_with_a_huge_beta_are_finite():
    """clv.md §2: CLVTools' DERT is NA where beta is huge."""
    model = btyd.ParetoNBD({"r": 0.5, "alpha": 3.0, "s": 900.0, "beta": 1e6}, unit="W")
    frame = pd.DataFrame({"frequency": [2000, 0], "recency": [365.0, 0], "T": [730.0, 0]})
    found = btyd.dert(model, frame)
    # beta and s so large: every customer's hazard is .0009
    wait = np.log(1.15) * 7 / 365.25 + 0.0009
    rate = np.array([2000.5 / 733, 0.5 / 3])
    np.testing.assert_allclose(found, model.probability_alive(frame) * rate / wait, rtol=1e-3)


@EVERY
def test_value_is_purchases_times_spend(model, some):
    each = pd.Series([20.0, 30.0, 10.0, 5.0, 8.0, 1.0])
    value = btyd.residual_value(model, each, some, 0.15, "end", period="M")
    np.testing.assert_allclose(value, each * btyd.dert(model, some, 0.15, "end", "M"), rtol=1e-9)
    value = btyd.residual_value(model, 2.0, some, 0.15, "continuous")
    np.testing.assert_allclose(value, 2 * btyd.dert(model, some, 0.15), rtol=1e-9)


@EVERY
def test_share_beyond_falls_with_the_horizon(model, some):
    shares = [btyd.residual(model, some, (n, "Y")).share_beyond for n in (1, 2, 5, 20, 150)]
    assert (np.diff(shares) < 0).all()
    assert 0 < shares[0] < 1
    assert shares[-1] == pytest.approx(0, abs=1e-6)


def test_share_beyond_counts_customers_and_money(some):
    model = MODELS["BG/NBD"]
    twice = btyd.residual(model, some.assign(customers=[1, 1, 2, 1, 1, 1]))
    rows = btyd.residual(model, pd.concat([some, some.iloc[[2]]]))
    assert twice.share_beyond == pytest.approx(rows.share_beyond, rel=1e-12)
    even = btyd.residual(model, some, worth=pd.Series(7.0, some.index))
    assert even.share_beyond == pytest.approx(btyd.residual(model, some).share_beyond, rel=1e-12)
    one = btyd.residual(model, some, worth=pd.Series([0, 0, 1.0, 0, 0, 0]))
    assert one.share_beyond == pytest.approx(btyd.residual(model, some.iloc[[2]]).share_beyond, rel=1e-9)


def test_cdnow_leaves_two_thirds_beyond_a_year(summary, bg):
    """Of BG/NBD: half a customer's worth is in the tail of those who hardly ever leave."""
    share = btyd.residual(bg, summary.cells.astype(float), (52, "W")).share_beyond
    long = bg.lifetime_value(1.0, summary.cells, (12_000, "W"))
    short = bg.lifetime_value(1.0, summary.cells, (52, "W"))
    n = summary.cells["customers"]
    assert share == pytest.approx(1 - (n @ short) / (n @ long), abs=1e-9)


def test_units_of_the_model_do_not_matter(some):
    weeks = btyd.dert(MODELS["MBG/NBD"], some, 0.15, "mid", "M")
    days = some.assign(recency=some["recency"] * 7, T=some["T"] * 7)
    model = btyd.ModifiedBetaGeo(PAPER | {"alpha": PAPER["alpha"] * 7}, unit="D")
    np.testing.assert_allclose(btyd.dert(model, days, 0.15, "mid", "M"), weeks, rtol=1e-9)


def test_bad_terms_say_what_is_expected(some):
    model = MODELS["BG/NBD"]
    with pytest.raises(ParameterError, match=r"rate > 0 like 0\.15, got 0: without discount"):
        btyd.dert(model, some, 0)
    with pytest.raises(ParameterError, match="did you mean 'end'"):
        btyd.dert(model, some, 0.1, "ends")
    with pytest.raises(ParameterError, match="unknown unit of time 'Q'"):
        endless(0.1, "end", "Q", "W")
    with pytest.raises(ParameterError, match="does not know its unit of time"):
        btyd.dert(btyd.BetaGeo(PAPER), some)
