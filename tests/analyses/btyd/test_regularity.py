"""(M)BG/CNBD-k: the model without regularity at k = 1, planted k found, and laws of counting."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.analyses.btyd.purchases.regular_likelihood import RegularLikelihood, log_density
from crm_analytics.analyses.btyd.purchases.regularity import gap_lengths
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from tests.analyses.btyd.test_fits import _check_derivatives

PAIRS = [(btyd.RegularBetaGeo, btyd.BetaGeo), (btyd.RegularModifiedBetaGeo, btyd.ModifiedBetaGeo)]
BOTH = pytest.mark.parametrize("kind", [pair[0] for pair in PAIRS], ids=["BG", "MBG"])
TRUTH = {"r": 1.2, "alpha": 1.5, "a": 0.8, "b": 3.0}


def plant(kind, k, customers, seed, *, window=52.0, later=0.0):
    """Histories of Erlang-k buyers, with the sum of log gaps and what comes in `later` after T."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], customers)
    leave = rng.beta(TRUTH["a"], TRUTH["b"], customers)
    T = rng.uniform(window / 2, window, customers)
    x, recency, now, log_gaps, came = (np.zeros(customers) for _ in range(5))
    left_at = np.full(customers, np.inf)
    here = np.flatnonzero(rng.random(customers) >= leave * kind.SHIFT)
    left_at[np.setdiff1d(np.arange(customers), here)] = 0.0
    while len(here):
        gap = rng.gamma(k, 1 / rate[here])
        now[here] += gap
        seen = now[here] <= T[here]
        inside = here[seen]
        x[inside] += 1
        recency[inside] = now[inside]
        log_gaps[inside] += np.log(gap[seen])
        after = here[~seen & (now[here] <= T[here] + later)]
        came[after] += 1
        here = here[now[here] <= T[here] + later]
        gone = rng.random(len(here)) < leave[here]
        left_at[here[gone]] = now[here[gone]]
        here = here[~gone]
    frame = pd.DataFrame({"frequency": x, "recency": recency, "T": T, "log_gaps": log_gaps})
    return frame, came, left_at > T


