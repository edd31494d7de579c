"""The churn model against scikit-learn's boosting as it comes, on data of another hand.

Three kinds, like those of phone, bank and streaming customers: thresholds and interactions of numbers; many
categories; a smooth law with much noise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from crm_analytics.analyses.churn.model.model import ChurnModel

pytestmark = pytest.mark.slow


def drawn(kind: str, n: int = 4_000) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and who left."""
    rng = np.random.default_rng([n, len(kind), 24])
    x = rng.normal(size=(n, 8))
    plan = rng.integers(0, 6, n)
    law = {
        "steps": 2.5 * (x[:, 0] > 1)
        - 2 * ((x[:, 1] < 0) & (x[:, 2] > 0))
        + 3 * ((plan == 3) & (x[:, 3] > 0.5)),
        "many": np.array([-2, -1, 0, 1, 2, 3.0])[plan] * np.sign(x[:, 0]) + np.abs(x[:, 1]) * x[:, 2],
        "smooth": x @ np.linspace(0.8, -0.4, 8),
    }[kind]
    left = rng.random(n) < 1 / (1 + np.exp(-(law - 1.5)))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(8)]).round(3)
    return frame.assign(plan=pd.Categorical.from_codes(plan, list("abcdef"))), left


@pytest.mark.parametrize("kind", ["steps", "many", "smooth"])
def test_brier_is_not_worse_than_that_of_the_default_law(kind: str) -> None:
    frame, left = drawn(kind)
    train = np.arange(len(frame)) % 4 != 0
    mine = ChurnModel("gradient boosting").fit(frame[train], left[train]).predict_proba(frame[~train])[:, 1]
    default = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1)
    other = default.fit(frame[train], left[train]).predict_proba(frame[~train])[:, 1]
    gap = (mine - left[~train]) ** 2 - (other - left[~train]) ** 2
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    assert gap.mean() <= 2 * error, (kind, gap.mean(), error)
