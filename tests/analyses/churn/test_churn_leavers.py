"""Which label says that a customer left: by its name, as told, and never silently the other one."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.errors import ParameterError
from tests.analyses.churn.simulated import customers


def test_labels_may_be_words() -> None:
    frame, left, _ = customers(700)
    words = np.where(left, "Yes", "No")
    model = ChurnModel("logistic").fit(frame, words)
    expected = ChurnModel("logistic").fit(frame, left).predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(frame), expected)
    assert set(model.predict(frame)) == {"No", "Yes"}
    assert model.card().leaver == "Yes"


@pytest.mark.parametrize(
    ("gone", "here"),
    [("Churned", "Stayed"), ("cancelled", "retained"), ("Attrited Customer", "Existing Customer"),
     ("lost", "kept"), ("churn", "no churn"), ("inactive", "active"), ("not active", "still here"), (1, -1)],
)  # fmt: skip
def test_who_left_is_known_by_its_name_wherever_it_stands_in_the_alphabet(gone, here) -> None:
    frame, left, _ = customers(700)
    with warnings.catch_warnings(record=True, action="always") as caught:
        model = ChurnModel("logistic").fit(frame, np.where(left, gone, here))
    plain = ChurnModel("logistic").fit(frame, left)
    assert (model.leaver_, model.card().leaver) == (gone, str(gone))
    np.testing.assert_array_equal(model.leaving(frame), plain.predict_proba(frame)[:, 1])
    pd.testing.assert_frame_equal(model.explain(frame).frame, plain.explain(frame).frame, check_exact=True)
    column = model.classes_.tolist().index(gone)
    np.testing.assert_allclose(model.predict_proba(frame)[:, column], model.leaving(frame), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(frame) == gone, model.leaving(frame) >= 0.5)
    said = [str(one.message) for one in caught]
    assert any(f"'{gone}' left, and is the first column of predict_proba" in one for one in said) == (
        column == 0
    )
    assert model.card().warnings == tuple(said)
    with warnings.catch_warnings(action="error"):  # nothing to say to who knows
        ChurnModel("logistic", leaver=gone).fit(frame, np.where(left, gone, here))


def test_scikit_learns_scores_are_those_of_0_and_1_whatever_the_labels() -> None:
    frame, left, _ = customers(900)
    words = np.where(left, "Churned", "Stayed")
    for scoring in ("roc_auc", "accuracy", "neg_log_loss"):
        one, other = (
            cross_val_score(
                ChurnModel("logistic", minimum=400, leaver=leaver), frame, y, cv=3, scoring=scoring
            )
            for leaver, y in (("Churned", words), (True, left))
        )
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_labels_that_tell_nothing_say_so_and_may_be_told() -> None:
    frame, left, _ = customers(700)
    odd = np.where(left, "A", "B")
    with pytest.warns(UserWarning, match="labels A and B do not tell who left; B is taken for it. Say so by"):
        model = ChurnModel("logistic").fit(frame, odd)
    assert model.card().warnings[0].startswith("the labels A and B do not tell who left")
    told = ChurnModel("logistic", leaver="A").fit(frame, odd)
    assert told.card().leaver == "A"
    np.testing.assert_allclose(told.leaving(frame), 1 - model.leaving(frame), rtol=1e-9)
    with pytest.raises(ParameterError, match="leaver = 'C', and the labels are A and B"):
        ChurnModel("logistic", leaver="C").fit(frame, odd)
