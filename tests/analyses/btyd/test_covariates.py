"""Covariates on buying and on leaving: planted effects, limits, and what a fit without them says."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.covariates.covariate_cells import CovariateCells
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from tests.analyses.btyd.test_fits import _check_derivatives

KINDS = [btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD]
EVERY = pytest.mark.parametrize("kind", KINDS, ids=["BG", "MBG", "Pareto"])
GAMMA, DELTA = {"channel=shop": 0.5, "age": 0.02}, {"channel=phone": 0.8}


def plant(kind, customers, seed, *, effect=1.0, window=60.0):
    """Histories whose buying depends on shop and age, whose leaving depends on phone."""
    rng = np.random.default_rng(seed)
    channel = rng.choice(["web", "shop", "phone"], customers, p=[0.5, 0.3, 0.2])
    age = np.round(rng.normal(40, 10, customers))
    T = np.round(rng.uniform(window / 2, window, customers))
    faster = effect * (GAMMA["channel=shop"] * (channel == "shop") + GAMMA["age"] * (age - 40))
    sooner = effect * DELTA["channel=phone"] * (channel == "phone")
    rate = rng.gamma(0.9, 1 / 5.0, customers) * np.exp(faster)
    if kind is btyd.ParetoNBD:
        life = rng.exponential(size=customers) / (rng.gamma(0.9, 1 / 25.0, customers) * np.exp(sooner))
        there = np.minimum(life, T)
        x = rng.poisson(rate * there)
        recency = np.where(x > 0, there * rng.random(customers) ** (1 / np.maximum(x, 1)), 0.0)
    else:
        mean = 1 / (1 + np.exp(-(np.log(0.2 / 0.8) + sooner)))
        leave = rng.beta(3.0 * mean, 3.0 * (1 - mean))
        x, recency, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
        here = np.flatnonzero(rng.random(customers) >= leave * kind.SHIFT)
        while len(here):
            now[here] += rng.exponential(size=len(here)) / rate[here]
            here = here[now[here] <= T[here]]
            x[here] += 1
            recency[here] = now[here]
            here = here[rng.random(len(here)) >= leave[here]]
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T, "channel": channel, "age": age})


BOTH = {"buying": ["channel", "age"], "leaving": ["channel"]}


@pytest.fixture(scope="module", params=KINDS, ids=["BG", "MBG", "Pareto"])
def planted(request):
    frame = plant(request.param, 6_000, seed=5)
    return request.param, frame, btyd.fit_covariates(request.param, frame, **BOTH, unit="W")


def test_effects_recover_planted_truth(planted):
    _, _, found = planted
    assert found.diagnosis.converged
    table = found.coefficients.set_index(["process", "covariate"])
    truth = {("buying", k): v for k, v in GAMMA.items()} | {("leaving", k): v for k, v in DELTA.items()}
    for key, row in table.iterrows():
        assert abs(row["coefficient"] - truth.get(key, 0.0)) < 3.5 * row["standard_error"], key
        assert row["factor"] == pytest.approx(np.exp(row["coefficient"]))
        assert row["lower"] < row["coefficient"] < row["upper"]
    assert table.loc[("buying", "channel=shop"), "p_value"] < 1e-6
    assert table.loc[("leaving", "channel=phone"), "p_value"] < 1e-3


def test_tests_tell_what_matters(planted):
    kind, frame, found = planted
    tests = btyd.covariate_tests(kind, frame, **BOTH).set_index("hypothesis")
    assert tests.loc["no covariate matters", "p_value"] < 1e-12
    assert tests.loc["no covariate matters", "coefficients"] == 5
    plain = kind.fit(frame, unit="W")
    lost = 2 * (found.log_likelihood - plain.log_likelihood)
    assert tests.loc["no covariate matters", "statistic"] == pytest.approx(lost, rel=1e-6)
    assert tests.loc["age does not matter for buying", "p_value"] < 1e-6
    assert tests.loc["channel does not matter for leaving", "p_value"] < 1e-3
    same = "channel moves buying and leaving by the same factor"
    assert (same in tests.index) == (kind is btyd.ParetoNBD)
    if kind is btyd.ParetoNBD:
        assert tests.loc[same, "p_value"] < 1e-3
        assert 0 < tests.loc[same, "statistic"] < tests.loc["no covariate matters", "statistic"]


def test_a_customers_model_is_the_plain_one(planted):
    """Row by row, and by the plain model with that customer's parameters."""
    kind, frame, found = planted
    few = frame.groupby("channel").head(3)
    alive, ahead = found.probability_alive(few), found.expected_purchases(few, 26)
    value = found.lifetime_value(12.0, few, (12, "M"), 0.1)
    assert ahead.index.equals(few.index)
    for i, row in few.iterrows():
        model = found.model_of(channel=row["channel"], age=row["age"])
        assert type(model) is kind
        one = few.loc[[i]]
        assert alive[i] == pytest.approx(model.probability_alive(one)[i], rel=1e-9)
        assert ahead[i] == pytest.approx(model.expected_purchases(one, 26)[i], rel=1e-9)
        assert value[i] == pytest.approx(model.lifetime_value(12.0, one, (12, "M"), 0.1)[i], rel=1e-7)
    reference = found.model_of(channel="web", age=0)
    assert reference.params == pytest.approx(found.params, rel=1e-12)


