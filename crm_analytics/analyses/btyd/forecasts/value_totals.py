"""What all customers together will bring, money, with an interval from parameters and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.summary import Summary
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast

if TYPE_CHECKING:
    import pandas as pd


class Valuer(Protocol):
    """A model that knows the value of all its customers."""

    @property
    def unit(self) -> str | None:
        """Of its times."""

    def total_value(
        self, source: Any, spend: SpendModel, discount: Discount, wanted: Interval
    ) -> TotalForecast:
        """Money of all customers."""


def value_total(
    source: Summary | pd.DataFrame,
    model: Valuer,
    spend: SpendModel,
    *,
    horizon: tuple[int, str] = (52, "W"),
    rate: float = 0.15,
    timing: str = "end",
    level: float = 0.95,
    draws: int = 400,
    seed: int = 1,
    net: bool = True,
) -> TotalForecast:
    """Residual value of all customers together, money, with an interval.

    Chance includes when each purchase comes and what is spent on it: a customer's spend a purchase is
    Gamma(p, nu) with nu ~ Gamma(p x + q, v + x m). Customers with equal histories are given their common
    mean spend.

    Parameters
    ----------
    source : whom to value: a summary; for a `CovariateFit`, as a summary knows no covariates, a frame with
        frequency, recency, T, monetary_value, the covariates [, customers]
    model, spend : of purchases and of spend, a `GammaGamma` or `BandedGammaGamma`
    horizon, rate, timing : as in `BetaGeo.lifetime_value`
    level, draws, seed : as in `forecast_total`
    net : less the goods that will be sent back on later days, by their share so far (`summary.kept_share`);
        a frame knows of no returns, so it is valued before them

    Raises
    ------
    ParameterError : the model has no such value, mean spend does not exist, or a parameter is out of range.
    """
    wanted = Interval(level, draws, seed)
    discount = Discount.of(horizon, rate, timing, model.unit)
    _ = spend.mean_spend  # refuses q <= 1
    total = model.total_value(source, spend, discount, wanted)
    return total.times(source.kept_share) if net and isinstance(source, Summary) else total
