"""The numerical contract: every model against 60-digit arithmetic, on a grid and where others fail.

The references are the printed formulas, hypergeometric functions and all, which the models do not use.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.analyses import btyd
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

DIGITS = 60
NAMES = {
    btyd.BetaGeo: ("r", "alpha", "a", "b"),
    btyd.ModifiedBetaGeo: ("r", "alpha", "a", "b"),
    btyd.ParetoNBD: ("r", "alpha", "s", "beta"),
}
EVERY = pytest.mark.parametrize("kind", list(NAMES), ids=["BG", "MBG", "Pareto"])


def dropout_by_print(params, history, t, shift):
    """Fader, Hardie & Lee (2005), equations (6) and (10); MBG/NBD has one more chance to leave."""
    r, alpha, a, b = map(mpmath.mpf, params)
    x, recency, T = map(mpmath.mpf, history)
    m = x + shift
    common = mpmath.rf(r, x) * alpha**r / mpmath.beta(a, b)
    here = common * mpmath.beta(a, b + m) / (alpha + T) ** (r + x)
    gone = common * mpmath.beta(a + 1, b + m - 1) / (alpha + recency) ** (r + x) if m > 0 else mpmath.mpf(0)
    top = a + b + m - 1
    share = t / (alpha + T + t)
    shrunk = ((alpha + T) / (alpha + T + t)) ** (r + x) * mpmath.hyp2f1(r + x, b + m, top, share)
    ahead = top / (a - 1) * (1 - shrunk)
    return mpmath.log(here + gone), here / (here + gone), here / (here + gone) * ahead


def pareto_by_print(params, history, t):
    """Fader & Hardie's note 009, equations (18) and (36) to (41)."""
    r, alpha, s, beta = map(mpmath.mpf, params)
    x, recency, T = map(mpmath.mpf, history)
    n = r + s + x
    big, upper, small = (alpha, s + 1, beta) if alpha >= beta else (beta, r + x, alpha)

    def part(u):
        return mpmath.hyp2f1(n, upper, n + 1, (big - small) / (big + u)) / (big + u) ** n

    common = mpmath.rf(r, x) * alpha**r * beta**s
    here = common / ((alpha + T) ** (r + x) * (beta + T) ** s)
    gone = common * s / n * (part(recency) - part(T)) if recency < T else mpmath.mpf(0)
    rest = beta + T
    ahead = (r + x) / (alpha + T) * rest / (s - 1) * (1 - (rest / (rest + t)) ** (s - 1))
    return mpmath.log(here + gone), here / (here + gone), here / (here + gone) * ahead


def by_print(kind, params, history, t):
    """Log-likelihood, P(alive), expected purchases; 60 digits beyond what cancels."""
    with mpmath.workdps(DIGITS + 40):
        if kind is btyd.ParetoNBD:
            found = pareto_by_print(params, history, mpmath.mpf(t))
        else:
            found = dropout_by_print(params, history, mpmath.mpf(t), kind.SHIFT)
        return [float(v) for v in found]


def by_model(kind, params, history, t):
    model = kind(dict(zip(NAMES[kind], params, strict=True)))
    one = pd.DataFrame([history], columns=["frequency", "recency", "T"])
    return [
        model.log_likelihood_of(one),
        model.probability_alive(one)[0],
        model.expected_purchases(one, t)[0],
    ]


def check(kind, params, history, t):
    found, printed = by_model(kind, params, history, t), by_print(kind, params, history, t)
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(printed[0], rel=1e-10, abs=1e-7)
    assert found[1] == pytest.approx(printed[1], rel=1e-7, abs=1e-290)
    assert found[2] == pytest.approx(printed[2], rel=1e-7, abs=1e-290)


def off_one(value):
    """The printed formulas are 0/0 at one; the models are not, see below."""
    return value if abs(value - 1) > 1e-6 else value + 1e-3


def later_than_first(x, recency):
    """Repeat purchases come after the first, be it by next to nothing."""
    return max(recency, 1e-9) if x else 0.0