def test_new_customers_get_an_interval(planted):
    _, _, found = planted
    who = pd.DataFrame({"channel": ["web", "shop", "phone"], "age": [40, 40, 40]}, index=[7, 8, 9])
    new = found.expected_purchases_new(who, 26)
    assert new.index.tolist() == [7, 8, 9]
    assert (new["lower"] < new["expected_purchases"]).all()
    assert (new["expected_purchases"] < new["upper"]).all()
    assert new.loc[8, "lower"] > new.loc[7, "upper"]  # shop buys faster
    assert new.loc[9, "expected_purchases"] < new.loc[7, "expected_purchases"]  # phone leaves sooner
    one = found.model_of(channel="shop", age=40).expected_purchases_new(26)
    assert new.loc[8, "expected_purchases"] == pytest.approx(one, rel=1e-9)
    wide = found.expected_purchases_new(who, 26, level=0.99)
    assert (wide["upper"] > new["upper"]).all()
    assert found.expected_purchases_new(who, 0)["expected_purchases"].tolist() == [0, 0, 0]


@EVERY
@pytest.mark.parametrize("column", [{}, {"country": "FR"}, {"n": 3.0}])
def test_constant_covariates_are_none(kind, column, summary):
    """CLVTools' law: no covariate, or one that is the same for all, is the plain model."""
    frame = summary.cells.assign(**column)
    found = btyd.fit_covariates(kind, frame, buying=list(column), leaving=list(column), unit="W")
    plain = kind.fit(summary)
    assert found.params == pytest.approx(plain.params, rel=1e-7)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert found.coefficients.empty
    assert found.diagnosis.converged
    for name in column:
        assert f"The same for everybody, so left out: {name}." in found.diagnosis.message
    np.testing.assert_allclose(
        found.expected_purchases(frame, 39), plain.expected_purchases(summary.cells, 39), rtol=1e-7
    )
    errors = np.sqrt(np.diag(found.covariance))[:2] * plain.values[:2]
    np.testing.assert_allclose(errors, plain.standard_errors.to_numpy()[:2], rtol=1e-6)


@EVERY
def test_p_values_of_a_covariate_of_chance_are_uniform(kind):
    """A covariate that does not matter is found to matter as often as the level says."""
    found = []
    rng = np.random.default_rng(11)
    frame = plant(kind, 1_500, seed=6, effect=0.0)
    for _ in range(20):
        frame["coin"] = rng.integers(0, 2, len(frame))
        fit = btyd.fit_covariates(kind, frame, buying=["coin"], leaving=["coin"], unit="W")
        found.extend(fit.coefficients["p_value"])
    assert kstest(found, "uniform").pvalue > 1e-3


@EVERY
def test_gradient_and_hessian_match_differences(kind):
    frame = plant(kind, 300, seed=2)
    cells = CovariateCells.of(kind, frame, ["channel", "age"], ["channel", "age"])
    at = np.random.default_rng(1).normal(0, 0.4, len(cells.names))
    _check_derivatives(cells.likelihood(), at)


