"""Training in time: what is learnt from, what it is held against, what everybody is told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import churn
from crm_analytics.errors import NotEnoughData, ParameterError

WINDOW = 60


def shop(customers: int = 1_500, seed: int = 5, days: int = 600) -> pd.DataFrame:
    """Customers who buy at their own pace until they leave; keen ones leave later."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        at, mean = draw.uniform(0, days), draw.choice([8, 20, 35])
        left = at + draw.exponential(12 * mean)
        while at < min(days, left):
            rows.append((f"c{i:04d}", int(at), round(draw.gamma(3, 100 / mean), 2)))
            at += 1 + draw.exponential(mean)
    frame = pd.DataFrame(rows, columns=["customer_id", "d", "unit_spend"])
    return frame.assign(
        transaction_date=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("d"), unit="D")
    )


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(shop(), today="2026-01-01")


@pytest.fixture(scope="module")
def trained(base) -> churn.Churn:
    return churn.train(base, WINDOW, learners=("logistic",))


def test_the_model_beats_the_rule_on_customers_it_has_not_seen(trained):
    assert trained.method == "logistic"
    last = trained.evidence[trained.evidence["until"] == trained.held_out.until].set_index("method")
    assert last.loc["logistic", "auc"] > last.loc["recency rule", "auc"] + 0.02
    assert last.loc["logistic", "brier"] < last.loc["recency rule", "brier"]
    assert trained.grade.letter in "AB"
    assert {"P(alive)", "recency rule", "logistic"} == set(last.index)


def test_of_a_short_window_the_rule_calls_somebody_and_the_model_can_be_better():
    """All who are still here bought within the window: the rule needs a cut below it to be one at all."""
    base = CustomerBase.open(shop(2_500), today="2026-01-01")
    found = churn.train(base, 35, learners=("logistic",), count=2)
    then = found.rule.leaves(found.held_out.recency_days)
    assert 0 < then.mean() < 1
    assert found.grade.baseline > 0.3
    assert found.grade.letter in "AB"
    last = found.evidence.set_index("method")
    assert last.loc["recency rule", "auc_lower"] > 0.5


def test_windows_are_in_time_and_the_held_out_one_is_the_newest(base, trained):
    assert [w.days for w in trained.windows] == [WINDOW] * 3
    assert trained.held_out.until == base.day
    for before, after in zip(trained.windows, trained.windows[1:], strict=False):
        assert before.until == after.day


def test_only_who_was_still_there_is_judged(base, trained):
    assert (trained.held_out.recency_days < WINDOW).all()
    past = base.as_of(trained.held_out.day)
    history = past.purchase_history.to_pandas()
    there = (pd.Timestamp(past.day) - pd.to_datetime(history["last_day"])).dt.days < WINDOW
    assert len(trained.held_out.left) == there.sum()


def test_probabilities_are_calibrated_on_the_held_out_window(trained):
    held = trained.held_out
    table = churn.measures.calibration(held.left, held.score, bins=4)
    assert ((table["lower"] - 0.03 < table["predicted"]) & (table["predicted"] < table["upper"] + 0.03)).all()


def test_shuffled_labels_teach_nothing(trained):
    frame, draw = trained.held_out.frame, np.random.default_rng(3)
    found = []
    for _ in range(6):
        y = draw.permutation(trained.held_out.left)
        half = draw.random(len(y)) < 0.5
        model = churn.ChurnModel("logistic", minimum=100).fit(frame[half], y[half])
        found.append(churn.measures.auc(y[~half], model.predict_proba(frame[~half])[:, 1]).value)
    assert np.mean(found) == pytest.approx(
        0.5, abs=3 * 0.04 / np.sqrt(6)
    )  # .04: of one draw of 277 customers


def test_everybody_is_scored_once_and_who_has_left_is_not_called(base, trained):
    table = churn.score(base, trained).to_pandas().set_index("customer_id")
    history = base.purchase_history.to_pandas().set_index("customer_id")
    assert set(table.index) == set(history.index)
    assert table.index.is_unique
    days = (pd.Timestamp(base.day) - pd.to_datetime(history["last_day"])).dt.days.reindex(table.index)
    assert (table["risk"].eq("gone") == (days >= WINDOW)).all()
    assert table["churn_probability"].isna().equals(table["risk"].eq("gone"))
    there = table[table["risk"] != "gone"]
    assert there["churn_probability"].between(0, 1).all()
    np.testing.assert_allclose(there["value_at_risk"], there["churn_probability"] * there["value"])
    assert there["reason_1"].dropna().isin(churn.WORDS.values()).all()
    assert there["reason_1"].notna().mean() > 0.9


def test_batches_change_nothing(base, trained, monkeypatch):
    whole = churn.score(base, trained, explained=0).order_by("customer_id").to_pandas()
    monkeypatch.setattr("crm_analytics.analyses.churn.scoring.BATCH", 97)
    parts = churn.score(base, trained, explained=0).order_by("customer_id").to_pandas()
    pd.testing.assert_frame_equal(parts, whole)
    assert whole["reason_1"].isna().all()