@EVERY
@settings(max_examples=40, deadline=None)
@given(
    shapes=st.tuples(st.floats(0.02, 20), st.floats(0.01, 20)),
    scales=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    x=st.integers(0, 60),
    share=st.floats(0, 1),
    T=st.floats(0, 1000),
    t=st.floats(0.01, 1000),
)
def test_grid_matches_60_digits(kind, shapes, scales, x, share, T, t):
    params = (shapes[0], scales[0], off_one(shapes[1]), scales[1])
    recency = later_than_first(x, share * T)
    check(kind, params, (x, recency, max(T, recency)), t)


BG_STRESS = [
    # r, alpha, a, b; x, t_x, T; t
    ((0.5459, 13.41, 0.0009995, 0.03899), (0, 0, 1), 30),  # a + b < 1 and x = 0: lifetimes NaN
    ((0.243, 4.414, 0.793, 2.426), (2000, 365, 730), 365),  # clvkit NaN
    ((0.243, 4.414, 0.793, 2.426), (300, 365, 365), 3650),  # clvkit inf
    ((0.243, 4.414, 0.793, 2.426), (2000, 730, 730), 730),
    ((0.243, 4.414, 0.793, 2.426), (0, 0, 0), 52),  # T = 0
    ((0.243, 4.414, 0.793, 2.426), (3, 1e-6, 1e-6), 52),
    ((1.4066, 1.3485, 0.0126, 7.69), (120, 25, 26), 26),  # Complete Journey
    ((0.01, 0.01, 0.01, 0.01), (0, 0, 400), 400),
    ((0.01, 0.01, 0.02, 0.3), (1, 1, 400), 400),  # a + b < 1
    ((30, 300, 40, 900), (177, 490, 497), 100),  # mean x of lifetimes#405
]
FAR_AHEAD = [
    # just come (T = 0), and asked of a time many thousand times alpha: the mean over p is steep there
    ((14.5, 0.01, 0.612, 0.128), (0, 0, 0), 161.07),
    ((14.5, 0.01, 0.612, 1.128), (1, 1e-9, 1e-9), 161.07),
    ((19.0, 0.01, 1.001, 1.0), (1, 1e-9, 1e-9), 103.0),
    ((18.9, 0.01, 15.4, 94.2), (2, 1e-9, 1e-9), 91.7),
    ((20.0, 0.01, 0.3, 0.05), (0, 0, 0), 1000.0),
]
PARETO_STRESS = [
    # r, alpha, s, beta; x, t_x, T; t
    ((0.5143, 2.8845, 0.2856, 14.1087), (221, 103.42857, 103.57143), 52),  # NaN in CLVTools
    ((0.5143, 2.8845, 0.2856, 14.1087), (254, 97.14286, 97.28571), 52),
    ((0.5143, 2.8845, 0.2856, 14.1087), (161, 94.71429, 98), 52),
    ((0.5143, 2.8845, 0.2856, 14.1087), (204, 98.57143, 99.42857), 52),
    ((10.465, 0.00798565, 3.0516, 2.82), (400, 5, 6), 10),  # overflow in lifetimes
    ((10.465, 0.00798565, 3.0516, 2.82), (500, 1, 37), 10),
    ((10.465, 0.00798565, 3.0516, 2.82), (500, 4, 37), 10),
    ((0.55, 10.58, 0.61, 11.67), (132, 200, 200), 10),  # jump in lifetimes between 132 and 133
    ((0.55, 10.58, 0.61, 11.67), (133, 200, 200), 10),
    ((0.55, 10.58, 0.61, 11.67), (2000, 10, 730), 365),  # log-A0 NaN in lifetimes
    ((0.55, 10.58, 0.61, 11.67), (0, 0, 0), 39),  # T = 0
    ((0.55, 10.58, 0.61, 10.58), (5, 20, 39), 39),  # alpha = beta
    ((0.5, 3.0, 400.0, 1e5), (3, 20, 60), 39),  # beta -> infinity
    ((0.55, 10.58, 0.61, 11.67), (26, 31, 31), 52),  # t_x = T
    ((0.0362, 0.0107, 4.93, 3.41), (0, 0, 1765), 52),  # within days or never: T / alpha in the thousands
    ((0.0242, 0.0156, 8.31, 4.99), (0, 0, 862), 300),
    ((0.0101, 0.0104, 17.9, 100.0), (0, 0, 1000), 52),
    ((0.03, 0.01, 20.0, 50.0), (0, 0, 900), 900),
]


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo], ids=["BG", "MBG"])
@pytest.mark.parametrize(("params", "history", "t"), BG_STRESS)
def test_stress_points_match_60_digits(kind, params, history, t):
    check(kind, params, history, t)


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo], ids=["BG", "MBG"])
@pytest.mark.parametrize(("params", "history", "t"), FAR_AHEAD)
def test_new_customers_far_ahead(kind, params, history, t):
    found, printed = by_model(kind, params, history, t), by_print(kind, params, history, t)
    assert found[2] == pytest.approx(printed[2], rel=1e-9)