@EVERY
def test_likelihood_is_that_of_each_customers_own_model(kind):
    frame = plant(kind, 200, seed=4)
    found = btyd.fit_covariates(kind, frame, buying=["channel"], leaving=["age"], unit="W")
    by_rows = sum(
        found.model_of(channel=row["channel"], age=row["age"]).log_likelihood_of(frame.loc[[i]])
        for i, row in frame.iterrows()
    )
    assert found.log_likelihood == pytest.approx(by_rows, rel=1e-10)


@EVERY
def test_neither_order_nor_unit_nor_merging_matters(kind):
    frame = plant(kind, 1_000, seed=9)
    found = btyd.fit_covariates(kind, frame, **BOTH, unit="W")
    mixed = frame.sample(frac=1, random_state=1)[["age", "T", "channel", "recency", "frequency"]]
    again = btyd.fit_covariates(kind, mixed, **BOTH, unit="W")
    assert again.log_likelihood == pytest.approx(found.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.estimates, found.estimates, rtol=1e-7, atol=1e-9)
    days = btyd.fit_covariates(
        kind, frame.assign(recency=frame["recency"] * 7, T=frame["T"] * 7), **BOTH, unit="D"
    )
    np.testing.assert_allclose(
        days.coefficients["coefficient"], found.coefficients["coefficient"], rtol=1e-6, atol=1e-8
    )
    assert days.params["alpha"] == pytest.approx(7 * found.params["alpha"], rel=1e-6)
    whole = np.minimum(np.ceil(frame["recency"]), frame["T"])
    merged = frame.assign(age=40, recency=whole).groupby(
        ["frequency", "recency", "T", "channel"], as_index=False
    )
    counted = merged.size().rename(columns={"size": "customers"})
    rows = frame.assign(recency=whole)
    few = {"buying": ["channel"], "leaving": ["channel"]}
    by_cells, by_rows = (btyd.fit_covariates(kind, f, **few, unit="W") for f in (counted, rows))
    assert by_cells.log_likelihood == pytest.approx(by_rows.log_likelihood, rel=1e-12)
    assert by_cells.customers == by_rows.customers == 1_000


