"""The total to come of all customers, with its interval, for every model that is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
from crm_analytics.analyses.btyd.discounting.simulation import draw_models
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.forecasts.uncertainty import (
    EXACT_UP_TO,
    TotalForecast,
    as_forecast,
    check_interval,
    note_of,
    row_of_each,
    total_by_rates,
)
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.purchases.regular_model import RegularModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_analytics.analyses.btyd.contracts.contract_models import ContractModel
    from crm_analytics.analyses.btyd.opportunity_models.bg_bb import BetaGeoBetaBinomial

Array = NDArray[np.float64]
_SAMPLED = 20_000  # customers whose futures tell the chance in a large base
_FOLLOWED = 400  # and from whom we learn how the mean follows the parameters
_PARAMETERS = 50  # draws of parameters for that


class DrawnModel(Protocol):
    """A model of which a total is known by drawing alone: what it must be able to tell."""

    def _expected(self, rows: pd.DataFrame, t: float) -> Array:
        """What is expected of a customer of each row within `t`."""

    def _drawn(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """What comes of a customer of each row in one drawn future."""


def forecast_total(
    source: Any,
    model: PurchaseModel | BetaGeoBetaBinomial | ContractModel | CovariateFit,
    t: float,
    *,
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
) -> TotalForecast:
    """Repeat purchases of all customers together in the next `t` units, with an interval.

    Parameters
    ----------
    source : a summary, or a frame with frequency, recency, T [, customers], in the model's unit, and with
        the covariates of a `CovariateFit`; for BG/BB frequency, recency, opportunities; for sBG and BdW
        contracts as for their fit, of which the running ones are counted
    model : fitted (for the parameters' part; given parameters have no uncertainty)
    t : time ahead, in the model's unit; for BG/BB opportunities, for contracts renewals: whole numbers
    level : probability of the interval, 0..1
    draws : of parameters and futures, >= 100
    seed : whole number

    Raises
    ------
    ParameterError : `t` is no number >= 0, or not whole where a model counts; a parameter is out of range.

    Examples
    --------
    >>> from crm_analytics.analyses.btyd.contracts.contract_models import ShiftedBetaGeo
    >>> survivors = [1000, 631, 468, 382, 326, 289, 262, 241]
    >>> found = forecast_total(survivors, ShiftedBetaGeo.fit(survivors), 12)
    >>> round(found.mean), round(found.lower), round(found.upper)  # renewals of the 241 who are left
    (1976, 1791, 2139)
    """
    t = time_ahead(t, counted=model.COUNTED)
    if isinstance(model, PurchaseModel) and not isinstance(model, RegularModel):
        return total_by_rates(source, model, t, level=level, draws=draws, seed=seed)
    check_interval(level, draws)
    rng = np.random.default_rng(seed)
    others: Sequence[DrawnModel] = (
        model.others(draws, rng) if isinstance(model, CovariateFit) else draw_models(model, draws, rng)
    )
    rows, note = model._rows(source), note_of(model)
    return by_drawing(rows, model, others, t, level, rng=rng, seed=seed, note=note)


def by_drawing(
    rows: pd.DataFrame,
    model: DrawnModel,
    others: Sequence[DrawnModel],
    t: float,
    level: float,
    *,
    rng: np.random.Generator,
    seed: int,
    note: str,
) -> TotalForecast:
    """The total of a model of which `others` are draws, with its interval; one row a cell.

    In a large base the chance is told by `_SAMPLED` customers, what parameters do by `_FOLLOWED`.
    """
    n, draws = rows["customers"].to_numpy(float), len(others)
    mean = float(n @ model._expected(rows, t))
    each = row_of_each(n)
    followed = rows.iloc[each[:: max(1, len(each) // _FOLLOWED)]]
    here = max(float(model._expected(followed, t).sum()), 1e-300)
    ratio = np.array([float(m._expected(followed, t).sum()) / here for m in others[:_PARAMETERS]])
    if len(each) <= EXACT_UP_TO:
        who = rows.iloc[each]
        totals = np.array([m._drawn(who, t, rng).sum() for m in others])
    else:
        few = rows.iloc[each[:: max(1, len(each) // _SAMPLED)]]
        noise = (model._drawn(few, t, rng) - model._drawn(few, t, rng)) ** 2 / 2
        totals = mean * rng.choice(ratio, draws) + rng.normal(0, np.sqrt(noise.mean() * len(each)), draws)
    return as_forecast(mean, totals, mean * ratio, level, customers=len(each), seed=seed, note=note)
