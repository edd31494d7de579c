"""A fit at its limit, or nearly so, says what it means for the customers and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.boundary_messages import meaning


def buyers(customers, T, seed, *, rate=None, hazard=0.0):
    """Poisson buyers who leave at one hazard for all."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(2.0, 0.2, customers) if rate is None else np.full(customers, rate)
    life = rng.exponential(size=customers) / hazard if hazard else np.full(customers, np.inf)
    there = np.minimum(life, T)
    x = rng.poisson(rate * there)
    recency = np.where(x > 0, there * rng.random(customers) ** (1 / np.maximum(x, 1)), 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": float(T)})


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo])
def test_nobody_leaving_says_so_and_what_to_use(kind):
    found = kind.fit(buyers(3_000, 40.0, 8), unit="W").diagnosis
    assert not found.converged
    assert "hardly anyone leaves" in found.message
    assert "Use NBD, in which nobody leaves, or wait for a longer window." in found.message


def test_one_hazard_for_all_says_what_to_read():
    """beta to infinity, s with it: the hazard itself is known."""
    model = btyd.ParetoNBD.fit(buyers(6_000, 60.0, 2, hazard=1 / 30), unit="W")
    found = model.diagnosis
    assert not found.converged
    assert {"s", "beta"} & set(found.boundary)
    assert "all customers leave at the same hazard. Read s / beta" in found.message
    assert model.params["s"] / model.params["beta"] == pytest.approx(1 / 30, rel=0.1)


def test_one_rate_for_all_says_what_to_read():
    """r to infinity; once a sum of squares about zero lost the likelihood's bend there, and r = 22,612 passed
    for an answer with an error of 5 %."""
    model = btyd.ParetoNBD.fit(buyers(6_000, 60.0, 5, rate=0.2, hazard=1 / 30), unit="W")
    assert not model.diagnosis.converged
    assert "all customers buy at the same rate. Read r / alpha" in model.diagnosis.message
    assert model.params["r"] / model.params["alpha"] == pytest.approx(0.2, rel=0.05)


def test_one_chance_for_all_says_what_to_read():
    """a and b to infinity: the chance itself is known."""
    rng = np.random.default_rng(3)
    rate, last = rng.gamma(2.0, 0.2, 4_000), rng.geometric(0.2, 4_000)
    gaps = rng.exponential(1 / rate[:, None], (4_000, 120))
    times = np.cumsum(gaps, axis=1)
    x = np.minimum((times <= 60.0).sum(axis=1), last)
    recency = np.where(x > 0, times[np.arange(4_000), np.maximum(x - 1, 0)], 0.0)
    model = btyd.BetaGeo.fit(pd.DataFrame({"frequency": x, "recency": recency, "T": 60.0}), unit="W")
    assert not model.diagnosis.converged
    assert "after a purchase all customers leave with the same chance" in model.diagnosis.message
    a, b = model.params["a"], model.params["b"]
    assert a / (a + b) == pytest.approx(0.2, abs=0.01)


def test_complete_journey_says_that_hardly_anyone_leaves(draw_histories):
    """clv.md §3.7: at rest, but with 2.3 % silent, a and b are hardly seen and nothing hangs on them."""
    truth = {"r": 1.4066, "alpha": 1.3485, "a": 0.0126, "b": 7.69}
    model = btyd.BetaGeo.fit(draw_histories(2_393, 25, truth, 0, seed=3))
    assert "could be up to" in model.diagnosis.message
    assert "hardly anyone leaves (0.1 % after a purchase)" in model.diagnosis.message


def test_spend_alike_for_all_says_so():
    rng = np.random.default_rng(1)
    x = rng.integers(1, 9, 3_000)
    mean = rng.gamma(4.0 * x) / 4.0 / x * 20
    found = btyd.GammaGamma.fit(pd.DataFrame({"frequency": x, "monetary_value": mean})).diagnosis
    assert not found.converged
    assert "all customers spend alike. Use one mean spend for all." in found.message


def test_a_sound_fit_says_nothing_of_limits(bg, mbg, gg):
    for model in (bg, mbg, gg):
        assert model.diagnosis.converged
        assert model.diagnosis.boundary == ()
        assert model.diagnosis.message.startswith("The likelihood has its best point here")
        assert "hardly anyone" not in model.diagnosis.message


@pytest.mark.parametrize(
    ("values", "edge", "says"),
    [
        ({"a": 300, "b": 900.0}, ["b"], "all customers leave with the same chance, 25.0 %"),
        ({"a": 5.0, "b": 1e-6}, ["b"], "Nearly everybody leaves after one purchase"),
        ({"s": 0.5, "beta": 1e-6}, ["beta"], "many customers are gone at once after the first purchase"),
        ({"r": 1e-5, "alpha": 1.0}, ["r"], "hardly anyone ever comes back"),
        ({"p": 1e5, "q": 3.0, "v": 1.0}, ["p"], "a customer spends the same on every purchase"),
        ({"alpha": 1.0, "beta": 1.0, "gamma": 1e6, "delta": 1.0}, ["gamma"], ""),
        ({"a": 1e-6, "b": 2.0}, [], ""),
    ],
)
def test_each_limit_says_what_it_means(values, edge, says):
    found = meaning(values, edge)
    assert says in found
    assert bool(found) == bool(says)
