"""The churn model: laws, planted truth, bad input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator
from threadpoolctl import threadpool_limits

from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.model.feature_encoding import BadFrame
from crm_analytics.analyses.churn.model.model import ChurnModel, TooFew
from crm_analytics.analyses.churn.model.target_leakage import Leak
from crm_analytics.errors import CrmError, ParameterError
from tests.analyses.churn.simulated import customers, fitted_on_them

LEARNERS = ["logistic", "gradient boosting"]


@pytest.fixture(scope="module", params=LEARNERS)
def fitted(request: pytest.FixtureRequest) -> ChurnModel:
    """One model of each kind, for the tests that only look."""
    return fitted_on_them(request.param)


# of labels such as "setosa" and "versicolor" nobody can say who left
ANY_LABELS = pytest.mark.filterwarnings("ignore:the labels .* do not tell who left")


def sklearn_checks(learner: str) -> list:
    """scikit-learn's own, but for the one that needs SciPy's array API switched on."""
    checks = estimator_checks_generator(ChurnModel(learner, minimum=2, leaks="allow"))
    named = [(model, check, str(check).split(" ")[1]) for model, check in checks]
    return [pytest.param(model, check, id=name) for model, check, name in named if "array_api" not in name]


@ANY_LABELS
@pytest.mark.parametrize(("estimator", "check"), sklearn_checks("logistic"))
def test_scikit_learns_checks_hold(estimator: ChurnModel, check: Callable[[ChurnModel], None]) -> None:
    check(estimator)


@pytest.mark.slow
@ANY_LABELS
@pytest.mark.parametrize(("estimator", "check"), sklearn_checks("gradient boosting"))
def test_scikit_learns_checks_hold_for_boosting(
    estimator: ChurnModel, check: Callable[[ChurnModel], None]
) -> None:
    check(estimator)


def test_probabilities_recover_planted_truth(fitted: ChurnModel) -> None:
    frame, left, truth = customers(8000, seed=8)
    p = fitted.predict_proba(frame)[:, 1]
    best = measures.auc(left, truth)
    assert measures.auc(left, p).value > best.value - 0.02
    assert np.abs(p - truth).mean() < 0.06
    assert measures.calibration_error(left, p, level=0.999).lower < 0.02
    table = measures.calibration(left, p, bins=8)
    assert (table["predicted"] - table["left_share"]).abs().max() < 0.06


@pytest.mark.parametrize("learner", LEARNERS)
def test_permuted_labels_give_chance(learner: str) -> None:
    frame, left, _ = customers(2500)
    rng = np.random.default_rng(4)
    model = ChurnModel(learner).fit(frame, rng.permutation(left))
    test, gone, _ = customers(4000, seed=9)
    p = model.predict_proba(test)[:, 1]
    found = measures.auc(rng.permutation(gone), p, level=0.999)
    assert found.lower < 0.5 < found.upper
    assert model.card().auc.lower < 0.5 < model.card().auc.upper + 0.02  # the setting is chosen on it
    assert p.std() < 0.05  # calibration says that it knows nothing


@pytest.mark.parametrize("learner", LEARNERS)
def test_order_of_rows_and_columns_changes_nothing(learner: str) -> None:
    frame, left, _ = customers(500)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(500), rng.permutation(frame.columns)
    weight = rng.integers(1, 4, 500).astype(float)
    one = ChurnModel(learner).fit(frame, left, weight)
    two = ChurnModel(learner).fit(frame.iloc[rows][columns], left[rows], weight[rows])
    test = customers(200, seed=3)[0]
    np.testing.assert_array_equal(one.predict_proba(test), two.predict_proba(test[columns]))
    pd.testing.assert_frame_equal(one.explain(test).frame, two.explain(test[columns]).frame, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_threads_change_nothing(learner: str) -> None:
    frame, left, _ = customers(900)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(ChurnModel(learner).fit(frame, left).predict_proba(frame))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("learner", ["logistic", pytest.param("gradient boosting", marks=pytest.mark.slow)])
def test_large_bases_are_cross_validated_on_a_part(learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, left, truth = customers(2400)
    order = np.random.default_rng(0).permutation(2400)
    monkeypatch.setattr("crm_analytics.analyses.churn.model.learners.CHECKED", 600)
    model = ChurnModel(learner).fit(frame, left)
    assert (model.card().auc.n, model.card().customers) == (600, 2400)
    assert np.abs(model.predict_proba(frame)[:, 1] - truth).mean() < 0.08
    assert model.explain(frame).sums_to_score
    again = ChurnModel(learner).fit(frame.iloc[order], left[order])
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))


def test_predictions_do_not_depend_on_the_other_customers(fitted: ChurnModel) -> None:
    frame, _, _ = customers(50, seed=5)
    whole = fitted.predict_proba(frame)
    alone = np.vstack([fitted.predict_proba(frame.iloc[[i]]) for i in range(50)])
    np.testing.assert_array_equal(alone, whole)  # batches of any size give the same bytes
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=0, atol=1e-15)


def test_text_may_come_in_any_type(fitted: ChurnModel) -> None:
    frame, _, _ = customers(80, seed=5)
    expected = fitted.predict_proba(frame)
    plain = frame["plan"].astype(object).where(frame["plan"].notna(), None)
    for dtype in ("object", "string", "category", pd.ArrowDtype(__import__("pyarrow").string())):
        changed = frame.assign(plan=plain.astype(dtype))
        np.testing.assert_array_equal(fitted.predict_proba(changed), expected)
    floats = frame.assign(tickets=frame["tickets"].astype("Float64"), member=frame["member"].astype(float))
    np.testing.assert_array_equal(fitted.predict_proba(floats), expected)
    blank = frame.assign(plan=plain.where(plain.notna(), "  "))
    np.testing.assert_array_equal(fitted.predict_proba(blank), expected)


def test_unseen_categories_and_missing_values_score_inside_0_and_1(fitted: ChurnModel) -> None:
    frame, _, _ = customers(40, seed=5)
    unseen = fitted.predict_proba(frame.assign(plan="platinum"))
    missing = fitted.predict_proba(frame.assign(plan=None))
    np.testing.assert_array_equal(unseen, missing)
    nothing = pd.DataFrame({name: [np.nan] for name in frame.columns})
    assert 0 < fitted.predict_proba(nothing)[0, 1] < 1


def test_rare_names_are_others_and_so_are_unseen_ones() -> None:
    frame, left, _ = customers(800)
    town = np.array(["a", "b"])[np.arange(800) % 2].astype(object)
    town[:6] = ["c", "c", "d", "e", "f", "g"]
    model = ChurnModel("logistic").fit(frame.assign(town=town), left)
    one, other = (model.predict_proba(frame.assign(town=name)) for name in ("c", "never seen"))
    np.testing.assert_array_equal(one, other)
    assert "5 rare names counted as others" in set(model.card().features["note"])
    seldom = frame.assign(town=[f"town {i // 4}" for i in range(800)])
    card = ChurnModel("logistic").fit(seldom, left).card()
    assert card.ignored == {"town": "200 names, each of fewer than 10 customers"}


def test_card_names_what_is_not_used() -> None:
    frame, left, _ = customers(700)
    frame = frame.assign(
        country="NL", empty=None, code=[f"c{i}" for i in range(700)], charges=[f" {i}.5" for i in range(700)]
    )
    frame.loc[0, "charges"] = " "
    card = ChurnModel("logistic").fit(frame.assign(customer_id=range(700)), left).card()
    assert card.ignored == {
        "code": "an identifier: 700 names for 700 customers",
        "country": "the same for everybody",
        "customer_id": "names a customer, says nothing of one",
        "empty": "missing for everybody",
    }
    assert "'country' is not used: the same for everybody" in card.warnings
    assert not any("customer_id" in said for said in card.warnings)
    row = card.features.set_index("feature").loc["charges"]
    assert (row["kind"], row["note"]) == ("number", "text read as numbers")
    assert (card.customers, card.left, card.leaver) == (700, int(left.sum()), "True")
    assert card.words.startswith("logistic (C = ")


def test_weights_count_as_customers() -> None:
    """Weight 0 takes a customer out of the fit without calibration; twice the weight changes no balance."""
    frame, left, _ = customers(1200)
    model = ChurnModel("logistic", calibrate=False)
    weight = np.where(left, 3.0, 1.0)
    p = clone(model).fit(frame, left, weight).predict_proba(frame)[:, 1]
    assert np.average(p, weights=weight) == pytest.approx(np.average(left, weights=weight), abs=0.005)
    assert p.mean() > left.mean() + 0.1


def test_boosting_without_weights_is_boosting_with_weights_of_one() -> None:
    """Weights a hair off one take scikit-learn's slow way to its bins, and must give the same trees."""
    frame, left, _ = customers(900)
    weight = np.ones(len(left))
    weight[0] = np.nextafter(1, 2)
    plain, weighted = (
        ChurnModel("gradient boosting", minimum=400).fit(frame, left, given).predict_proba(frame)
        for given in (None, weight)
    )
    np.testing.assert_allclose(plain, weighted, rtol=1e-12)