def test_a_sample_is_the_same_whatever_the_order_of_rows():
    frame = shop(900)
    one, other = (
        churn.train(
            CustomerBase.open(f, today="2026-01-01"), WINDOW, learners=("logistic",), sample=550, count=2
        )
        for f in (frame, frame.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(one.held_out.frame, other.held_out.frame)
    np.testing.assert_array_equal(one.held_out.score, other.held_out.score)
    assert len(one.held_out.left) < 600


def test_below_the_minimum_the_rule_speaks_and_says_why():
    base = CustomerBase.open(shop(300), today="2026-01-01")
    found = churn.train(base, WINDOW)
    assert found.method == "recency rule"
    assert found.model is None
    assert found.grade is None
    assert "at least 500 are needed" in found.unmet[0]
    table = churn.score(base, found).to_pandas()
    there = table[table["risk"] != "gone"]
    assert set(there["reason_1"].dropna()) <= {found.rule.words}


def young(early: int) -> CustomerBase:
    """A shop that grows: of the customers of its first 420 days only so many are known."""
    lines = shop(2_500)
    first = lines.groupby("customer_id")["transaction_date"].transform("min")
    old = first < pd.Timestamp("2024-01-01") + pd.Timedelta(days=420)
    some = lines.loc[old, "customer_id"].drop_duplicates().head(early)
    return CustomerBase.open(lines[~old | lines["customer_id"].isin(some)], today="2026-01-01")


def test_a_first_window_that_is_too_thin_leaves_no_choice_and_no_error():
    found = churn.train(young(700), WINDOW)
    counts = [int(n) for n in found.evidence.drop_duplicates("until")["n"]]
    assert len(found.windows) == 3
    assert len(counts) == 1  # nothing was judged on the second window, for the first teaches too little
    assert found.method == "logistic"


def test_where_all_windows_before_the_newest_are_too_thin_the_rule_speaks():
    found = churn.train(young(40), WINDOW)
    assert (found.method, found.model) == ("recency rule", None)
    assert any("in the windows before the newest" in one for one in found.unmet)


@pytest.mark.parametrize("window", [290, 210])
def test_of_two_to_three_windows_of_history_there_is_the_rule_and_it_says_why(base, window):
    """One window is over: a rule can be learnt in it, and no model checked in another."""
    found = churn.train(base, window)
    assert (found.method, found.model, found.grade, len(found.windows)) == ("recency rule", None, None, 1)
    assert "one window of" in found.unmet[0]
    assert "none to check by" in found.unmet[0]
    assert found.evidence["method"].tolist()[0] == "recency rule"
    there = churn.score(base, found).to_pandas().query("risk != 'gone'")
    assert there["churn_probability"].between(0, 1).all()
    assert set(there["reason_1"].dropna()) <= {found.rule.words}


def test_where_purchases_tell_too_little_the_rule_speaks(base, monkeypatch):
    """A mean gap is not known of who bought once; a survey never answered is no gap in the data."""
    least = dataclasses.replace(churn.MINIMUMS, missing_share=0.01)
    monkeypatch.setattr("crm_analytics.analyses.churn.training.MINIMUMS", least)
    found = churn.train(base, WINDOW, count=2)
    assert found.method == "recency rule"
    assert "of what purchases should tell is missing, less than 1% is needed" in found.unmet[0]


def test_what_cannot_be_learnt_says_so(base):
    with pytest.raises(NotEnoughData, match="days of history"):
        churn.train(base, 310)
    with pytest.raises(ParameterError, match=r"give \['logistic'\], or leave it out"):
        churn.train(base, WINDOW, learners="logistic")
    for window in (60.5, 0, -5, True, "60"):
        with pytest.raises(ParameterError, match="a whole number of days, 1 or more, like 90"):
            churn.train(base, window)
    weekly = pd.DataFrame({"transaction_date": pd.date_range("2024-01-01", "2025-12-20", freq="7D")})
    faithful = CustomerBase.open(weekly.assign(customer_id="a", unit_spend=1.0), today="2026-01-01")
    with pytest.raises(NotEnoughData, match="customers who left"):
        churn.train(faithful, 60)
    with pytest.raises(ParameterError, match="did you mean 'logistic'"):
        churn.train(base, WINDOW, learners=("logistc",))
    with pytest.raises(ParameterError, match="explained"):
        churn.score(base, churn.train(base, WINDOW, learners=("logistic",), count=2), explained=-1)


def test_a_trained_model_is_kept_and_scores_the_same(base, trained, tmp_path):
    again = churn.load(churn.save(trained.model, tmp_path / "churn.skops"))
    other = dataclasses.replace(trained, model=again)
    a, b = (churn.score(base, t).order_by("customer_id").to_pandas() for t in (trained, other))
    pd.testing.assert_frame_equal(a, b)
