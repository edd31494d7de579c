"""A total with its interval by drawing alone: for models in which what comes hangs on recency, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.draws import draw_models
from crm_analytics.analyses.btyd.histories import HISTORY, cells_of
from crm_analytics.analyses.btyd.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.regular_model import RegularModel
from crm_analytics.analyses.btyd.uncertainty import EXACT_UP_TO, TotalForecast, forecast_total

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.summary import Summary

Array = NDArray[np.float64]
_SAMPLED = 20_000  # customers whose futures tell the chance in a large base
_FOLLOWED = 400  # and from whom we learn how the mean follows the parameters
_PARAMETERS = 50  # draws of parameters for that


def total_of(
    source: Summary | pd.DataFrame,
    model: PurchaseModel,
    t: float,
    *,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
) -> TotalForecast:
    """Repeat purchases of all customers in the next `t`, for any model; arguments as of `forecast_total`."""
    if not isinstance(model, RegularModel):
        return forecast_total(source, model, t, level=level, draws=draws, seed=seed)
    cells = cells_of(source, HISTORY, model.LABEL)
    x, recency, T, n = (cells[c].to_numpy(float) for c in (*HISTORY, "customers"))
    mean = float(n @ model.expected_purchases(cells, t).to_numpy())
    rng = np.random.default_rng(seed)
    models = draw_models(model, draws, rng)
    customers = np.repeat(np.arange(len(n)), np.rint(n).astype(np.int64))
    followed = cells.iloc[customers[:: max(1, len(customers) // _FOLLOWED)]]
    here = max(float(model.expected_purchases(followed, t).sum()), 1e-300)
    ratio = np.array([float(m.expected_purchases(followed, t).sum()) / here for m in models[:_PARAMETERS]])
    if len(customers) <= EXACT_UP_TO:
        who = (x[customers], recency[customers], T[customers])
        totals = np.array([m._counts(*who, t, rng).sum() for m in models])
    else:
        few = customers[:: max(1, len(customers) // _SAMPLED)]
        who = (x[few], recency[few], T[few])
        noise = (model._counts(*who, t, rng) - model._counts(*who, t, rng)) ** 2 / 2
        spread = np.sqrt(noise.mean() * len(customers))
        totals = mean * rng.choice(ratio, draws) + rng.normal(0, spread, draws)
    cut = [(1 - level) / 2, (1 + level) / 2]
    low, high = (float(v) for v in np.quantile(totals, cut))
    parameter_low, parameter_high = (float(v) for v in np.quantile(mean * ratio, cut))
    note = (
        ""
        if model.diagnosis.converged
        else f"{model.LABEL} did not come to rest: the interval is too narrow."
    )
    return TotalForecast(
        mean, max(low, 0.0), high, level, parameter_low, parameter_high, len(customers), draws, seed, note
    )
