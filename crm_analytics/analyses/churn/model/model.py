"""The churn model: a scikit-learn estimator over any flat frame."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from crm_analytics.analyses.churn.measures.grades import MINIMUMS
from crm_analytics.analyses.churn.model.contributions import Contributions
from crm_analytics.analyses.churn.model.feature_encoding import BadFrame, learn
from crm_analytics.analyses.churn.model.input_checks import (
    TooFew,
    WrongArgument,
    check_customers,
    labels_of,
    weights_of,
)
from crm_analytics.analyses.churn.model.learners import LEARNERS, Fitted
from crm_analytics.analyses.churn.model.linear import Linear
from crm_analytics.analyses.churn.model.model_card import ModelCard, card_of
from crm_analytics.analyses.churn.model.own_learner import OwnCore, check_learner, fit_own, name_of
from crm_analytics.analyses.churn.model.probability_calibration import Calibration, calibrate
from crm_analytics.analyses.churn.model.target_leakage import refuse_leaks
from crm_analytics.errors import nearest

__all__ = ["ChurnModel", "TooFew", "WrongArgument"]

Array = NDArray[np.float64]


class ChurnModel(ClassifierMixin, BaseEstimator):
    """Who will leave, with calibrated probabilities and reasons; takes any flat frame.

    Numbers, booleans, text, categories, missing values and pandas' own types may stand side by side; see
    `feature_encoding.learn` for what is made of them. Columns are found by name, so their order does not
    matter, and neither does that of the rows. The same data and seed give the same numbers.

    Parameters
    ----------
    learner : "gradient boosting" (histograms, native categories), "logistic" (scaled numbers, a column for
        each name), or a classifier of your own, which gets the rows that the logistic one gets
    calibrate : True: by scores of customers a fold had not seen; isotonic for gradient boosting where both
        classes have `ISOTONIC_FROM` customers, else Platt's line. The logistic model always takes the line,
        which keeps its reasons a plain sum. "Platt" or "isotonic" insist; False leaves the learner alone
    seed : of the folds
    minimum : customers below which the fit is refused; a twentieth of them must have left, and as many stayed
    leaks : "refuse" a feature that separates leavers from stayers without a mistake, or "allow" it
    leaver : the label that says left; without it the one that is usually called so (1, True, "Yes",
        "Churned", "lost", ..), and of two unknown ones the second. A warning tells of unknown ones, and where
        the leaver is the first

    Attributes
    ----------
    classes_ : the two labels in scikit-learn's order, by which the columns of `predict_proba` stand; its
        tools need it so. Of 0 and 1, No and Yes the second left, of Churned and Stayed the first
    leaver_ : the one that left. `leaving`, `log_odds`, `explain` and the card are of it, wherever it stands
    features_ : names of the features used
    columns_ : what they are

    Raises
    ------
    TooFew : fewer than the minimum, or one class only.
    Leak : a feature knows the answer; it is named.
    BadFrame : the index or customer_id has duplicates, or a column cannot be read.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"days": rng.integers(0, 300, 600), "plan": rng.choice(["basic", "plus"], 600)})
    >>> left = rng.random(600) < np.where(frame["days"] > 150, .7, .2)
    >>> model = ChurnModel("logistic").fit(frame, left)
    >>> new = pd.DataFrame({"plan": ["plus", None], "days": [10, 290]})
    >>> model.predict_proba(new)[:, 1].round(1).tolist()
    [0.1, 0.8]
    >>> model.explain(new).top(1)["reason_1"].tolist()[1]
    'days'
    """

    def __init__(
        self,
        learner: Literal["gradient boosting", "logistic"] | Any = "gradient boosting",
        calibrate: bool | Literal["Platt", "isotonic"] = True,
        seed: int = 1,
        *,
        minimum: int = MINIMUMS.customers,
        leaks: Literal["refuse", "allow"] = "refuse",
        leaver: Any = None,
    ) -> None:
        self.learner = learner
        self.calibrate = calibrate
        self.seed = seed
        self.minimum = minimum
        self.leaks = leaks
        self.leaver = leaver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> ChurnModel:
        """Learn from customers whose leaving is known.

        X : one row per customer, one column per feature; y : their labels, two different ones;
        sample_weight : one a customer, >= 0
        """
        self._check_parameters()
        frame = self.frame(X, reset=True)
        known = labels_of(frame, y, self.minimum, self.leaver)
        left, weight = known.left, weights_of(frame, known.left, sample_weight)
        self.classes_, self.leaver_ = known.classes, known.classes[known.leaver]
        if known.doubt:
            warnings.warn(known.doubt, UserWarning, stacklevel=2)
        columns = learn(frame)
        if not columns.used:
            raise BadFrame(
                f"no column varies between customers, so none can tell them apart: {columns.ignored}"
            )
        matrix = columns.matrix(frame)
        # sums of floats depend on their order, so the order is made to depend on the rows alone
        order = np.lexsort([weight, left, *matrix.T])
        matrix, left, weight = matrix[order], left[order], weight[order]
        if self.leaks == "refuse":
            refuse_leaks(columns, matrix, left)
        # one thread: sums keep their order, and trees that grow with several wait for each other for minutes
        # where two reports run side by side
        with threadpool_limits(1):
            if isinstance(self.learner, str):
                fitted = LEARNERS[self.learner](columns, matrix, left, weight, self.seed)
            else:
                fitted = fit_own(self.learner, columns, matrix, left, weight, self.seed)
            checked = fitted.checked
            self.calibration_ = self._calibration(fitted, left[checked], weight[checked])
        self.columns_, self.core_ = columns, fitted.core
        self.features_ = columns.names
        self.card_ = card_of(
            columns,
            matrix,
            left,
            learner=name_of(self.learner),
            setting=fitted.setting,
            checked=checked,
            unseen=fitted.unseen,
            calibration=self.calibration_.method if self.calibrate is not False else "none, as asked",
            seed=self.seed,
            leaver=str(self.leaver_),
            doubts=tuple(filter(None, [known.doubt])),
        )
        return self

    def leaving(self, X: Any) -> Array:
        """Probability of leaving, 0..1, one a customer."""
        return expit(self.log_odds(X))

    def log_odds(self, X: Any) -> Array:
        """Log-odds of leaving, one a customer."""
        check_is_fitted(self)
        return self._log_odds(self.columns_.matrix(self.frame(X)))

    def predict_proba(self, X: Any) -> Array:
        """Probability of each of `classes_`, one row per customer; both in 0..1, together 1."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def decision_function(self, X: Any) -> Array:
        """Log-odds of the second of `classes_`."""
        odds = self.log_odds(X)
        return -odds if self._leaver_is_first else odds

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable of the two labels."""
        check_is_fitted(self)
        return self.classes_[(self.decision_function(X) >= 0).astype(int)]

    def probabilities(self, matrix: Array) -> Array:
        """Churn probabilities of rows that are already a matrix of `columns_`."""
        return expit(self._log_odds(matrix))

    def labels(self, y: ArrayLike) -> NDArray[np.float64]:
        """Labels as 0.0 (stayed) and 1.0 (left): the model's own, or 0/1."""
        values = np.asarray(y)
        if np.isin(values, self.classes_).all():
            return (values == self.leaver_).astype(float)
        return values.astype(float)

    def explain(self, X: Any) -> Contributions:
        """What each feature adds to the log-odds of each customer, compared with the average one.

        Logistic: coefficient times distance from the mean, the plain and exact sum. Gradient boosting: exact
        Shapley values of the trees, interventional, with the training customers as background (of
        more than `CHECKED`, so many). Platt's line
        scales both and keeps the sum. Of an own learner: how its log-odds change when one feature becomes
        that of the middle customer, which need not add up. After an isotonic curve the values are stretched
        for each customer so that they end at the calibrated score; they keep sign and proportion, but are no
        Shapley values of the curve. Whether they sum was checked on the customers given, and `sums_to_score`
        says so.
        """
        check_is_fitted(self)
        frame = self.frame(X)
        matrix = self.columns_.matrix(frame)
        raw, base, curve = self.core_.contributions(matrix), self.core_.base, self.calibration_
        calibrated = self._log_odds(matrix)
        start = float(curve(np.array([base]))[0])
        if curve.is_line:
            found = raw * curve.slope
        else:
            moved = raw.sum(axis=1)
            still = np.abs(moved) < 1e-9
            found = raw * np.where(still, 0.0, (calibrated - start) / np.where(still, 1.0, moved))[:, None]
        sums = bool(np.all(np.abs(start + found.sum(axis=1) - calibrated) < 1e-8))
        table = pd.DataFrame(found, index=frame.index, columns=self.features_)
        score = pd.Series(calibrated, frame.index, name="log_odds")
        return Contributions(table, start, score, sums, self._method())

    def card(self) -> ModelCard:
        """What the model was made from, and what to know of it."""
        check_is_fitted(self)
        return self.card_

    def _check_parameters(self) -> None:
        if not isinstance(self.learner, str):
            check_learner(self.learner, calibrated=self.calibrate is not False)
        elif self.learner not in LEARNERS:
            hint = nearest(str(self.learner), LEARNERS)
            raise WrongArgument(f"learner must be one of {', '.join(LEARNERS)}; got {self.learner!r}{hint}")
        if self.calibrate not in (True, False, "Platt", "isotonic"):
            raise WrongArgument(f"calibrate is True, False, 'Platt' or 'isotonic', got {self.calibrate!r}")
        if self.leaks not in ("refuse", "allow"):
            raise WrongArgument(f"leaks is 'refuse' or 'allow', got {self.leaks!r}")

    def frame(self, X: Any, *, reset: bool = False) -> pd.DataFrame:
        """The customers as a frame; columns of an array are named x0, x1, .."""
        if not isinstance(X, pd.DataFrame):
            values = validate_data(
                self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan", skip_check_array=False
            )
            return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
        if reset:
            self.n_features_in_ = X.shape[1]
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
            check_customers(X, self.minimum)
        return X

    @property
    def _leaver_is_first(self) -> bool:
        return bool(self.classes_[0] == self.leaver_)

    def _calibration(self, fitted: Fitted, left: Array, weight: Array) -> Calibration:
        if self.calibrate is False or fitted.unseen is None:
            return Calibration("none")
        method: Any = self.calibrate if isinstance(self.calibrate, str) else None
        if method is None and isinstance(fitted.core, Linear):
            method = "Platt"
        return calibrate(fitted.unseen, left, weight, method)

    def _method(self) -> str:
        own = "coefficient times distance from the mean customer"
        if isinstance(self.core_, OwnCore):
            own = "change of the log-odds when a feature becomes that of the middle customer"
        elif not isinstance(self.core_, Linear):
            own = "exact interventional Shapley values of the trees, background: the training customers"
        stretched = "" if self.calibration_.is_line else ", stretched to the calibrated score"
        return own + stretched

    def _log_odds(self, matrix: Array) -> Array:
        return self.calibration_(self.core_.log_odds(matrix))

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn may expect of it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.classifier_tags.multi_class = False
        return tags
