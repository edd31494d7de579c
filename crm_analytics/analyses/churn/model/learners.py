"""The two learners, their one setting chosen by cross-validation, and scores of customers not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from crm_analytics.analyses.churn.model.feature_encoding import Columns
from crm_analytics.analyses.churn.model.linear import Linear, design_of, fit_linear
from crm_analytics.analyses.churn.model.trees import Forest, fit_forest

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
STRENGTHS = (0.01, 0.1, 1.0)  # C of the logistic regression; smaller = stronger penalty
ROUNDS = 200  # trees tried at first; twice as many as long as the most trees are the best
MOST_ROUNDS = 1_600
FIRST_ROUNDS = 20  # trees at least, and the step in which their number is tried
LARGE = 20_000  # customers from which on three folds are enough
CHECKED = 50_000  # customers cross-validated at most, and held against for reasons; all are learnt from


@dataclass(frozen=True, eq=False)
class Fitted:
    """A learner fitted on all customers, with what cross-validation said.

    core : the fitted numbers
    setting : name and value chosen by cross-validated log loss, in words
    checked : rows of the training customers that were cross-validated
    unseen : log-odds of each of them by a model that had not seen it; None where there were too few
        customers for folds
    """

    core: Linear | Forest | Any  # of an own learner `own_learner.OwnCore`
    setting: str
    checked: Rows
    unseen: Array | None


def fit_logistic(columns: Columns, matrix: Array, left: Array, weight: Array, seed: int) -> Fitted:
    """Logistic regression; the strength of its penalty by cross-validation."""

    def fit(rows: Rows, strengths: tuple[float, ...]) -> list[Linear]:
        values, design = matrix[rows], design_of(columns, matrix[rows], weight[rows])
        return [fit_linear(design, values, left[rows], weight[rows], strength) for strength in strengths]

    def tried(train: Rows, test: Rows) -> list[Array]:
        return [model.log_odds(matrix[test]) for model in fit(train, STRENGTHS)]

    rows = every(len(left), CHECKED)
    best, unseen = _best(tried, rows, left, weight, seed)
    strength = STRENGTHS[-1] if best is None else STRENGTHS[best]
    (core,) = fit(np.arange(len(left)), (strength,))
    return Fitted(core, f"C = {strength:g}", rows, unseen)


def fit_boosting(columns: Columns, matrix: Array, left: Array, weight: Array, seed: int) -> Fitted:
    """Gradient boosting on histograms, native categories; the number of trees by cross-validation."""
    # Weights of one are none: given any, scikit-learn looks up the bounds of its bins one by one, which takes
    # three quarters of the time and gives the same bounds.
    unweighted = bool((weight == 1).all())

    def fit(rows: Rows, rounds: int) -> HistGradientBoostingClassifier:
        model = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=rounds,
            max_depth=4,  # at most four features meet in a leaf, which keeps the reasons exact
            max_leaf_nodes=16,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=columns.categorical,
            random_state=seed,
        )
        return model.fit(matrix[rows], left[rows] > 0, sample_weight=None if unweighted else weight[rows])

    def tried(most: int) -> Callable[[Rows, Rows], list[Array]]:
        def scores(train: Rows, test: Rows) -> list[Array]:
            staged = fit(train, most).staged_decision_function(matrix[test])
            return [x.ravel() for i, x in enumerate(staged, start=1) if i % FIRST_ROUNDS == 0]

        return scores

    rows, most = every(len(left), CHECKED), ROUNDS
    best, unseen = _best(tried(most), rows, left, weight, seed)
    while best is not None and best + 1 == most // FIRST_ROUNDS and most < MOST_ROUNDS:
        most *= 2  # validation has not said stop
        best, unseen = _best(tried(most), rows, left, weight, seed)
    rounds = ROUNDS // 2 if best is None else (best + 1) * FIRST_ROUNDS
    core = fit_forest(fit(np.arange(len(left)), rounds), matrix[rows], weight[rows])
    return Fitted(core, f"{len(core.trees)} trees", rows, unseen)


LEARNERS: dict[str, Callable[[Columns, Array, Array, Array, int], Fitted]] = {
    "logistic": fit_logistic,
    "gradient boosting": fit_boosting,
}


def every(n: int, most: int) -> Rows:
    """Rows spread evenly, at most so many; the customers stand in an order of their own already."""
    return np.arange(n) if n <= most else (np.arange(most) * n // most)


def _best(
    tried: Callable[[Rows, Rows], list[Array]], rows: Rows, left: Array, weight: Array, seed: int
) -> tuple[int | None, Array | None]:
    """The setting of least log loss on customers not seen, and their scores by it."""
    parts = list(folds(left[rows], seed))
    if not parts:
        return None, None
    found = [tried(rows[train], rows[test]) for train, test in parts]
    scores = np.zeros((len(found[0]), len(rows)))
    for (_, test), by_setting in zip(parts, found, strict=True):
        scores[:, test] = by_setting
    p = np.clip(expit(scores), 1e-12, 1 - 1e-12)
    loss = -(np.where(left[rows] > 0, np.log(p), np.log1p(-p)) @ weight[rows])
    best = int(loss.argmin())
    return best, scores[best]


def folds(left: Array, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Five folds, three of a large base; none where a class has fewer customers than folds, and some."""
    count = 3 if len(left) >= LARGE else 5
    if min(left.sum(), len(left) - left.sum()) >= 2 * count:
        yield from StratifiedKFold(count, shuffle=True, random_state=seed).split(left, left > 0)
