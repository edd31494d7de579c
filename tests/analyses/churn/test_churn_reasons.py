"""Reasons: they sum to the score, agree with their definition, and find what was planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.model.explanations import partial_dependence, permutation_reasons
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.churn.model.trees import fit_forest
from crm_analytics.errors import NotEnoughData, ParameterError
from tests.analyses.churn.simulated import customers, fitted_on_them

Array = np.ndarray


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost seconds on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module", params=["logistic", "gradient boosting"])
def fitted(request: pytest.FixtureRequest) -> ChurnModel:
    return fitted_on_them(request.param)


def matrix(n: int = 300, seed: int = 2) -> tuple[Array, Array]:
    """A category of 60 codes and three numbers, with gaps; who left."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4))
    values[:, 0] = rng.permutation(np.arange(n) % 40)
    left = rng.random(n) < 1 / (1 + np.exp(-values[:, 1] * values[:, 2] - (values[:, 0] % 3) + 1))
    values[rng.random((n, 4)) < 0.1] = np.nan
    return values, left


def grown(n: int = 300) -> tuple[HistGradientBoostingClassifier, Array, Array]:
    values, left = matrix(n)
    weight = np.random.default_rng(0).integers(1, 4, n).astype(float)
    model = HistGradientBoostingClassifier(
        max_depth=4, max_iter=12, min_samples_leaf=10, categorical_features=[0], early_stopping=False
    )
    return model.fit(values, left, sample_weight=weight), values, weight


def shapley(value: Callable[[Array], Array], own: Array, background: Array, weight: Array) -> Array:
    """By the definition: every subset of features, every customer of the background."""
    size, out = len(own), np.zeros(len(own))

    def worth(subset: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(subset)] = own[list(subset)]
        return float(np.average(value(mixed), weights=weight))

    for feature in range(size):
        rest = [i for i in range(size) if i != feature]
        for many in range(size):
            share = factorial(many) * factorial(size - many - 1) / factorial(size)
            for subset in combinations(rest, many):
                out[feature] += share * (worth((*subset, feature)) - worth(subset))
    return out


def test_forest_matches_scikit_learn() -> None:
    model, values, weight = grown()
    forest = fit_forest(model, values, weight)
    new = matrix(500, seed=9)[0]
    np.testing.assert_allclose(forest.log_odds(new), model.decision_function(new), rtol=0, atol=1e-12)


def test_contributions_match_the_definition_of_shapley() -> None:
    model, values, weight = grown()
    forest = fit_forest(model, values, weight)
    found = forest.contributions(values[:5])
    for own, contributions in zip(values[:5], found, strict=True):
        expected = shapley(model.decision_function, own, values, weight)
        np.testing.assert_allclose(contributions, expected, rtol=0, atol=1e-10)
    assert forest.base == pytest.approx(
        np.average(model.decision_function(values), weights=weight), abs=1e-12
    )


def test_contributions_sum_to_the_score(fitted: ChurnModel) -> None:
    frame, _, _ = customers(700, seed=5)
    found = fitted.explain(frame)
    assert found.sums_to_score
    np.testing.assert_allclose(found.base + found.frame.sum(axis=1), found.log_odds, rtol=0, atol=1e-8)
    p = fitted.predict_proba(frame)[:, 1]
    np.testing.assert_allclose(found.log_odds, np.log(p / (1 - p)), rtol=0, atol=1e-8)


def test_logistic_contributions_are_zero_on_average() -> None:
    found = fitted_on_them("logistic").explain(customers()[0])
    np.testing.assert_allclose(found.frame.mean(), 0, rtol=0, atol=1e-10)
    assert found.method == "coefficient times distance from the mean customer"


