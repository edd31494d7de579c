"""What a fitted model was made from, and what to know before it is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from scipy.special import expit

from crm_analytics.analyses.churn.measures.measures import Measure, auc, brier
from crm_analytics.analyses.churn.model.feature_encoding import Columns, is_identifier
from crm_analytics.analyses.churn.model.target_leakage import suspicious
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
REPEATED = 0.01  # share of the rows


@dataclass(frozen=True, eq=False)
class ModelCard(ObjectCard):
    """The papers of a model.

    learner : "logistic" or "gradient boosting"
    setting : what cross-validation chose, e.g. "C = 0.1" or "120 trees"
    calibration : "Platt", "isotonic", "none" where too few customers were left for it, or "none, as asked"
    seed : of everything drawn
    customers, left : trained on, and those of them who left
    leaver : the label of those
    features : feature, kind, missing_share, levels, note; one row per feature used
    ignored : column -> why it is not used
    warnings : sentences
    auc, brier : by cross-validation on the training customers, None without folds; measured at the same
        time as training, so held-out windows are the better evidence. The Brier score is that before
        calibration
    versions : of the packages that made it
    """

    learner: str
    setting: str
    calibration: str
    seed: int
    customers: int
    left: int
    leaver: str
    features: pd.DataFrame
    ignored: dict[str, str]
    warnings: tuple[str, ...]
    auc: Measure | None
    brier: Measure | None
    versions: dict[str, str]

    @property
    def words(self) -> str:
        """The model in a sentence."""
        return (
            f"{self.learner} ({self.setting}; {len(self.features)} features; calibration: "
            f"{self.calibration}) from {self.customers:,} customers, {self.left:,} of whom left"
        )


def card_of(
    columns: Columns,
    matrix: Array,
    left: Array,
    *,
    learner: str,
    setting: str,
    checked: NDArray[np.intp],
    unseen: Array | None,
    calibration: str,
    seed: int,
    leaver: str,
    doubts: tuple[str, ...] = (),
) -> ModelCard:
    """The card of a model fitted on a matrix.

    checked : rows that were cross-validated
    unseen : log-odds of each of them by a model that had not seen it, None where there are none
    doubts : of the labels; said first
    """
    used = columns.used
    table = pd.DataFrame(
        {
            "feature": [c.name for c in used],
            "kind": [c.kind for c in used],
            "missing_share": [c.missing for c in used],
            "levels": [len(c.levels) for c in used],
            "note": [c.note for c in used],
        }
    )
    unused = {name: why for name, why in columns.ignored.items() if not is_identifier(name)}
    said = [*doubts, *(f"'{name}' is not used: {why}" for name, why in unused.items())]
    said += repeated(columns, matrix, left)
    said += suspicious(columns, matrix, left)
    if calibration == "none":
        said.append("too few customers of one kind to calibrate: probabilities are the learner's own")
    return ModelCard(
        learner=learner,
        setting=setting,
        calibration=calibration,
        seed=seed,
        customers=len(left),
        left=int(left.sum()),
        leaver=leaver,
        features=table,
        ignored=dict(columns.ignored),
        warnings=tuple(said),
        auc=None if unseen is None else auc(left[checked], unseen),
        brier=None if unseen is None else brier(left[checked], expit(unseen)),
        versions={"scikit-learn": sklearn.__version__, "pandas": pd.__version__, "numpy": np.__version__},
    )


def repeated(columns: Columns, matrix: Array, left: Array) -> list[str]:
    """A warning where many rows are copies of others.

    Customers may well be alike where all that is known are a few small numbers. So rows count as copies only
    where some feature differs between most of the others.
    """
    frame = pd.DataFrame(matrix).assign(left=left)
    twice = frame.duplicated()
    once = frame[~twice].drop(columns="left")
    if twice.mean() < REPEATED or once.nunique().max() < len(once) / 2:
        return []
    return [
        f"{int(twice.sum()):,} of {len(frame):,} rows repeat another in all of {len(columns.used)} features: "
        "if customers stand there twice, the measures are too good. Keep one row each"
    ]
