"""Pareto/NBD with covariates that change: worked terms, laws, planted truth."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.covariates.time_varying import Activity, Pieces, _likelihood_of
from crm_analytics.errors import DataError, ParameterError

D_1 = 0.854  # of the worked terms: from a purchase to the end of its period
AUX = (0.123, 0.234, 0.345, 0.456, 0.567, 0.678)
NONE: tuple[list[str], list[str]] = ([], [])
AT = np.log([0.6, 5.0, 0.7, 9.0])


def lines(real: tuple[float, ...], aux: tuple[float, ...], first: float, last: float) -> Pieces:
    """The spans from the last purchase on, of one customer with these exp(gamma'x) of the periods."""
    rate = np.array([[*real, *aux]])
    activity, walk = Activity(rate), np.zeros(1, np.intp)
    span = np.array([last]), np.array([rate.size - 0.5])
    return Pieces.between([activity, activity], walk, np.array([first]), span)


def test_b_matches_the_worked_terms_of_clvtools() -> None:
    """B_i of a customer with t_x = 35.11: where the line of buying begins (CLVTools, dyncov_LL_reference)."""
    last, real = 36 + 1 - D_1, tuple(np.linspace(0.5, 1.5, 36))
    pieces = lines(real, AUX, last - 35.11, last)
    until = pieces.levels[0][0]  # cumulated at the last purchase
    worked = [-4.31853, -8.310534, -12.413538, -16.627542, -20.952546, -25.38855]
    assert pieces.intercepts[0] - until == pytest.approx(worked, abs=1e-6)


@pytest.mark.parametrize(
    ("real", "worked"),
    [
        ((), [0.0, -0.094794, -0.300588, -0.617382]),
        ((1.987,), [1.591856, 1.386062, 1.069268, 0.641474]),
        ((1.987, 1.876), [3.344856, 3.028062, 2.600268, 2.061474]),
    ],
)
def test_d_matches_the_worked_terms_of_clvtools(real: tuple[float, ...], worked: list[float]) -> None:
    """D_i: where the line of leaving begins, by the number of periods before that of the last purchase."""
    pieces = lines(real, AUX[:4], 1 - D_1, len(real) + 0.5)
    assert pieces.intercepts[1] == pytest.approx(worked, abs=1e-6)


@pytest.mark.parametrize(("day", "worked"), [(1, 6), (2, 5), (3, 4), (4, 3), (5, 2), (6, 1), (7, 0)])
def test_d_1_matches_the_worked_terms_of_clvtools(day: int, worked: int) -> None:
    """Days from a purchase on day 1..7 of a week to the end of the week: the length of the first span."""
    last = 1 + day / 7
    pieces = lines((1.0,), (1.0, 1.0, 1.0), 0.5, last)
    assert (pieces.length[0] * 7) % 7 == pytest.approx(worked, abs=1e-6)


def shop(customers: int = 400, seed: int = 1, gamma: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Days as sevenths of a week; two groups with sales in different weeks; who buys, by rejection."""
    rng = np.random.default_rng(seed)
    weeks, end = 60, 40.0
    table = pd.DataFrame(
        [(w, k, float((k // 4) % 2 == i), float(i)) for i, w in enumerate("ab") for k in range(weeks)],
        columns=["walk", "period", "sale", "club"],
    )
    sale = table.pivot(index="walk", columns="period", values="sale").to_numpy()
    rows = []
    for who in range(customers):
        walk, first = who % 2, rng.integers(0, 140) / 7
        rate, life = rng.gamma(1.2) / 5.0, rng.exponential(1 / (rng.gamma(0.8) / 15.0))
        rows.append((who, "ab"[walk], first))
        days = first + np.arange(1, 7 * 80) / 7
        days = days[days <= min(end, first + life)]
        chance = rate / 7 * np.exp(gamma * sale[walk, np.minimum(days.astype(int), weeks - 1)])
        rows += [(who, "ab"[walk], t) for t in days[rng.random(len(days)) < chance]]
    return pd.DataFrame(rows, columns=["customer_id", "walk", "time"]), table, end


def histories(purchases: pd.DataFrame, end: float) -> pd.DataFrame:
    each = purchases.groupby("customer_id")["time"].agg(["min", "max", "size"])
    walk = purchases.groupby("customer_id")["walk"].first()
    recency, age = each["max"] - each["min"], end - each["min"]
    return pd.DataFrame({"frequency": each["size"] - 1, "recency": recency, "T": age, "club": walk == "b"})


def test_no_covariate_and_no_effect_are_the_plain_model() -> None:
    purchases, table, end = shop()
    likelihood, _ = _likelihood_of(purchases, table, end, NONE)
    plain = btyd.ParetoNBD(dict(zip(["r", "alpha", "s", "beta"], np.exp(AT), strict=True)), unit="W")
    expected = plain.log_likelihood_of(histories(purchases, end))
    assert -likelihood(AT) * likelihood.weight.sum() == pytest.approx(expected, rel=1e-8)
    both, _ = _likelihood_of(purchases, table, end, (["sale"], ["sale"]))
    assert both(np.append(AT, [0.0, 0.0])) == pytest.approx(likelihood(AT), rel=1e-12)


def test_constant_covariates_are_static_ones() -> None:
    purchases, table, end = shop()
    frame = histories(purchases, end).assign(club=lambda f: f["club"].astype(float))
    static = btyd.fit_covariates(btyd.ParetoNBD, frame, buying=["club"], leaving=["club"], unit="W")
    likelihood, _ = _likelihood_of(purchases, table, end, (["club"], ["club"]))
    at = np.append(np.log(list(static.params.values())), static.coefficients["coefficient"])
    assert -likelihood(at) * likelihood.weight.sum() == pytest.approx(static.log_likelihood, rel=1e-8)


def test_likelihood_of_a_customer_matches_an_integral_by_other_means() -> None:
    """One customer, buying and leaving that change: the formula of the module by adaptive quadrature."""
    purchases = pd.DataFrame({"customer_id": 1, "walk": "a", "time": [2.25, 4.5, 7.75]})
    x = np.array([0.0, 1, 0, 2, 1, 0, 0, 1, 3, 0, 1, 2])
    table = pd.DataFrame({"walk": "a", "period": range(12), "x": x})
    likelihood, _ = _likelihood_of(purchases, table, 11.5, (["x"], ["x"]))
    gamma, delta = 0.4, -0.3
    r, alpha, s, beta = np.exp(AT)

    def cumulated(by: float, t: float) -> float:
        return sum(np.exp(by * x[k]) * max(0.0, min(t, k + 1) - max(2.25, k)) for k in range(12))

    def gone(t: float) -> float:
        slope = np.exp(delta * x[min(int(t), 11)])
        left, bought = beta + cumulated(delta, t), alpha + cumulated(gamma, t)
        return float(s * slope * left ** -(s + 1) * bought ** -(r + 2))

    whole = (alpha + cumulated(gamma, 11.5)) ** -(r + 2) * (beta + cumulated(delta, 11.5)) ** -s
    edges = [7.75, 8, 9, 10, 11, 11.5]
    whole += sum(quad(gone, a, b, epsabs=1e-14)[0] for a, b in itertools.pairwise(edges))
    expected = gammaln(r + 2) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(whole)
    expected += gamma * (x[4] + x[7])
    assert -likelihood(np.append(AT, [gamma, delta])) == pytest.approx(expected, abs=1e-9)


def test_cells_are_merged_where_walks_repeat() -> None:
    purchases, table, end = shop()
    twice = pd.concat([purchases, purchases.assign(customer_id=purchases["customer_id"] + 1_000)])
    one, two = (_likelihood_of(p, table, end, (["sale"], []))[0] for p in (purchases, twice))
    assert len(two.x) == len(one.x) < purchases["customer_id"].nunique()
    assert two(np.append(AT, 0.3)) == pytest.approx(one(np.append(AT, 0.3)), rel=1e-12)


def test_a_sale_recovers_planted_truth_and_moves_the_forecast() -> None:
    purchases, table, end = shop(gamma=0.8)
    found = btyd.fit_time_varying(purchases, table, end, buying=["sale"])
    row = found.coefficients.iloc[0]
    assert abs(row["coefficient"] - 0.8) < 3 * row["standard_error"] < 0.5
    ahead = found.expected_purchases(4)  # the weeks of "a" are without, those of "b" with a sale
    alike = found.cells.assign(ahead=ahead, alive=found.probability_alive()).query("frequency == 2")
    rate = alike["ahead"] / alike["alive"]
    by_walk = rate.groupby(alike["walk"]).mean()
    assert max(by_walk) / min(by_walk) > 1.5
    with pytest.raises(ParameterError, match="reach 20 periods ahead"):
        found.expected_purchases(21)


def test_bad_walks_say_so() -> None:
    purchases, table, end = shop(50)
    with pytest.raises(DataError, match="every walk in every period"):
        btyd.fit_time_varying(purchases, table.iloc[1:], end, buying=["sale"])
    with pytest.raises(DataError, match="a time between 0 and 40"):
        btyd.fit_time_varying(purchases.assign(time=41.0), table, end, buying=["sale"])
