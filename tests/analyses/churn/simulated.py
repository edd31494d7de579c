"""Customers whose chance to leave is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit

from crm_analytics.analyses.churn.model.model import ChurnModel


def customers(n: int = 3000, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Mixed columns with gaps; who left; and the true probability of it."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 365, n).astype(float)
    revenue = rng.lognormal(4, 1.2, n)
    plan = rng.choice(["basic", "plus", "gold"], n, p=[0.5, 0.3, 0.2])
    tickets = rng.poisson(0.6, n)
    log_odds = (days - 180) / 80 - 0.5 * (np.log(revenue) - 4) + 0.8 * (plan == "basic") + 0.5 * tickets - 1.2
    frame = pd.DataFrame(
        {
            "days": days,
            "revenue": revenue,
            "plan": pd.Series(plan, dtype="str"),
            "tickets": pd.Series(tickets, dtype="Int64"),
            "member": rng.random(n) < 0.4,
            "noise": rng.normal(size=n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "noise"] = np.nan
    frame.loc[rng.random(n) < 0.05, "tickets"] = pd.NA
    frame.loc[rng.random(n) < 0.05, "plan"] = None
    p = expit(log_odds)
    return frame, rng.random(n) < p, p


@cache
def fitted_on_them(learner: str) -> ChurnModel:
    """One model of each kind for all tests that only look."""
    frame, left, _ = customers()
    return ChurnModel(learner).fit(frame, left)
