"""What makes no number is refused in words, before it becomes one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses import btyd
from crm_analytics.errors import DataError, ParameterError

SURVIVORS = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.fixture(scope="module")
def contracts():
    return btyd.ShiftedBetaGeo.fit(SURVIVORS, unit="Y")


@pytest.fixture(scope="module")
def donors():
    rng = np.random.default_rng(3)
    bought = rng.random((300, 6)) < rng.beta(1.2, 0.75, (300, 1))
    last = np.where(bought.any(axis=1), 6 - bought[:, ::-1].argmax(axis=1), 0)
    return pd.DataFrame({"frequency": bought.sum(axis=1), "recency": last, "opportunities": 6})


@pytest.fixture(scope="module")
def gifts(donors):
    params = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}
    return btyd.BetaGeoBetaBinomial(params, unit="Y")


# -- spend without a mean ---------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "finite"), [(0, False), (1, False), (5, False), (10, False), (11, True)])
def test_spend_without_mean_says_of_whom(x, finite):
    wild = btyd.GammaGamma({"p": 0.05, "q": 0.5, "v": 10})
    row = pd.DataFrame({"frequency": [x], "monetary_value": [20.0 * (x > 0)]})
    if finite:
        assert wild.expected_spend(row).item() > 0
        return
    with pytest.raises(ParameterError, match=r"q = 0.500 is not above 1, so mean spend does not exist for 1"):
        wild.expected_spend(row)
    history = row.assign(recency=min(x, 1) * 9.0, T=30.0)
    with pytest.raises(ParameterError, match=r"those with p x \+ q <= 1 \(even some with a repeat purchase"):
        btyd.BetaGeo({"r": 0.24, "alpha": 4.4, "a": 0.8, "b": 2.4}, unit="W").lifetime_value(wild, history)


# -- times ahead ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("t", "says"),
    [
        (-5, "t must be a number >= 0, got -5"),
        (float("nan"), "t must be a number >= 0, got nan"),
        (float("inf"), "t must be a number >= 0, got inf"),
        ("52", "t must be one number >= 0, got str"),
        (True, "t must be one number >= 0, got bool"),
        ([1, 2], "t must be one number >= 0, got list"),
    ],
    ids=["negative", "nan", "inf", "string", "truth", "list"],
)
def test_every_total_says_what_time_it_needs(t, says, summary, bg, contracts, gifts, donors):
    regular = btyd.RegularBetaGeo({"r": 0.5, "alpha": 4.4, "a": 0.8, "b": 2.4}, unit="W")
    covariates = btyd.fit_covariates(btyd.BetaGeo, summary.cells, unit="W")
    asked = [(summary, bg), (summary, regular), (summary.cells, covariates)]
    for source, model in [*asked, (SURVIVORS, contracts), (donors, gifts)]:
        with pytest.raises(ParameterError, match=says):
            btyd.forecast_total(source, model, t)


def test_models_that_count_say_that_they_need_whole_numbers(contracts, gifts, donors):
    with pytest.raises(ParameterError, match=r"whole number of renewals, got 2\.9"):
        btyd.forecast_total(SURVIVORS, contracts, 2.9)
    with pytest.raises(ParameterError, match=r"whole number of opportunities, got 2\.5"):
        btyd.forecast_total(donors, gifts, 2.5)
    whole = btyd.forecast_total(SURVIVORS, contracts, 2.0)
    assert whole.lower < whole.mean < whole.upper
    assert whole == btyd.forecast_total(SURVIVORS, contracts, np.int64(2))


# -- histories --------------------------------------------------------------------------------------


def test_weights_are_customers(summary, bg, gg):
    cells = summary.cells.rename(columns={"customers": "weights"})
    found = btyd.BetaGeo.fit(cells, unit="W")
    assert found.customers == 2357
    assert found.params == pytest.approx(bg.params, rel=1e-9)
    spend = btyd.GammaGamma.fit(summary.spend_cells.rename(columns={"customers": "weights"}))
    assert spend.params == pytest.approx(gg.params, rel=1e-9)
    assert btyd.fit_covariates(btyd.BetaGeo, cells, unit="W").customers == 2357
    assert btyd.forecast_total(cells, bg, 39, draws=100).customers == 2357
    tenure = pd.DataFrame({"tenure": [1, 2, 2], "cancelled": [True, True, False]})
    parts = [btyd.ShiftedBetaGeo.fit(tenure.assign(**{c: [300, 150, 250]})) for c in ("customers", "weights")]
    assert parts[0].params == parts[1].params


def test_both_kinds_of_weights_say_that_one_is_to_go(summary, donors):
    with pytest.raises(DataError, match="BG/NBD: the frame has both 'customers' and 'weights'"):
        btyd.BetaGeo.fit(summary.cells.assign(weights=1))
    with pytest.raises(DataError, match="BG/BB: the frame has both 'customers' and 'weights'"):
        btyd.BetaGeoBetaBinomial.fit(donors.assign(customers=1, weights=1))


@pytest.mark.parametrize("end", [0.0, 20.0], ids=["on the first day", "with no time between"])
def test_repeat_purchases_at_once_say_how_many_and_where(frame, bg, end):
    wrong = pd.DataFrame({"frequency": [1, 3], "recency": 0.0, "T": end})
    mixed = pd.concat([frame[["frequency", "recency", "T"]], wrong], ignore_index=True)
    says = r"'recency' is 0 though frequency is above 0 in 2 of 2,359 rows \(first at row 2357\); a repeat"
    for kind in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD, btyd.NBD, btyd.RegularBetaGeo):
        with pytest.raises(DataError, match=says):
            kind.fit(mixed, unit="W")
    with pytest.raises(DataError, match=says):
        bg.expected_purchases(mixed, 4)
    with pytest.raises(DataError, match=says):
        btyd.fit_covariates(btyd.BetaGeo, mixed, unit="W")