@pytest.mark.parametrize(("kind", "plain"), PAIRS, ids=["BG", "MBG"])
def test_k_of_one_matches_the_model_without_regularity(kind, plain, summary):
    model, known = kind.fit(summary, k=1), plain.fit(summary)
    assert model.params == pytest.approx(known.params, rel=1e-9)
    assert model.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-14)
    np.testing.assert_allclose(model.covariance, known.covariance, rtol=1e-8)
    same = kind(known.params, unit="W", k=1)
    cells = summary.cells.astype(float).iloc[::6]
    np.testing.assert_allclose(same.probability_alive(cells), known.probability_alive(cells), rtol=1e-12)
    np.testing.assert_allclose(
        same.expected_purchases(cells, 39), known.expected_purchases(cells, 39), rtol=1e-9
    )
    np.testing.assert_allclose(
        same.expected_purchases_new([1, 52]), known.expected_purchases_new([1, 52]), rtol=1e-9
    )
    n = np.arange(40)
    np.testing.assert_allclose(same.probability_of(n, 39), known.probability_of(n, 39), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(same.lifetime_value(3.0, cells), known.lifetime_value(3.0, cells), rtol=1e-9)


@BOTH
@pytest.mark.parametrize("k", [1, 3])
def test_k_and_parameters_recover_planted_truth(kind, k):
    frame, _, _ = plant(kind, k, 5_000, seed=k)
    found = btyd.regularity(frame, kind, most=4, unit="W")
    assert found.k == found.model.k == k
    assert found.table["k"].tolist() == [1, 2, 3, 4]
    assert found.model.diagnosis.converged
    errors = found.model.standard_errors
    for name, value in TRUTH.items():
        assert abs(found.model.params[name] - value) < 3.5 * errors[name]
    assert ("more regularly than at random" in found.words) == (k > 1)


@BOTH
@pytest.mark.parametrize("k", [2, 4])
def test_forecast_recovers_what_planted_customers_do_next(kind, k):
    frame, came, alive = plant(kind, k, 12_000, seed=10 + k, later=15.0)
    model = kind(TRUTH, unit="W", k=k)
    expected = model.expected_purchases(frame, 15.0)
    assert expected.mean() == pytest.approx(came.mean(), abs=4 * came.std() / np.sqrt(len(came)))
    assert model.probability_alive(frame).mean() == pytest.approx(alive.mean(), abs=0.01)
    for few in (frame["frequency"] == 0, frame["frequency"] >= 4, frame["T"] - frame["recency"] > 20):
        spread = 4 * np.sqrt(came[few].var() / few.sum())
        assert expected[few].mean() == pytest.approx(came[few].mean(), abs=spread)
    drawn = model.simulate(History.of(frame), 15.0, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(expected.mean(), abs=4 * drawn.std() / np.sqrt(len(drawn)))


@BOTH
def test_cdnow_buys_at_random(kind, summary):
    found = btyd.regularity(summary, kind, most=2)
    assert found.k == 1
    assert found.words.startswith("Customers buy at random")
    assert found.table["gain"][1] < -200


# --- laws ---------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("at", [(0.5, 0.6, 0.8, 2.0), (3.0, 0.05, 0.02, 9.0), (0.5, 0.6, 0.4, 0.3)])
def test_gradient_and_hessian_match_differences(kind, k, at):
    frame, _, _ = plant(kind, 2, 300, seed=3)
    likelihood = RegularLikelihood.of(frame.assign(customers=1.0), 40.0, k, kind.SHIFT)
    _check_derivatives(likelihood, np.log(at))


@BOTH
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("t", [0.5, 12.0, 80.0])
def test_probabilities_sum_to_one_and_their_mean_is_the_expectation(kind, k, t):
    model = kind(TRUTH, k=k)
    n = np.arange(3_000)
    p = model.probability_of(n, t)
    assert (p >= 0).all()
    assert p.sum() == pytest.approx(1, abs=1e-9)
    assert p @ n == pytest.approx(model.expected_purchases_new(t), rel=1e-8)


@BOTH
@pytest.mark.parametrize("k", [1, 2, 4])
def test_likelihood_is_a_density(kind, k):
    """Mass at no repeat, and the density of one at t_x with its gap: what the counts say."""
    model, T = kind(TRUTH, k=k), 6.0
    values = np.array(list(TRUTH.values()))

    def density(x, at):
        who = (np.array([float(x)]), np.array([at]), np.array([T]))
        gap = (k - 1) * np.log(at) - np.log(float(np.prod(np.arange(1, k)))) if x else 0.0
        return float(np.exp(log_density(values, who, k, kind.SHIFT)[0] + gap))

    assert density(0, 0.0) == pytest.approx(model.probability_of(0, T), rel=1e-12)
    assert integrate.quad(lambda at: density(1, at), 0, T)[0] == pytest.approx(
        model.probability_of(1, T), rel=1e-7
    )


@BOTH
def test_expectation_grows_with_time_from_zero(kind):
    model = kind(TRUTH, k=3)
    frame = pd.DataFrame({"frequency": [0, 5, 200], "recency": [0, 20.0, 40.0], "T": [30.0, 30.0, 40.0]})
    ahead = [model.expected_purchases(frame, t) for t in (0.0, 0.1, 5.0, 500.0)]
    assert (ahead[0] == 0).all()
    for less, more in itertools.pairwise(ahead):
        assert (less < more).all()


def test_an_overdue_regular_buyer_has_left_the_sooner():
    frame = pd.DataFrame({"frequency": [8, 8], "recency": [40.0, 40.0], "T": [43.0, 60.0]})
    alive = np.array(
        [
            btyd.RegularModifiedBetaGeo(TRUTH | {"alpha": 1.5 / k}, k=k).probability_alive(frame)
            for k in (1, 3)
        ]
    )
    assert alive[1, 1] < alive[0, 1]  # long silent
    assert alive[1, 0] > 0.8  # not due yet


def test_busy_and_empty_histories_are_finite():
    frame = pd.DataFrame(
        {"frequency": [2000, 0, 1, 0], "recency": [365.0, 0, 1e-9, 0], "T": [730.0, 0, 1e-9, 3650.0]}
    )
    for kind, _ in PAIRS:
        for k in (1, 2, 6):
            model = kind(TRUTH, unit="D", k=k)
            for found in (model.probability_alive(frame), model.expected_purchases(frame, 365.0)):
                assert np.isfinite(found).all()
                assert (found >= 0).all()


def test_gaps_of_a_base_and_of_rows_are_the_same():
    rng = np.random.default_rng(4)
    day = pd.to_datetime("2025-01-01") + pd.to_timedelta(rng.integers(0, 250, 3_000), unit="D")
    lines = pd.DataFrame(
        {"customer_id": rng.integers(0, 600, 3_000).astype(str), "transaction_date": day, "unit_spend": 5.0}
    )
    base = CustomerBase.open(lines, today="2026-01-01")
    summary = btyd.summarize(base, "W")
    days = lines.drop_duplicates(["customer_id", "transaction_date"]).sort_values(
        ["customer_id", "transaction_date"]
    )
    gap = days.groupby("customer_id")["transaction_date"].diff().dt.days.dropna()
    counted = gap_lengths(summary)
    assert counted["gaps"].sum() == len(gap)
    expected = gap.astype(int).value_counts().sort_index()
    assert counted.set_index("days")["gaps"].to_dict() == expected.to_dict()
    rows = base.collect(summary.customers)
    sums = np.log(gap / 7).groupby(days.loc[gap.index, "customer_id"]).sum()
    rows["log_gaps"] = rows["customer_id"].map(sums).fillna(0.0)
    by_rows, by_base = btyd.regularity(rows, most=2, unit="W"), btyd.regularity(summary, most=2)
    np.testing.assert_allclose(by_rows.table["log_likelihood"], by_base.table["log_likelihood"], rtol=1e-12)


@BOTH
def test_unit_of_time_moves_no_difference_between_k(kind):
    frame, _, _ = plant(kind, 2, 1_500, seed=8)
    weeks = btyd.regularity(frame, kind, most=3, unit="W")
    repeats = frame["frequency"]
    days = frame.assign(
        recency=7 * frame["recency"], T=7 * frame["T"], log_gaps=frame["log_gaps"] + repeats * np.log(7)
    )
    again = btyd.regularity(days, kind, most=3, unit="D")
    np.testing.assert_allclose(again.table["gain"], weeks.table["gain"], rtol=1e-8, atol=1e-8)
    assert again.k == weeks.k == 2


@BOTH
def test_json_keeps_k(kind):
    frame, _, _ = plant(kind, 2, 800, seed=5)
    model = btyd.regularity(frame, kind, most=2, unit="W").model
    again = kind.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    assert (again.k, again.params) == (model.k, model.params)


def test_bad_questions_say_so(frame):
    with pytest.raises(DataError, match="no column 'log_gaps'"):
        btyd.regularity(frame, unit="W")
    with pytest.raises(ParameterError, match="most must be a whole number from 1 to 6, got 0"):
        btyd.regularity(frame, most=0)
    with pytest.raises(ParameterError, match=r"k must be a whole number from 1 to 20, got 0"):
        btyd.RegularBetaGeo(TRUTH, k=0)
    with pytest.raises(ParameterError, match="ask expected_purchases"):
        btyd.RegularBetaGeo(TRUTH).while_alive(History(*np.ones((3, 1))), np.ones(1))
    with pytest.raises(DataError, match="'log_gaps' is missing"):
        btyd.regularity(frame.assign(log_gaps=np.nan), unit="W")
    with pytest.raises(NotEnoughData, match="CNBD-k needs at least 100 customers"):
        btyd.regularity(frame.head(20).assign(log_gaps=0.0), unit="W")