def test_a_sum_that_is_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag is measured, not claimed: a core whose parts miss its score is found out."""
    frame, left, _ = customers(500)
    model = ChurnModel("logistic").fit(frame, left)
    kind = type(model.core_)
    monkeypatch.setattr(kind, "log_odds", lambda self, matrix: np.full(len(matrix), 0.3))
    assert not model.explain(frame).sums_to_score


def test_methods_say_what_was_done(fitted: ChurnModel) -> None:
    said = fitted.explain(customers(5)[0]).method
    assert ("stretched to the calibrated score" in said) == (fitted.card().calibration == "isotonic")


def test_reasons_name_what_was_planted(fitted: ChurnModel) -> None:
    """Customers who are average but for one thing have it as their first reason."""
    rest = {"days": 180.0, "revenue": 55.0, "plan": "plus", "tickets": 1, "member": False, "noise": 0.0}
    told = {"days": 364.0, "revenue": 3.0, "tickets": 6}
    frame = pd.DataFrame([{**rest, name: value} for name, value in told.items()], index=list(told))
    reasons = fitted.explain(frame).top(2)
    assert reasons["reason_1"].to_dict() == {name: name for name in told}
    assert list(reasons.columns) == ["reason_1", "reason_2"]


def test_nothing_speaks_for_leaving_where_nothing_does(fitted: ChurnModel) -> None:
    frame = pd.DataFrame(
        {"days": [1.0], "revenue": [3e3], "plan": ["gold"], "tickets": [0], "member": [True]}
    )
    found = fitted.explain(frame.assign(noise=0.0))
    best = found.frame.iloc[0].max()
    assert found.top(1)["reason_1"].isna().tolist() == [best <= 0]
    assert found.top(6).iloc[0].isna().sum() == (found.frame.iloc[0] <= 0).sum()


def test_permutation_reasons_find_what_was_planted_and_not_the_noise(fitted: ChurnModel) -> None:
    frame, left, _ = customers(1500, seed=5)
    table = permutation_reasons(fitted, frame, left, seed=1).set_index("feature")
    assert table.index[0] == "days"
    assert set(table.index[:4]) == {"days", "revenue", "plan", "tickets"}
    for name in ("days", "revenue", "plan"):
        assert table.loc[name, "lower"] > 0
    for name in ("noise", "member"):
        assert table.loc[name, "lower"] < 0.002
        assert abs(table.loc[name, "auc_lost"]) < 0.01
    assert table["auc_lost"].is_monotonic_decreasing


def test_permutation_intervals_cover_the_truth() -> None:
    """Loss of one feature over 60 samples of customers, against that of 60,000."""
    frame, left, _ = customers(2000)
    model = ChurnModel("logistic").fit(frame[["days", "revenue"]], left)
    big, gone, _ = customers(60_000, seed=50)
    truth = permutation_reasons(model, big, gone, draws=3).set_index("feature")["auc_lost"]
    covered = dict.fromkeys(truth.index, 0)
    for seed in range(60):
        small, gone, _ = customers(400, seed=100 + seed)
        found = permutation_reasons(model, small, gone, seed=seed, draws=3, level=0.9).set_index("feature")
        for name in covered:
            covered[name] += found.loc[name, "lower"] <= truth[name] <= found.loc[name, "upper"]
    assert all(46 <= count <= 60 for count in covered.values())  # 54 expected, deviation 2.3


def test_order_of_rows_and_columns_changes_no_reason(fitted: ChurnModel) -> None:
    frame, left, _ = customers(300, seed=5)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(300), rng.permutation(frame.columns)
    mixed = frame.iloc[rows][columns]
    one, two = permutation_reasons(fitted, frame, left), permutation_reasons(fitted, mixed, left[rows])
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    one, two = (partial_dependence(fitted, x, "days", sample=100) for x in (frame, mixed))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_labels_may_be_the_models_words() -> None:
    frame, left, _ = customers(600)
    words = np.where(left, "Yes", "No")
    model = ChurnModel("logistic").fit(frame, words)
    one, two = (permutation_reasons(model, frame, y, draws=2) for y in (words, left))
    pd.testing.assert_frame_equal(one, two)


def test_partial_dependence_recovers_planted_truth(fitted: ChurnModel) -> None:
    frame, _, truth = customers(1500, seed=5)
    table = partial_dependence(fitted, frame, "days")
    assert table["churn_probability"].iloc[-1] > table["churn_probability"].iloc[0] + 0.4
    assert (table["lower"] <= table["churn_probability"]).all()
    assert (table["churn_probability"] <= table["upper"]).all()
    assert table["customers"].sum() == 1500
    # what everybody would do with these days: shift the true log-odds
    log_odds = np.log(truth / (1 - truth))
    expected = [
        np.mean(1 / (1 + np.exp(-(log_odds + (days - frame["days"]) / 80)))) for days in table["value"]
    ]
    np.testing.assert_allclose(table["churn_probability"], expected, rtol=0, atol=0.08)
    plans = partial_dependence(fitted, frame, "plan").set_index("value")
    assert set(plans.index) == {"basic", "gold", "plus"}
    assert plans["churn_probability"].idxmax() == "basic"


def test_arrays_have_reasons_too() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(600, 3))
    left = rng.random(600) < 1 / (1 + np.exp(-2 * values[:, 1]))
    model = ChurnModel("logistic").fit(values, left)
    assert permutation_reasons(model, values, left, draws=2)["feature"].iloc[0] == "x1"
    assert partial_dependence(model, values, "x1")["churn_probability"].is_monotonic_increasing
    assert model.explain(values).frame.columns.tolist() == ["x0", "x1", "x2"]


def test_bad_input_says_what_is_wrong(fitted: ChurnModel) -> None:
    frame, _, _ = customers(50, seed=5)
    with pytest.raises(ParameterError, match="the model has no feature 'day'; did you mean 'days'"):
        partial_dependence(fitted, frame, "day")
    with pytest.raises(NotEnoughData, match="permutation reasons needs at least 1 customers who left"):
        permutation_reasons(fitted, frame, np.zeros(50))


def test_auc_lost_is_the_difference_of_two_aucs() -> None:
    """A feature shuffled by hand, the same way."""
    fitted = fitted_on_them("logistic")
    frame, left, _ = customers(400, seed=5)
    table = permutation_reasons(fitted, frame, left, draws=20).set_index("feature")
    rng, lost = np.random.default_rng(77), []
    whole = measures.auc(left, fitted.decision_function(frame)).value
    for _ in range(20):
        shuffled = frame.assign(days=rng.permutation(frame["days"].to_numpy()))
        lost.append(whole - measures.auc(left, fitted.decision_function(shuffled)).value)
    error = 4 * np.std(lost) * np.sqrt(2 / 20)
    assert table.loc["days", "auc_lost"] == pytest.approx(np.mean(lost), abs=error)
