"""Own features and own learners: seen as on the day, judged like ours, refused in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from crm_analytics import CustomerBase
from crm_analytics.analyses import churn
from crm_analytics.errors import CrmError, DataError, ParameterError

WINDOW, DAYS = 60, 330
START = pd.Timestamp("2025-01-01")
FOREST = RandomForestClassifier(n_estimators=60, min_samples_leaf=20)


def drawn(seed: int = 3, n: int = 1_600) -> tuple[CustomerBase, pd.DataFrame]:
    """A shop in which half of the customers are moody: these stop within the year."""
    rng = np.random.default_rng(seed)
    moody = rng.random(n) < 0.5
    rows = []
    for i in range(n):
        day, over = float(rng.uniform(0, 90)), rng.exponential(110.0) if moody[i] else 900.0
        end = day + over
        while day < min(DAYS, end):
            rows.append((f"c{i:05}", START + pd.Timedelta(days=int(day)), float(rng.gamma(2, 10))))
            day += float(rng.exponential(22.0)) + 1
    rows.append(("z", START + pd.Timedelta(days=DAYS), 1.0))
    lines = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    known = pd.DataFrame(
        {"customer_id": [f"c{i:05}" for i in range(n)], "known_on": START, "mood": moody.astype(float)}
    )
    known["mood"] += rng.normal(0, 0.5, n)  # and not too well
    return CustomerBase.open(lines, today="2026-01-01"), known


@pytest.fixture(scope="module")
def shop() -> tuple[CustomerBase, pd.DataFrame]:
    return drawn()


def auc(trained: churn.Churn, method: str | None = None) -> float:
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until]
    return float(last.set_index("method").loc[method or trained.method, "auc"])


@pytest.fixture(scope="module")
def plain(shop) -> churn.Churn:
    return churn.train(shop[0], WINDOW, learners=["logistic"])


def test_an_own_feature_recovers_planted_truth(shop, plain) -> None:
    base, known = shop
    told = churn.train(base, WINDOW, learners=["logistic"], features=known)
    assert auc(told) > auc(plain) + 0.03
    assert told.reasons is not None
    assert told.reasons.set_index("feature").loc["mood", "lower"] > 0
    scored = base.collect(churn.score(base, told)).merge(known, on="customer_id")
    alive = scored[scored["churn_probability"].notna()]
    assert alive["churn_probability"].corr(alive["mood"]) > 0.3
    assert alive[["reason_1", "reason_2", "reason_3"]].eq("mood").any(axis=None)


def test_values_known_after_a_day_change_nothing_law(shop) -> None:
    base, known = shop
    later = known.assign(known_on=base.day + pd.Timedelta(days=1), mood=99.0)
    once = churn.train(base, WINDOW, learners=["logistic"], features=known)
    twice = churn.train(base, WINDOW, learners=["logistic"], features=pd.concat([later, known]))
    pd.testing.assert_frame_equal(once.evidence, twice.evidence)


def test_a_function_and_a_table_of_the_same_features_agree_law(shop) -> None:
    base, known = shop

    def of(past: CustomerBase) -> pd.DataFrame:
        assert past.day <= base.day
        return known[["customer_id", "mood"]]

    pd.testing.assert_frame_equal(
        churn.train(base, WINDOW, learners=["logistic"], features=of).evidence,
        churn.train(base, WINDOW, learners=["logistic"], features=base.to_engine(known)).evidence,
    )


@pytest.mark.parametrize(
    ("learner", "name"),
    [(FOREST, "RandomForestClassifier"), (make_pipeline(StandardScaler(), LinearSVC()), "LinearSVC")],
)
def test_an_own_learner_is_judged_beside_ours_and_its_chances_hold(shop, learner, name) -> None:
    base, known = shop
    trained = churn.train(base, WINDOW, learners=["logistic"], features=known, learner=learner)
    assert trained.method == name
    assert trained.grade is not None
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until].set_index("method")
    assert {name, "logistic", "recency rule"} <= set(last.index)
    assert last.loc[name, "auc"] > 0.6
    ours, own = last.loc["logistic", "expected"], last.loc[name, "expected"]
    assert own == pytest.approx(ours, rel=0.2)  # calibrated alike, they expect as many to leave
    again = churn.train(base, WINDOW, learners=["logistic"], features=known, learner=learner)
    pd.testing.assert_frame_equal(trained.evidence, again.evidence)
    assert trained.model is not None
    assert name in trained.model.card().words
    scored = base.collect(churn.score(base, trained, explained=50))
    assert scored["reason_1"].notna().any()
    assert scored["churn_probability"].dropna().between(0, 1).all()


WRONG = {
    "need the column known_on: the day from which": lambda k: k.drop(columns="known_on"),
    "need the column customer_id": lambda k: k.rename(columns={"customer_id": "id"}),
    "mood was known of nobody on .* it came too late": lambda k: k.assign(known_on="2025-11-20"),
    "rows have no day in known_on": lambda k: k.assign(known_on="soon"),
    "a customer has two rows of one known_on": lambda k: pd.concat([k, k]),
    "recency_days is a name of ours": lambda k: k.rename(columns={"mood": "recency_days"}),
    "have no column beside": lambda k: k[["customer_id", "known_on"]],
    "none of their customers is in the base": lambda k: k.assign(customer_id="x" + k["customer_id"]),
    "a pandas frame, an Ibis table or a function": lambda k: 5,
}


@pytest.mark.parametrize("words", WRONG)
def test_an_own_feature_that_cannot_be_used_says_why(shop, words) -> None:
    base, known = shop
    error = DataError if "too late" in words or "none of" in words else ParameterError
    with pytest.raises(error, match=words):
        churn.train(base, WINDOW, features=WRONG[words](known))


def test_a_feature_that_knows_the_answer_is_refused_by_name(shop) -> None:
    base, _ = shop
    middle = base.day - pd.Timedelta(days=WINDOW)
    span = base.between((middle - pd.Timedelta(days=WINDOW)).isoformat()[:10], middle.isoformat()[:10])
    stayed = base.collect(span.occasions.select("customer_id").distinct())["customer_id"]
    everybody = base.collect(base.customers.select("customer_id"))["customer_id"]
    leak = pd.DataFrame({"customer_id": everybody, "known_on": START, "goodbye": ~everybody.isin(stayed)})
    with pytest.raises(CrmError, match="'goodbye' tells who left without a single mistake"):
        churn.train(base, WINDOW, learners=["logistic"], features=leak, count=2)


class Silent(RidgeClassifier):
    """Names who leaves and tells no score."""

    @property
    def decision_function(self):  # type: ignore[override]
        raise AttributeError("decision_function")


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        (LogisticRegression, r"is the class LogisticRegression: give one of it, LogisticRegression\(\)"),
        ("xgboost", "is a classifier as scikit-learn has them, got str"),
        (StandardScaler(), "is a classifier as scikit-learn has them, got StandardScaler"),
        (Silent(), "Silent has neither predict_proba nor decision_function"),
    ],
)
def test_a_learner_that_tells_no_chances_says_what_to_take(shop, learner, words) -> None:
    with pytest.raises(CrmError, match=words):
        churn.train(shop[0], WINDOW, learner=learner)


def test_a_learner_without_chances_may_not_go_uncalibrated() -> None:
    frame = pd.DataFrame({"x": np.arange(600.0)})
    with pytest.raises(CrmError, match="its scores are no chances before they are calibrated"):
        churn.ChurnModel(LinearSVC(), calibrate=False).fit(frame, np.arange(600) % 7 == 0)
