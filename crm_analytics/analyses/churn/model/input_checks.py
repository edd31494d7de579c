"""What a model is given to learn from, checked: customers, their labels and their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from crm_analytics.analyses.churn.model.feature_encoding import BadFrame, is_identifier
from crm_analytics.analyses.churn.model.positive_label import leaver_of
from crm_analytics.errors import NotEnoughData, ParameterError

Array = NDArray[np.float64]
OF_EACH = 20  # one in so many of the minimum must have left, and as many stayed


class TooFew(NotEnoughData, ValueError):  # noqa: N818 - the name is the sentence
    """Too few customers to fit; a ValueError, too, because scikit-learn's tools look for one."""


class WrongArgument(ParameterError, ValueError):  # noqa: N818
    """A parameter of the model is wrong; a ValueError, too."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Who left.

    classes : the two labels in the order of scikit-learn
    leaver : place of the one that says left, 0 or 1
    left : 1.0 who left, one a customer
    doubt : what may be misunderstood, as a sentence; empty if nothing
    """

    classes: NDArray[Any]
    leaver: int
    left: Array
    doubt: str


def check_customers(frame: pd.DataFrame, minimum: int) -> None:
    """Raise where there are no customers, or one stands there twice."""
    if not len(frame):
        raise TooFew("the churn model", 0, minimum)
    if not frame.index.is_unique:
        raise BadFrame(
            f"the index has {int(frame.index.duplicated().sum())} duplicates: one row per customer"
        )
    for name in filter(is_identifier, frame.columns):
        if twice := int(frame[name].dropna().duplicated().sum()):
            raise BadFrame(f"{twice} of {len(frame):,} rows repeat a {name}: one row per customer")


def labels_of(frame: pd.DataFrame, y: Any, minimum: int, leaver: Any = None) -> Labels:
    """Labels of the customers of a frame; `leaver` is the one that left, by default the one that says so."""
    values = _values(frame, y)
    classes, code = np.unique(values, return_inverse=True)
    named = [str(label) for label in classes]
    if len(classes) == 1:
        raise TooFew(f"the churn model (one class only: everybody is {named[0]})", 1, 2, "labels")
    if len(classes) > 2:
        raise BadFrame(f"Only binary classification is supported: {len(classes)} different labels")
    place, doubt = leaver_of(classes.tolist()), ""
    if leaver is not None:
        found = [i for i, label in enumerate(classes) if label == leaver]
        if not found:
            raise WrongArgument(
                f"leaver = {leaver!r}, and the labels are {named[0]} and {named[1]}: give the one who left"
            )
        place = found[0]
    elif place is None:
        place = 1
        doubt = (
            f"the labels {named[0]} and {named[1]} do not tell who left; {named[1]} is taken for it. Say so "
            "by leaver=.., or give 0 (stayed) and 1 (left)"
        )
    elif place == 0:
        doubt = (
            f"'{named[0]}' left, and is the first column of predict_proba, as scikit-learn orders labels: "
            f"take the chances of leaving from `leaving`, and say that you know by leaver={named[0]!r}"
        )
    left = (code == place).astype(float)
    if len(values) < minimum:
        raise TooFew("the churn model", len(values), minimum)
    for who, count in (("stayed", int((left == 0).sum())), ("left", int(left.sum()))):
        if count < minimum // OF_EACH:
            raise TooFew("the churn model", count, minimum // OF_EACH, f"customers who {who}")
    return Labels(classes, place, left, doubt)


def _values(frame: pd.DataFrame, y: Any) -> NDArray[Any]:
    if y is None:
        raise WrongArgument("the model requires y to be passed, but the target y is None")
    named = isinstance(y, pd.Series) and len(y) == len(frame) and not y.index.equals(frame.index)
    if named and not len(frame.index.difference(y.index)):
        raise BadFrame("labels stand in another order than the customers: y.index is not X.index")
    values = column_or_1d(np.asarray(y), warn=True)
    if len(values) != len(frame):
        raise BadFrame(f"{len(frame)} customers and {len(values)} labels: inconsistent numbers of samples")
    if pd.isna(values).any():
        raise BadFrame(f"{int(pd.isna(values).sum())} of {len(values)} labels are missing (NaN)")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise BadFrame("Input y contains infinity: labels are two names or 0 and 1")
    check_classification_targets(values)
    return values


def weights_of(frame: pd.DataFrame, left: Array, weight: ArrayLike | None) -> Array:
    """Weights of the customers, 1 each by default."""
    found = np.asarray(_check_sample_weight(weight, frame.to_numpy(), dtype=np.float64))
    if (found < 0).any():
        raise WrongArgument(
            f"Negative values in sample_weight ({int((found < 0).sum())} of {len(found)}): give 0 to who "
            "does not count, and more than 0 to the others"
        )
    if min(found @ left, found @ (1 - left)) <= 0:
        raise TooFew("the churn model (one class only has weight)", 1, 2, "labels")
    return found
