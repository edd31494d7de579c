"""What each feature adds to a score, customer by customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.object_cards import ObjectCard


@dataclass(frozen=True, eq=False)
class Contributions(ObjectCard):
    """What each feature adds to the log-odds of leaving, customer by customer.

    frame : one row per customer (index as given), one column per feature; log-odds, positive = towards
    leaving
    base : log-odds of the average customer of the training data, where the sums begin
    log_odds : of each customer's churn probability
    sums_to_score : whether base and contributions come to `log_odds` for every customer (to 1e-8)
    method : how they were found, in words
    """

    frame: pd.DataFrame
    base: float
    log_odds: pd.Series
    sums_to_score: bool
    method: str

    plot = Plots("crm_analytics.analyses.churn.pictures", "contributions")

    def top(self, count: int = 3) -> pd.DataFrame:
        """The features that speak most for leaving: reason_1, reason_2, ..; missing where none do.

        >>> frame = pd.DataFrame({"recency_days": [2.0, -1.0], "tickets": [0.5, 0.0]})
        >>> found = Contributions(frame, 0.0, frame.sum(axis=1), True, "").top(2)
        >>> found.iloc[0].tolist(), found["reason_1"].isna().tolist()
        (['recency_days', 'tickets'], [False, True])
        """
        values = self.frame.to_numpy()
        names = np.array([*self.frame.columns, None], dtype=object)
        order = np.argsort(-values, axis=1, kind="stable")[:, :count]
        speaks = np.take_along_axis(values, order, axis=1) > 0
        found = names[np.where(speaks, order, len(names) - 1)]
        columns = [f"reason_{i}" for i in range(1, order.shape[1] + 1)]
        return pd.DataFrame(found, index=self.frame.index, columns=columns)
