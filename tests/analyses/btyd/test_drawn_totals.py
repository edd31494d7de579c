"""Totals by drawing: what is drawn has what is expected as its mean, for every model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError

HISTORIES = pd.DataFrame(
    {"frequency": [0, 1, 4, 9], "recency": [0.0, 3.0, 30.0, 12.0], "T": [20.0, 35.0, 38.0, 39.0]}
)
OPPORTUNITIES = pd.DataFrame(
    {"frequency": [0, 1, 4, 6], "recency": [0, 2, 6, 6], "opportunities": [6, 6, 8, 6]}
)
RUNNING = pd.DataFrame({"tenure": [0, 1, 5, 30], "cancelled": False})
RATES = {"r": 0.55, "alpha": 5.0, "a": 0.8, "b": 2.4}
MODELS = {
    "BG/CNBD-2": (btyd.RegularBetaGeo(RATES, k=2), HISTORIES),
    "MBG/CNBD-3": (btyd.RegularModifiedBetaGeo(RATES, k=3), HISTORIES),
    "BG/BB": (
        btyd.BetaGeoBetaBinomial({"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}),
        OPPORTUNITIES,
    ),
    "sBG": (btyd.ShiftedBetaGeo({"gamma": 0.8, "delta": 2.5}), RUNNING),
    "BdW": (btyd.BetaDiscreteWeibull({"gamma": 0.8, "delta": 6.0, "c": 1.6}), RUNNING),
    "BdW, falling": (btyd.BetaDiscreteWeibull({"gamma": 0.8, "delta": 2.0, "c": 0.6}), RUNNING),
}


def means_agree(model, rows: pd.DataFrame, t: int, times: int = 20_000) -> None:
    expected = model.expected_of(rows, t)
    many = rows.loc[rows.index.repeat(times)].reset_index(drop=True)
    drawn = model.simulate_rows(many, t, np.random.default_rng(3)).reshape(len(rows), times)
    assert (drawn >= 0).all()
    assert (drawn == np.floor(drawn)).all()
    # where hardly anybody buys, the spread of the drawn says nothing: a rare count varies as its mean
    error = np.sqrt(np.maximum(drawn.var(axis=1), expected) / times)
    assert (np.abs(drawn.mean(axis=1) - expected) < 4.5 * error).all()


@pytest.mark.parametrize("name", MODELS)
def test_drawn_futures_have_the_expectation_as_their_mean(name):
    means_agree(*MODELS[name], t=12)


@pytest.mark.parametrize("kind", [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD])
def test_customers_with_covariates_are_drawn_with_parameters_of_their_own(kind, draw_histories):
    rows = draw_histories(600, 40, {"r": 0.5, "alpha": 4.0, "a": 0.9, "b": 2.5}, 0, seed=4)
    rows["club"] = np.arange(len(rows)) % 2
    fit = btyd.fit_covariates(kind, rows, buying=["club"], leaving=["club"])
    some = rows.groupby(["frequency", "club"]).head(1).reset_index(drop=True)
    means_agree(fit, fit.rows_of(some), t=12, times=4_000)
    found = btyd.forecast_total(rows, fit, 12)
    assert found.mean == pytest.approx(fit.expected_purchases(rows, 12).sum(), rel=1e-9)
    plain = btyd.forecast_total(rows, kind.fit(rows), 12)
    assert found.mean == pytest.approx(plain.mean, rel=0.1)
    width, plainly = found.upper - found.lower, plain.upper - plain.lower
    if kind is btyd.ParetoNBD:  # loose on these customers: without covariates it is drawn from its posterior
        assert plainly < width < 2 * plainly
    else:
        assert width == pytest.approx(plainly, rel=0.4)


def test_equal_seeds_give_equal_totals_and_a_large_base_the_same_interval():
    model, _ = MODELS["BG/BB"]
    many = OPPORTUNITIES.assign(customers=5_000.0)  # 20,000: above what is drawn one by one
    found = btyd.forecast_total(many, model, 10, seed=2)
    assert found == btyd.forecast_total(many, model, 10, seed=2)
    # parameters were given: chance alone, the sum of independent customers
    one = OPPORTUNITIES.loc[OPPORTUNITIES.index.repeat(5_000)].reset_index(drop=True)
    drawn = model.simulate_rows(one, 10, np.random.default_rng(1)).reshape(4, 5_000)
    spread = np.sqrt(5_000 * drawn.var(axis=1).sum())
    assert found.upper - found.lower == pytest.approx(2 * 1.96 * spread, rel=0.15)
    assert "chance alone" in found.note


def test_only_running_contracts_are_counted():
    survivors = [1000, 631, 468, 382, 326, 289, 262, 241]
    found = btyd.forecast_total(survivors, btyd.ShiftedBetaGeo.fit(survivors), 5)
    assert found.customers == 241
    assert found.upper <= 5 * 241
    with pytest.raises(ParameterError, match="draws must be 100 or more"):
        btyd.forecast_total(survivors, btyd.ShiftedBetaGeo.fit(survivors), 5, draws=3)
