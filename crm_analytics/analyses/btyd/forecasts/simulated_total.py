"""The total to come of all customers, with its interval, for every model that is fitted."""

from __future__ import annotations

from typing import Any, Protocol

from crm_analytics.analyses.btyd.fitting.argument_order import model_first
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.analyses.progress import watched


class Forecaster(Protocol):
    """A model that knows the total of its customers."""

    @property
    def COUNTED(self) -> str:  # noqa: N802 - as all models call it
        """What it counts instead of time, of which there are whole ones only."""

    def total_purchases(self, source: Any, t: float, wanted: Interval) -> TotalForecast:
        """Of all customers within `t`."""


@model_first
@watched("Drawing futures")
def forecast_total(
    model: Forecaster,
    source: Any,
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
    >>> found = forecast_total(ShiftedBetaGeo.fit(survivors), survivors, 12)
    >>> round(found.mean), round(found.lower), round(found.upper)  # renewals of the 241 who are left
    (1976, 1791, 2139)
    """
    ahead = time_ahead(t, counted=model.COUNTED)
    return model.total_purchases(source, ahead, Interval(level, draws, seed))