@pytest.mark.parametrize(("params", "history", "t"), PARETO_STRESS)
def test_pareto_stress_points_match_60_digits(params, history, t):
    check(btyd.ParetoNBD, params, history, t)


def test_published_value_where_lifetimes_is_nan():
    """clv.md §1.1: exactly 1.1189."""
    params, history, t = BG_STRESS[0]
    assert by_model(btyd.BetaGeo, params, history, t)[2] == pytest.approx(1.1189, abs=5e-5)


@EVERY
@pytest.mark.parametrize("history", [(0, 0, 38.86), (2, 30.43, 38.86), (2000, 365, 730)])
def test_one_is_no_special_point(kind, history):
    """a = 1 or s = 1: the value between its neighbours."""
    found = [by_model(kind, (0.5, 5.0, 1 + d, 9.0), history, 39)[2] for d in (-1e-7, 0, 1e-7)]
    near = [by_print(kind, (0.5, 5.0, 1 + d, 9.0), history, 39)[2] for d in (-1e-7, 1e-7)]
    assert found[1] == pytest.approx(sum(near) / 2, rel=1e-7)
    assert found[0] == pytest.approx(near[0], rel=1e-7)


# --- laws ---------------------------------------------------------------------------------------------------


@EVERY
@settings(max_examples=25, deadline=None)
@given(
    shapes=st.tuples(st.floats(0.02, 20), st.floats(0.01, 20)),
    scales=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    x=st.integers(0, 3000),
    share=st.floats(0, 1),
    T=st.floats(0, 3000),
)
def test_silence_lowers_and_time_ahead_raises(kind, shapes, scales, x, share, T):
    """Finite everywhere; P(alive) falls as T grows at equal purchases; forecasts grow with t from zero."""
    model = kind(dict(zip(NAMES[kind], (shapes[0], scales[0], shapes[1], scales[1]), strict=True)), unit="D")
    recency = later_than_first(x, share * T)
    T = max(T, recency)
    later = pd.DataFrame({"frequency": x, "recency": recency, "T": T + np.array([0.0, 1.0, 30.0, 1000.0])})
    alive = model.probability_alive(later).to_numpy()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) <= 1e-9).all()
    ahead = np.array([model.expected_purchases(later, t) for t in (0.0, 1e-9, 1.0, 30.0, 3650.0)])
    assert np.isfinite(ahead).all()
    assert (ahead[0] == 0).all()
    assert (np.diff(ahead, axis=0) >= -1e-14 * ahead[1:]).all()  # all that will ever come, but for rounding
    endless = btyd.dert(model, later, 0.15)
    assert np.isfinite(endless).all()
    assert (endless >= 0).all()


@EVERY
@settings(max_examples=15, deadline=None)
@given(
    shapes=st.tuples(st.floats(0.05, 5), st.floats(0.05, 5)),
    scales=st.tuples(st.floats(0.5, 30), st.floats(0.5, 30)),
    s=st.floats(0.5, 50),
    t=st.floats(0.5, 50),
)
def test_customers_without_a_repeat_bring_a_part_of_what_all_bring(kind, shapes, scales, s, t):
    """E[X(s+t)] - E[X(s)] is the mean of what is expected at s; those without a repeat are one part of it."""
    model = kind(dict(zip(NAMES[kind], (shapes[0], scales[0], shapes[1], scales[1]), strict=True)))
    none = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [s]})
    first = model.probability_of(0, s) * model.expected_purchases(none, t)[0]
    whole = model.expected_purchases_new(s + t) - model.expected_purchases_new(s)
    assert first <= whole * (1 + 1e-9) + 1e-12
    assert np.exp(model.log_likelihood_of(none)) == pytest.approx(model.probability_of(0, s), rel=1e-9)


