"""The full posterior of parameters, held to integrals on a grid and to what it is for."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.parameter_posterior import PRIOR, smoothed_weights
from crm_analytics.errors import ParameterError

WEEKS = 40.0


def slow_buyers(seed: int, customers: int = 400) -> tuple[pd.DataFrame, float]:
    """Customers of whom most never came back, and what all buy in the year after."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(26, 52, customers)
    rate, leaving = rng.gamma(1.2, 1 / 78.0, customers), rng.gamma(0.6, 1 / 40.0, customers)
    life = rng.exponential(1 / leaving)
    came = rng.poisson(rate * np.minimum(age, life))
    seen = np.minimum(age, life)
    last = np.where(came > 0, seen * rng.random(customers) ** (1 / np.maximum(came, 1)), 0.0)
    later = rng.poisson(rate * np.clip(life - age, 0, 52)).sum()
    return pd.DataFrame({"frequency": came, "recency": last, "T": age}), float(later)


def test_posterior_matches_an_integral_on_a_grid() -> None:
    """NBD has two parameters: its posterior can be summed over a fine grid, by formulas written here."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(rng.gamma(0.8, 1 / 10.0, 300) * WEEKS)
    frame = pd.DataFrame({"frequency": counts, "recency": np.where(counts > 0, 20.0, 0.0), "T": WEEKS})
    found = btyd.parameter_posterior(btyd.NBD.fit(frame, unit="W"), frame, draws=16_384)

    log_r, log_alpha = np.meshgrid(np.linspace(-1.5, 1.5, 601), np.linspace(-3.0, 1.5, 601), indexing="ij")
    r, alpha = np.exp(log_r)[..., None], np.exp(log_alpha)[..., None]  # time in units of the mean T
    some, times = np.unique(counts, return_counts=True)
    each = gammaln(r + some) - gammaln(r) + r * np.log(alpha) - (r + some) * np.log(alpha + 1)
    density = each @ times - (log_r**2 + log_alpha**2) / (2 * PRIOR**2)
    mass = np.exp(density - density.max())
    for name, values, axis, unit in (("r", log_r[:, 0], 1, 1.0), ("alpha", log_alpha[0], 0, WEEKS)):
        along = mass.sum(axis=axis)
        reached = (np.cumsum(along) - along / 2) / along.sum()
        expected = np.exp(np.interp([0.05, 0.5, 0.95], reached, values)) * unit
        sd = found.draws[name].std()
        assert found.quantiles().loc[name].to_numpy() == pytest.approx(expected, abs=0.03 * sd)


def test_posterior_is_the_same_for_rows_and_cells() -> None:
    frame, _ = slow_buyers(1)
    frame = np.ceil(frame)  # up: a week of its own for each repeat purchase
    model = btyd.BetaGeo.fit(frame, unit="W")
    cells = frame.groupby(["frequency", "recency", "T"]).size().reset_index(name="customers")
    rows, merged = (btyd.parameter_posterior(model, f, draws=256) for f in (frame, cells))
    assert rows.quantiles().to_numpy() == pytest.approx(merged.quantiles().to_numpy(), rel=1e-6)


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD, btyd.GammaGompertzNBD])
def test_the_value_alone_is_the_value(kind: type[btyd.BetaGeo]) -> None:
    frame, _ = slow_buyers(1)
    likelihood, _ = kind.fit(frame, unit="W").objective(frame)
    at = np.array([0.3, -1.0, 0.2, 0.9, 0.4])[: len(kind.NAMES)]
    assert likelihood.value(at) == pytest.approx(likelihood(at)[0], rel=1e-12)


def test_the_value_alone_of_spend_is_the_value() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"frequency": rng.integers(1, 9, 200), "monetary_value": rng.gamma(3, 10.0, 200)})
    likelihood, _ = btyd.GammaGamma.fit(frame).objective(frame)
    at = np.array([0.8, 1.1, -0.4])
    assert likelihood.value(at) == pytest.approx(likelihood(at)[0], rel=1e-12)


def test_heavy_weights_are_diagnosed() -> None:
    rng = np.random.default_rng(0)
    light, heavy = (smoothed_weights(np.log(rng.pareto(1 / k, 20_000)))[1] for k in (0.3, 1.2))
    assert light == pytest.approx(0.3, abs=0.1)
    assert heavy == pytest.approx(1.2, abs=0.2)


def test_interval_runs_over_what_a_fit_without_a_best_point_leaves_open() -> None:
    """Chance alone would give the interval of given parameters: here it is wider, and says why."""
    for seed in range(20):
        frame, _ = slow_buyers(seed)
        model = btyd.ParetoNBD.fit(frame, unit="W")
        if not model.diagnosis.converged:
            break
    found = btyd.forecast_total(model, frame, 52)
    chance = btyd.forecast_total(btyd.ParetoNBD(model.params, unit="W"), frame, 52)
    assert "runs over all parameters" in found.note
    assert found.upper - found.lower > 1.3 * (chance.upper - chance.lower)


def test_posterior_says_what_it_takes() -> None:
    frame, _ = slow_buyers(1)
    model = btyd.NBD.fit(frame, unit="W")
    with pytest.raises(ParameterError, match="power of 2"):
        btyd.parameter_posterior(model, frame, draws=1_000)
    with pytest.raises(ParameterError, match="no posterior"):
        btyd.parameter_posterior(object(), frame)