def test_it_can_be_cross_validated() -> None:
    frame, left, _ = customers(900)
    found = cross_val_score(ChurnModel("logistic", minimum=400), frame, left, cv=3, scoring="roc_auc")
    assert found.min() > 0.7


def test_rows_that_are_copies_are_warned_of_and_customers_who_are_merely_alike_are_not() -> None:
    frame, left, _ = customers(700)
    twice, gone = pd.concat([frame, frame], ignore_index=True), np.concatenate([left, left])
    card = ChurnModel("logistic").fit(twice.assign(money=np.tile(np.arange(700) / 7, 2)), gone).card()
    assert any(said.startswith("700 of 1,400 rows repeat another") for said in card.warnings)
    alike = ChurnModel("logistic").fit(frame[["tickets", "plan"]], left).card()
    assert not any("repeat another" in said for said in alike.warnings)


def test_copies_are_noticed_from_one_row_in_a_hundred() -> None:
    frame, left, _ = customers(700)
    for copies, seen in ((8, True), (3, False)):
        more, gone = (pd.concat([one, one[:copies]], ignore_index=True) for one in (frame, pd.Series(left)))
        money = np.r_[np.arange(700), np.arange(copies)] / 7
        card = ChurnModel("logistic").fit(more.assign(money=money), gone.to_numpy()).card()
        assert (
            any(said.startswith(f"{copies} of {700 + copies} rows repeat") for said in card.warnings) == seen
        )


