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


def leaving_donors() -> pd.DataFrame:
    """Donors of whom some stop for good, with the parameters of Fader, Hardie and Shang's paper (2010)."""
    rng = np.random.default_rng(1)
    years = np.arange(1, 7)
    here = rng.geometric(rng.beta(0.657, 2.783, (1_000, 1))) > years
    gave = here & (rng.random((1_000, 6)) < rng.beta(1.204, 0.75, (1_000, 1)))
    last = np.where(gave.any(axis=1), 6 - gave[:, ::-1].argmax(axis=1), 0)
    return pd.DataFrame({"frequency": gave.sum(axis=1), "recency": last, "opportunities": 6})


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


# -- money ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spend", "says"),
    [
        (float("nan"), "spend must be a number >= 0, got nan"),
        (float("inf"), "spend must be a number >= 0, got inf"),
        (-5, "spend must be a number >= 0, got -5"),
        (True, "spend must be one number >= 0, got bool"),
        ("35", "spend: expected a Gamma-Gamma model, a series on the frame's index, or one number"),
        (pd.Series([5.0, -1.0]), "spend: the series is negative in 1 of 2 rows"),
    ],
    ids=["nan", "inf", "negative", "truth", "string", "series"],
)
def test_impossible_spend_says_so(spend, says, bg, frame):
    with pytest.raises(ParameterError, match=says):
        bg.lifetime_value(spend, frame.head(2))
    with pytest.raises(ParameterError, match=says):
        btyd.residual_value(bg, spend, frame.head(2))


@pytest.mark.parametrize(
    ("rate", "says"),
    [
        (15, r"got 15: that would be 1,500 % a year"),
        (True, r"got True"),
        ("0.15", r"got '0\.15'"),
        (-0.1, r"got -0\.1"),
        (float("inf"), r"got inf"),
        (None, r"got None"),
    ],
)
def test_impossible_rates_say_so(rate, says, bg, frame, contracts, gifts, donors):
    for asked in (
        lambda: bg.lifetime_value(5.0, frame, rate=rate),
        lambda: btyd.dert(bg, frame, rate),
        lambda: gifts.dert(donors, rate),
        lambda: contracts.derl(3, rate),
    ):
        with pytest.raises(ParameterError, match="rate: expected an annual effective rate .*" + says):
            asked()


def test_rates_of_any_number_type_are_rates(bg, frame):
    wanted = bg.lifetime_value(5.0, frame.head(), rate=0.15)
    for rate in (np.float32(0.15), np.float64(0.15)):
        pd.testing.assert_series_equal(bg.lifetime_value(np.float32(5), frame.head(), rate=rate), wanted)
    pd.testing.assert_series_equal(
        bg.lifetime_value(5, frame.head(), rate=np.int64(0)), bg.lifetime_value(5, frame.head(), rate=0.0)
    )
    with pytest.raises(ParameterError, match="without discount the purchases of an infinite horizon"):
        btyd.dert(bg, frame, 0)


# -- other packages ---------------------------------------------------------------------------------


def test_models_without_a_counterpart_say_so(bg, summary):
    for kind in (btyd.NBD, btyd.RegularBetaGeo, btyd.ShiftedBetaGeo):
        with pytest.raises(ParameterError, match=f"lifetimes has no counterpart of '{kind.__name__}'"):
            kind.from_lifetimes(bg.to_lifetimes())
    for kind in (btyd.NBD, btyd.BetaDiscreteWeibull):
        with pytest.raises(ParameterError, match=f"pymc-marketing has no counterpart of '{kind.__name__}'"):
            kind.from_pymc_marketing(object())
    assert btyd.second_opinion(summary, "NBD").sentence.startswith("lifetimes has no counterpart of 'NBD'")


def test_every_fitter_of_lifetimes_gives_a_second_opinion(summary):
    ours = btyd.ParetoNBD.fit(summary)
    theirs = btyd.second_opinion(summary, "ParetoNBD")
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=0.001)
    assert theirs.params == pytest.approx(ours.params, rel=1e-2)
    some_leave = leaving_donors()  # where nobody leaves, its search ends or not by the last digit
    ours = btyd.BetaGeoBetaBinomial.fit(some_leave)
    theirs = btyd.second_opinion(some_leave, "BetaGeoBetaBinomial")
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=0.01)


class ShiftedBetaGeoModel:
    """Of pymc-marketing: alpha and beta of each cohort (chain, draw, cohort)."""

    def __init__(self, gamma, delta, data=None):
        self.fit_result = {"alpha": np.reshape(gamma, (1, 1, -1)), "beta": np.reshape(delta, (1, 1, -1))}
        self.data = data


def test_contracts_of_one_cohort_are_read_from_pymc_marketing(contracts):
    lost = -np.diff(SURVIVORS)
    left = np.repeat(np.arange(1, len(lost) + 1), lost)
    # theirs: the period of cancelling, T for those who are still there
    periods = np.append(left, np.full(SURVIVORS[-1], len(SURVIVORS)))
    data = pd.DataFrame({"recency": periods, "T": len(SURVIVORS)})
    made = ShiftedBetaGeoModel(contracts.params["gamma"], contracts.params["delta"], data)
    found = btyd.ShiftedBetaGeo.from_pymc_marketing(made, unit="Y")
    assert found.params == contracts.params
    assert found.log_likelihood == pytest.approx(contracts.log_likelihood, abs=1e-9)
    assert found.customers == 1000
    with pytest.raises(ParameterError, match="has parameters for each of several cohorts"):
        btyd.ShiftedBetaGeo.from_pymc_marketing(ShiftedBetaGeoModel([0.7, 0.6], [1.2, 1.1]))
    with pytest.raises(ParameterError, match="its alpha is our gamma, its beta our delta"):
        contracts.to_pymc_marketing(data)


def test_regular_models_say_that_they_need_k(summary):
    for asked in (
        lambda: btyd.cohort_effects(summary, btyd.RegularModifiedBetaGeo),
        lambda: btyd.RegularBetaGeo.at(summary, {"r": 0.5, "alpha": 4.4, "a": 0.8, "b": 2.4}),
    ):
        with pytest.raises(ParameterError, match="its likelihood depends on k, which is not known here"):
            asked()
