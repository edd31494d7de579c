"""A classifier of one's own in the place of ours: any of scikit-learn's kind, held to the same tests."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from crm_analytics.analyses.churn.model.feature_encoding import Columns
from crm_analytics.analyses.churn.model.input_checks import WrongArgument
from crm_analytics.analyses.churn.model.learners import CHECKED, Fitted, every, folds
from crm_analytics.analyses.churn.model.linear import Design, design_of

Array = NDArray[np.float64]
SURE = 1e-6  # a probability of 0 or 1 would be a log-odds without end


@dataclass(frozen=True, eq=False)
class OwnCore:
    """A fitted classifier of somebody else.

    Attributes
    ----------
    design : what it is given: scaled numbers, a column for each name, and one for what was missing
    fitted : the classifier
    middle : the middle customer in the matrix of features, with whom others are compared
    """

    design: Design
    fitted: Any
    middle: Array

    def log_odds(self, matrix: Array) -> Array:
        """Log-odds of leaving; before calibration only as good as the classifier's own."""
        rows = self.design.rows(matrix)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            if hasattr(self.fitted, "predict_proba"):
                return _logit(self.fitted.predict_proba(rows)[:, 1])
            return np.asarray(self.fitted.decision_function(rows), float)

    def contributions(self, matrix: Array) -> Array:
        """How the log-odds of each customer change when one feature becomes that of the middle customer."""
        whole = self.log_odds(matrix)
        found = np.zeros(matrix.shape)
        for i in range(matrix.shape[1]):
            changed = matrix.copy()
            changed[:, i] = self.middle[i]
            found[:, i] = whole - self.log_odds(changed)
        return found

    @property
    def base(self) -> float:
        """Log-odds of the middle customer."""
        return float(self.log_odds(self.middle[None, :])[0])


def name_of(learner: Any) -> str:
    """What a learner is called on a page: the classifier's class, of a pipeline that of its last step.

    >>> from sklearn.linear_model import LogisticRegression
    >>> name_of("logistic"), name_of(LogisticRegression())
    ('logistic', 'LogisticRegression')
    """
    if isinstance(learner, str):
        return learner
    steps = getattr(learner, "steps", None)
    return type(steps[-1][1] if steps else learner).__name__


def check_learner(learner: Any, *, calibrated: bool = True) -> None:
    """Refuse what is no classifier, or tells no chances and may not be calibrated.

    Raises
    ------
    WrongArgument : says what is missing.
    """
    if isinstance(learner, type):
        raise WrongArgument(f"learner is the class {learner.__name__}: give one of it, {learner.__name__}()")
    whole = all(hasattr(learner, name) for name in ("fit", "get_params", "predict"))
    if not whole or not is_classifier(learner):
        raise WrongArgument(f"learner is a classifier as scikit-learn has them, got {type(learner).__name__}")
    scores = hasattr(learner, "decision_function")
    if hasattr(learner, "predict_proba"):
        return
    if not scores:
        raise WrongArgument(
            f"{name_of(learner)} has neither predict_proba nor decision_function: it names who leaves, but "
            "not how likely. Take one that does, or wrap it in CalibratedClassifierCV"
        )
    if not calibrated:
        raise WrongArgument(
            f"{name_of(learner)} has no predict_proba: its scores are no chances before they are calibrated. "
            "Leave calibrate as it is"
        )


def fit_own(  # noqa: PLR0917
    learner: Any, columns: Columns, matrix: Array, left: Array, weight: Array, seed: int
) -> Fitted:
    """A classifier on all customers, and scores of customers by fits that had not seen them."""
    whole = design_of(columns, matrix, weight)
    rows = every(len(left), CHECKED)
    unseen: Array | None = None
    for train, test in folds(left[rows], seed):
        unseen = np.zeros(len(rows)) if unseen is None else unseen
        part = rows[train]
        design = design_of(columns, matrix[part], weight[part])
        core = _core(learner, design, matrix[part], left[part], weight[part], seed)
        unseen[test] = core.log_odds(matrix[rows[test]])
    core = _core(learner, whole, matrix, left, weight, seed)
    if unseen is None and not hasattr(core.fitted, "predict_proba"):
        raise WrongArgument(
            f"{name_of(learner)} has no predict_proba, and there are too few customers of one kind to "
            "calibrate its scores. Take one with predict_proba"
        )
    return Fitted(core, "as it was given", rows, unseen)


def _core(  # noqa: PLR0917
    learner: Any, design: Design, matrix: Array, left: Array, weight: Array, seed: int
) -> OwnCore:
    made = clone(learner)
    unset = {
        n: seed for n, value in made.get_params().items() if n.endswith("random_state") and value is None
    }
    made.set_params(**unset)
    weighted = not np.all(weight == weight[0]) and has_fit_parameter(made, "sample_weight")
    made.fit(design.rows(matrix), (left > 0).astype(int), **({"sample_weight": weight} if weighted else {}))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered")
        middle = np.nanmedian(matrix, axis=0)
    for i, (levels, _) in enumerate(design.blocks):
        if levels:  # of a category the most frequent
            known = matrix[~np.isnan(matrix[:, i]), i].astype(int)
            middle[i] = np.bincount(known).argmax() if len(known) else np.nan
    return OwnCore(design, made, middle)


def _logit(p: Array) -> Array:
    return np.asarray(logit(np.clip(p, SURE, 1 - SURE)))