# --- bad input ---------------------------------------------------------------------------------------------


def leaking(left: np.ndarray) -> dict[str, object]:
    """Columns that know the answer, each in its own way."""
    rng = np.random.default_rng(0)
    n = len(left)
    return {
        "equal": left,
        "word": np.where(left, "gone", "here"),
        "reversed": 1 - left.astype(int),
        "cancelled_on": np.where(left, rng.integers(1, 300, n), np.nan),
        "threshold": np.where(left, 5 + rng.random(n), rng.random(n)),
        "codes": np.where(left, rng.choice([1, 3], n), rng.choice([0, 2, 4], n)),
        "gaps": np.where(
            left, rng.normal(size=n), np.where(rng.random(n) < 0.3, np.nan, -99 - rng.random(n))
        ),
        "often_missing": np.where(rng.random(n) < 0.3, np.nan, left),
        "word_often_missing": np.where(rng.random(n) < 0.3, None, np.where(left, "gone", "here")),
        "threshold_often_missing": np.where(
            rng.random(n) < 0.5, np.nan, np.where(left, 5 + rng.random(n), rng.random(n))
        ),
    }


@pytest.mark.parametrize("name", list(leaking(np.zeros(1, dtype=bool))))
def test_a_leaking_feature_is_named_and_refused(name: str) -> None:
    frame, left, _ = customers(700)
    with pytest.raises(Leak, match=f"^'{name}' tells who left without a single mistake"):
        ChurnModel("logistic").fit(frame.assign(**{name: leaking(left)[name]}), left)


def test_all_leaks_are_named_at_once_and_may_be_allowed() -> None:
    frame, left, _ = customers(700)
    leaky = frame.assign(equal=left, word=np.where(left, "gone", "here"))
    with pytest.raises(Leak, match="'word', 'equal' tell who left"):
        ChurnModel("logistic").fit(leaky, left)
    assert ChurnModel("logistic", leaks="allow").fit(leaky, left).score(leaky, left) == 1.0