@EVERY
def test_scaling_a_number_scales_its_coefficient(kind):
    frame = plant(kind, 1_000, seed=10)
    years = btyd.fit_covariates(kind, frame, buying=["age"], leaving=["age"])
    months = btyd.fit_covariates(
        kind, frame.assign(age=12 * frame["age"] + 600), buying=["age"], leaving=["age"]
    )
    assert months.log_likelihood == pytest.approx(years.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(
        12 * months.coefficients["coefficient"], years.coefficients["coefficient"], rtol=1e-5, atol=1e-8
    )


# --- limits -------------------------------------------------------------------------------------------------


@EVERY
def test_a_level_in_which_nobody_comes_back_is_told_as_a_boundary(kind):
    frame = plant(kind, 2_000, seed=12)
    frame.loc[frame["channel"] == "phone", ["frequency", "recency"]] = 0.0
    found = btyd.fit_covariates(kind, frame, buying=["channel"], unit="W")
    assert not found.diagnosis.converged
    assert "buying: channel=phone" in found.diagnosis.boundary
    assert "The data do not determine" in found.diagnosis.message
    assert "Leave buying: channel=phone out, or merge rare levels" in found.diagnosis.message


def test_customers_all_alike_are_told_as_a_boundary():
    """Where the form of CLVTools diverges (a to 4.5e5, b to 3.4e6 on apparel), the mean is still known."""
    rng = np.random.default_rng(3)
    n = 3_000
    channel = rng.choice(["web", "shop"], n)
    rate, leave = rng.gamma(1.0, 0.3, n), np.where(channel == "web", 0.15, 0.35)
    last = rng.geometric(leave)
    frame = []
    for one, stop, name in zip(rate, last, channel, strict=True):
        times = np.cumsum(rng.exponential(1 / one, 60))
        seen = times[:stop][times[:stop] <= 40.0]
        frame.append((len(seen), seen[-1] if len(seen) else 0.0, 40.0, name))
    frame = pd.DataFrame(frame, columns=["frequency", "recency", "T", "channel"])
    found = btyd.fit_covariates(btyd.BetaGeo, frame, buying=["channel"], leaving=["channel"], unit="W")
    assert not found.diagnosis.converged
    assert found.diagnosis.boundary == ("precision",)
    assert "all customers leave with the same chance" in found.diagnosis.message
    # what does not hang on it is as known as ever
    assert found.coefficients["standard_error"].notna().all()
    assert np.isnan(found.covariance.loc["precision", "precision"])
    chances = [
        m.params["a"] / (m.params["a"] + m.params["b"])
        for m in (found.model_of(channel=c) for c in ("web", "shop"))
    ]
    assert chances == pytest.approx([0.15, 0.35], abs=0.03)


# --- the door -----------------------------------------------------------------------------------------------


def test_summary_and_table_are_counted_in_the_engine():
    rng = np.random.default_rng(1)
    days = pd.to_datetime("2025-01-01") + pd.to_timedelta(rng.integers(0, 200, 4_000), unit="D")
    lines = pd.DataFrame(
        {"customer_id": rng.integers(0, 900, 4_000).astype(str), "transaction_date": days, "unit_spend": 5.0}
    )
    base = CustomerBase.open(lines, today="2026-01-01")
    summary = btyd.summarize(base, unit="W")
    customers = pd.DataFrame({"customer_id": sorted(set(lines["customer_id"]))})
    customers["channel"] = np.where(customers["customer_id"].str.len() > 2, "web", "shop")
    table = ibis.memtable(customers)
    cells = btyd.with_covariates(summary, table, ["channel"])
    assert cells["customers"].sum() == summary.customer_count
    assert list(cells.columns) == ["frequency", "recency", "T", "channel", "customers"]
    rows = base.collect(summary.customers).merge(customers, on="customer_id")
    counted = rows.groupby(["frequency", "recency", "T", "channel"]).size()
    again = cells.set_index(["frequency", "recency", "T", "channel"])["customers"]
    pd.testing.assert_series_equal(
        again.sort_index(), counted.sort_index(), check_names=False, check_dtype=False
    )


def test_bad_covariates_say_so(summary):
    frame = summary.cells.assign(channel="web", age=1.0)
    frame.loc[::2, "channel"] = "shop"
    frame.loc[::3, "age"] = 2.0
    fit = btyd.fit_covariates
    with pytest.raises(DataError, match="no column 'chanel'; did you mean 'channel'"):
        fit(btyd.BetaGeo, frame, buying=["chanel"])
    with pytest.raises(DataError, match=r"'age' is missing or infinite in 1 of .* \(first at row 3\)"):
        fit(btyd.BetaGeo, frame.assign(age=frame["age"].where(frame.index != 3)), buying=["age"])
    with pytest.raises(DataError, match="age, double say the same of every customer"):
        fit(btyd.BetaGeo, frame.assign(double=2 * frame["age"]), buying=["age", "double"])
    with pytest.raises(DataError, match="50 at most are told apart"):
        fit(btyd.BetaGeo, frame.assign(id=[f"c{i}" for i in range(len(frame))]), buying=["id"])
    with pytest.raises(ParameterError, match="NBD takes none; use BetaGeo"):
        fit(btyd.NBD, frame, buying=["age"])
    with pytest.raises(NotEnoughData, match="needs at least 100 customers"):
        fit(btyd.BetaGeo, frame.head(3).assign(customers=1), buying=["channel"])
    found = fit(btyd.BetaGeo, frame, buying=["channel", "age"])
    with pytest.raises(DataError, match="hold a word that the fit did not know"):
        found.expected_purchases(frame.assign(channel="fax"), 5)
    with pytest.raises(DataError, match="was a number in the fit and holds words now"):
        found.expected_purchases(frame.assign(age="old"), 5)
    with pytest.raises(ParameterError, match="t must be a number >= 0, got -1"):
        found.expected_purchases(frame, -1)