# --- spend --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    p=st.floats(0.05, 60),
    q=st.floats(0.05, 60),
    v=st.floats(0.01, 1e4),
    x=st.integers(1, 3000),
    mean=st.floats(0.01, 1e5),
)
def test_spend_matches_60_digits(p, q, v, x, mean):
    """Fader & Hardie's note 025, equations (1a) and (5)."""
    with mpmath.workdps(DIGITS):
        P, Q, V, X, Z = map(mpmath.mpf, (p, q, v, x, mean))
        log_l = mpmath.loggamma(P * X + Q) - mpmath.loggamma(P * X) - mpmath.loggamma(Q)
        log_l += Q * mpmath.log(V) + (P * X - 1) * mpmath.log(Z) + P * X * mpmath.log(X)
        log_l -= (P * X + Q) * mpmath.log(X * Z + V)
        expected = P * (V + X * Z) / (P * X + Q - 1)
    model = btyd.GammaGamma({"p": p, "q": q, "v": v})
    one = pd.DataFrame({"frequency": [x], "monetary_value": [mean]})
    # the parts of the logarithm are as large as p x ln(x) and cancel
    size = 1e-13 * (p * x + q) * (abs(np.log(mean)) + abs(np.log(x * mean + v)) + 10)
    assert model.log_likelihood_of(one) == pytest.approx(float(log_l), rel=1e-10, abs=1e-9 + size)
    if p * x + q > 1:
        assert model.expected_spend(one)[0] == pytest.approx(float(expected), rel=1e-9)


def heavy(q, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 12, 4_000)
    nu = rng.gamma(q, 1 / 20.0, len(x))
    return pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(3.0 * x) / nu / x})


def test_q_below_one_says_that_mean_spend_does_not_exist():
    found = btyd.GammaGamma.fit(heavy(0.7, 1))
    assert 0.6 < found.params["q"] < 0.8
    assert "not above 1: mean spend does not exist" in found.diagnosis.message
    with pytest.raises(ParameterError, match="is not above 1, so mean spend does not exist"):
        _ = found.mean_spend


def test_q_below_two_says_that_the_variance_does_not_exist():
    found = btyd.GammaGamma.fit(heavy(1.5, 2))
    assert 1.3 < found.params["q"] < 1.7
    assert "not above 2: spend has no variance" in found.diagnosis.message
    assert np.isfinite(found.mean_spend)


def test_q_above_two_says_nothing_of_it():
    found = btyd.GammaGamma.fit(heavy(3.5, 3))
    assert "not above" not in found.diagnosis.message


# --- bad histories ------------------------------------------------------------------------------------------


@EVERY
def test_recency_beyond_T_says_so(kind, summary):
    bad = summary.cells.astype(float)
    bad.loc[3, "recency"] = bad.loc[3, "T"] + 1
    with pytest.raises(DataError, match=r"have recency > T \(first at row 3\)"):
        kind.fit(bad)
    model = kind(dict(zip(NAMES[kind], (0.5, 5.0, 0.8, 9.0), strict=True)), unit="W")
    for ask in (
        model.probability_alive,
        lambda f: model.expected_purchases(f, 3),
        lambda f: btyd.dert(model, f),
    ):
        with pytest.raises(DataError, match="recency > T"):
            ask(bad)


@EVERY
def test_one_timers_only_say_what_is_missing(kind):
    once = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [30.0], "customers": [5_000]})
    with pytest.raises(NotEnoughData, match="repeat buyers"):
        kind.fit(once)


@EVERY
def test_customers_of_the_day_change_no_parameter(kind, summary):
    """T = 0: whoever came today tells nothing, and is told of."""
    plain = kind.fit(summary)
    today = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0], "customers": [500]})
    cells = pd.concat([today, summary.cells.astype(float)], ignore_index=True)
    found = kind.fit(cells)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert found.params == pytest.approx(plain.params, rel=1e-6)
    assert found.expected_purchases(today, 39)[0] == pytest.approx(plain.expected_purchases_new(39), rel=1e-6)