def test_a_feature_that_nearly_knows_is_warned_of() -> None:
    frame, left, _ = customers(700)
    nearly = left.astype(float) + np.random.default_rng(0).normal(0, 0.2, 700)
    card = ChurnModel("logistic").fit(frame.assign(nearly=nearly), left).card()
    assert any(said.startswith("'nearly' alone comes to an AUC of 0.99") for said in card.warnings)


def test_a_feature_that_knows_a_few_is_warned_of_and_one_that_is_merely_rare_is_not() -> None:
    frame, left, _ = customers(700)
    seldom = np.r_[np.flatnonzero(left)[:12], np.flatnonzero(~left)[:15]]
    few, rare = np.full(700, np.nan), np.full(700, np.nan)
    few[seldom], rare[seldom] = left[seldom] + seldom / 1000, seldom
    card = ChurnModel("logistic").fit(frame.assign(few=few, rare=rare), left).card()
    said = [said for said in card.warnings if "alone" in said]
    assert said == [
        "'few' alone comes to an AUC of 1.000 among the 27 customers of whom it is known: "
        "was it known on the day?"
    ]


def test_bad_input_says_what_is_wrong() -> None:
    frame, left, _ = customers(700)
    model = ChurnModel("logistic")

    def says(error: type[CrmError], words: str, X: object, y: object, by: ChurnModel = model) -> None:
        with pytest.raises(error, match=words):
            by.fit(X, y)

    says(TooFew, r"one class only: everybody is 0\.0\)", frame, np.zeros(700))
    says(TooFew, "the churn model needs at least 500 customers, this base has 300", frame[:300], left[:300])
    says(TooFew, "at least 25 customers who left, this base has 3", frame, np.arange(700) < 3)
    says(TooFew, "at least 25 customers who stayed, this base has 3", frame, np.arange(700) >= 3)
    says(TooFew, "this base has 0", frame[:0], left[:0])
    says(BadFrame, "Only binary classification is supported: 3", frame, np.arange(700) % 3)
    says(BadFrame, "the index has 1 duplicates", frame.set_axis([0, *range(699)]), left)
    says(BadFrame, "1 of 700 rows repeat a customer_id", frame.assign(customer_id=[0, *range(699)]), left)
    for name in ("customerID", "CustomerId", "client_id", "User Id", "ID"):
        twice = frame.assign(**{name: [f"i{k // 2}" for k in range(700)]})
        says(BadFrame, f"350 of 700 rows repeat a {name}: one row per customer", twice, left)
    says(BadFrame, "two columns have the same name: plan", pd.concat([frame, frame[["plan"]]], axis=1), left)
    says(BadFrame, "'since' holds dates", frame.assign(since=pd.Timestamp("2026-01-01")), left)
    says(BadFrame, "'days' contains infinity", frame.assign(days=np.inf), left)
    says(BadFrame, "no column varies", frame[["days"]] * 0, left)
    says(BadFrame, "neither numbers nor names", frame.assign(days=pd.period_range("2020", periods=700)), left)
    says(BadFrame, "1 of 700 labels are missing", frame, [None, *left[1:]])
    says(BadFrame, "700 customers and 699 labels", frame, left[1:])
    says(BadFrame, "labels stand in another order", frame, pd.Series(left)[::-1])
    says(ParameterError, "did you mean 'logistic'", frame, left, ChurnModel("logistics"))
    says(ParameterError, "calibrate is True", frame, left, ChurnModel(calibrate="beta"))
    with pytest.raises(ParameterError, match=r"sample_weight \(1 of 700\): give 0 to who does not count"):
        model.fit(frame, left, np.r_[-1.0, np.ones(699)])
    says(ParameterError, "leaks is 'refuse'", frame, left, ChurnModel(leaks="warn"))


def test_scoring_says_which_column_is_not_there(fitted: ChurnModel) -> None:
    frame, _, _ = customers(20)
    with pytest.raises(
        BadFrame, match=r"needs 1 column\(s\) this frame does not have: 'plan'; did you mean 'pln'"
    ):
        fitted.predict_proba(frame.rename(columns={"plan": "pln"}))
    with pytest.raises(BadFrame, match="'days' was a number in training and is text here"):
        fitted.predict_proba(frame.assign(days="long ago"))
    with pytest.raises(NotFittedError):
        ChurnModel().predict_proba(frame)
