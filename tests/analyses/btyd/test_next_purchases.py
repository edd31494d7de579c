"""The distribution of what comes next: sums, means, and the integral over rate and hazard by other means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError

MODELS = {
    "BG": btyd.BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W"),
    "MBG": btyd.ModifiedBetaGeo({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, unit="W"),
    "Pareto": btyd.ParetoNBD({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, unit="W"),
    "NBD": btyd.NBD({"r": 0.385, "alpha": 12.07}, unit="W"),
}
EVERY = pytest.mark.parametrize("model", list(MODELS.values()), ids=list(MODELS))


@pytest.fixture
def some():
    return pd.DataFrame(
        {"frequency": [0, 2, 26, 1], "recency": [0, 30.43, 30.86, 1.7], "T": [38.86, 38.86, 31, 38.86]},
        index=list("abcd"),
    )


@EVERY
@pytest.mark.parametrize("t", [1.0, 39.0])
def test_probabilities_sum_to_one_and_their_mean_is_the_expectation(model, some, t):
    p = np.array([btyd.probability_of_next(model, some, n, t) for n in range(160)])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(np.arange(160) @ p, model.expected_purchases(some, t), rtol=1e-6)


def test_pareto_matches_the_integral_over_rate_and_hazard(some):
    """Note 028 starts here: a Poisson count for as long as the customer stays, mixed over what is known."""
    model, t, n = MODELS["Pareto"], 26.0, 2
    r, alpha, s, beta = model.values
    for _, row in some.iloc[[0, 1]].iterrows():
        shape, end = r + row["frequency"], alpha + row["T"]

        def given(hazard, shape=shape, end=end):
            def nbd(u):
                return special.poch(shape, n) / 2 * (end / (end + u)) ** shape * (u / (end + u)) ** n

            gone = integrate.quad(lambda u: hazard * np.exp(-hazard * u) * nbd(u), 0, t)[0]
            return np.exp(-hazard * t) * nbd(t) + gone

        density = stats.gamma(s, scale=1 / (beta + row["T"]))
        alive = integrate.quad(
            lambda q, given=given, density=density: given(density.ppf(q)), 0, 1, epsabs=1e-7, epsrel=1e-6
        )[0]
        one = row.to_frame().T
        expected = model.probability_alive(one).iloc[0] * alive
        assert btyd.probability_of_next(model, one, n, t).iloc[0] == pytest.approx(expected, rel=1e-4)


@EVERY
def test_nobody_buys_in_no_time(model, some):
    assert btyd.probability_of_next(model, some, 0, 0.0).tolist() == pytest.approx([1.0] * 4)
    assert btyd.probability_of_next(model, some, 1, 0.0).tolist() == pytest.approx([0.0] * 4)
    assert btyd.probability_of_next(model, some, 1, 5.0).index.tolist() == list("abcd")


def test_bad_questions_say_so(some):
    with pytest.raises(ParameterError, match=r"n must be a whole number >= 0, got 1\.5"):
        btyd.probability_of_next(MODELS["BG"], some, 1.5, 3)
    with pytest.raises(ParameterError, match="t must be a number >= 0"):
        btyd.probability_of_next(MODELS["BG"], some, 1, -3)
    regular = btyd.RegularBetaGeo(MODELS["BG"].params, k=2)
    with pytest.raises(ParameterError, match="no closed distribution"):
        btyd.probability_of_next(regular, some, 1, 3)
