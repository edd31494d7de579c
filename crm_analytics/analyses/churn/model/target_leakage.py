"""Features that know the answer, because they were written after the customer had left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.analyses.churn.model.feature_encoding import BadFrame, Columns

Array = NDArray[np.float64]
FEW = 20  # distinct values up to which each is looked at by itself
SUSPICIOUS = 0.98  # AUC of one feature alone from which on it is worth a question
MANY, SOME = 30, 10  # leavers, and stayers, of whom a value is known: to refuse by those alone, and to ask


class Leak(BadFrame):
    """A feature equals the label, or separates leavers from stayers without a mistake."""


def refuse_leaks(columns: Columns, matrix: Array, left: Array) -> None:
    """Raise `Leak` with the names of all features that tell leavers from stayers without a mistake.

    Looked at are single features: a threshold, with missing values on either side of it, and the values one
    by one where there are few; and the same among those alone of whom the value is known, where these are
    many. Nothing real separates without a mistake, so that such a feature was written after the customer had
    left.
    """
    found = []
    for i, column in enumerate(columns.used):
        values, is_category = matrix[:, i], column.kind == "category"
        known = _known(values, left, MANY)
        if _separates(values, left, is_category) or (
            known is not None and _separates(values[known], left[known], is_category)
        ):
            found.append(column.name)
    if found:
        some = ", ".join(f"'{name}'" for name in found)
        raise Leak(
            f"{some} {'tells' if len(found) == 1 else 'tell'} who left without a single mistake: what was "
            f"written after a customer left cannot predict it. Leave the column(s) out, or cut the data at "
            f"the day of the score"
        )


def suspicious(columns: Columns, matrix: Array, left: Array) -> list[str]:
    """Sentences on features that alone come to an AUC of `SUSPICIOUS`, either way round."""
    said = []
    for i, column in enumerate(columns.used):
        values, is_category = matrix[:, i], column.kind == "category"
        alone, of = _alone(values, left, is_category), ""
        known = _known(values, left, SOME)
        if alone < SUSPICIOUS and known is not None:
            alone = _alone(values[known], left[known], is_category)
            of = f" among the {int(known.sum()):,} customers of whom it is known"
        if alone >= SUSPICIOUS:
            said.append(f"'{column.name}' alone comes to an AUC of {alone:.3f}{of}: was it known on the day?")
    return said


def _known(values: Array, left: Array, least: int) -> NDArray[np.bool_] | None:
    """Of whom the value is known; None if of everybody, or of fewer leavers or stayers than `least`."""
    known = ~np.isnan(values)
    gone = left[known].sum()
    return None if known.all() or min(gone, known.sum() - gone) < least else known


def _separates(values: Array, left: Array, is_category: bool) -> bool:
    gone = left > 0
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if is_category or len(distinct) <= FEW:
        _, group = np.unique(np.where(known, values, np.inf), return_inverse=True)
        share = np.bincount(group, weights=left) / np.bincount(group)
        return bool(len(share) > 1 and np.isin(share, (0.0, 1.0)).all())
    for filled in (-np.inf, np.inf):
        whole = np.where(known, values, filled)
        if whole[gone].max() < whole[~gone].min() or whole[~gone].max() < whole[gone].min():
            return True
    return False


def _alone(values: Array, left: Array, is_category: bool) -> float:
    known = ~np.isnan(values)
    if is_category:
        _, group = np.unique(np.where(known, values, np.inf), return_inverse=True)
        score = (np.bincount(group, weights=left) / np.bincount(group))[group]
    else:
        share = left[~known].mean() if (~known).any() else 0.0
        filled = np.inf if share > left.mean() else -np.inf
        score = np.where(known, values, filled)
    gone = left > 0
    leavers, stayers = gone.sum(), (~gone).sum()
    found = (stats.rankdata(score)[gone].sum() - leavers * (leavers + 1) / 2) / (leavers * stayers)
    return float(max(found, 1 - found))
