"""DERT: discounted expected residual transactions, all purchases still to come, for ever.

A purchase in t units is worth exp(-force t) today, so that the sum to come is finite. While a customer is
there, F(t) purchases come within t, and

    DERT = P(alive) * integral over t from 0 of exp(-force t) dF(t).

With e^z E_n(z), the scaled exponential integral (Tricomi's U(1, 2 - n, z)), and given that the customer is
there,

    Pareto/NBD   (r+x)/(alpha+T) (beta+T) e^z E_s(z),         z = force (beta + T)
    (M)BG/NBD    E[(r+x) e^z E_{r+x+1}(z) / p],               z = force (alpha + T) / p,   p ~ Beta(a, b + m)
    NBD          (r+x)/(alpha+T) / force
    CNBD-k       a mean over rates and chances to leave, see `regular_worth`
    BG/BB        a sum over opportunities, see `BetaGeoBetaBinomial.dert`

Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4), equation (5), is the first. The
second has no print: at a rate lambda and a chance p to leave the customer brings lambda / (force + lambda p);
its mean over lambda ~ Gamma(R, A) is R e^z E_{R+1}(z) / p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount, horizon_of, spend_of_each
from crm_analytics.analyses.btyd.discounting.infinite_horizon import endless
from crm_analytics.analyses.btyd.discounting.periods import periods_of
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, History, checked
from crm_analytics.analyses.btyd.fitting.opportunities import checked_opportunities
from crm_analytics.analyses.btyd.opportunity_models.bg_bb import BetaGeoBetaBinomial
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
    from crm_analytics.analyses.btyd.discounting.discounting import Spend

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Residual(ObjectCard):
    """What is to come of all customers together, for ever, and how much of it a horizon holds.

    purchases : DERT of each customer (a Series on the frame's index), discounted purchases
    within : the part of it in the horizon
    share_beyond : of the sum over customers that lies beyond the horizon, 0..1
    horizon : number of periods and their unit
    rate : annual effective rate of discount
    timing : when the purchases of a period are paid
    """

    purchases: pd.Series
    within: pd.Series
    share_beyond: float
    horizon: tuple[int, str]
    rate: float
    timing: str


def dert(
    model: PurchaseModel | BetaGeoBetaBinomial | CovariateFit,
    frame: pd.DataFrame,
    rate: float = 0.15,
    timing: str = "continuous",
    period: str = "W",
) -> pd.Series:
    """Discounted purchases still to come of each customer, over an infinite horizon.

    Parameters
    ----------
    model : any model of repeat purchases that knows its unit, with covariates or without; contracts have derl
    frame : frequency, recency, T, in the model's unit, and the covariates of a `CovariateFit`; for BG/BB
        frequency, recency, opportunities
    rate : annual effective rate of discount, > 0: without discount the sum has no bound
    timing : when the purchases of a period are paid: "start", "mid", "end", or "continuous" (at once), which
        has no meaning for BG/BB: it has one opportunity a period and none between
    period : unit of the period, "D", "W", "M" or "Y"; of no account for "continuous", nor for BG/BB, whose
        period is its unit

    Returns
    -------
    Series "dert" on the frame's index, discounted purchases >= 0

    Raises
    ------
    ParameterError : the model has no unit, the rate is not above 0, timing or period are unknown.

    Source
    ------
    Fader, Hardie & Lee (2005), Journal of Marketing Research 42(4), equation (5), for Pareto/NBD.

    Examples
    --------
    BTYD's example, a force of discount of .0027 a week (15 % a year of 52.1 weeks is .00268):

    >>> from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
    >>> model = ParetoNBD({"r": 0.563, "alpha": 12.559, "s": 0.408, "beta": 10.515}, unit="W")
    >>> one = pd.DataFrame({"frequency": [7], "recency": [35.0], "T": [77.86]})
    >>> dert(model, one, rate=0.15).round(2).tolist()
    [1.88]
    """
    if isinstance(model, BetaGeoBetaBinomial):
        return model.dert(frame, rate, timing)
    f, found = _within(model, frame, endless(rate, timing, period, model.unit))
    return pd.Series(found, f.index, name="dert")


def _within(
    model: PurchaseModel | CovariateFit, frame: pd.DataFrame, discount: Discount
) -> tuple[pd.DataFrame, Array]:
    """Histories checked, and the discounted purchases of each."""
    if not hasattr(model, "for_customers"):
        raise ParameterError(
            f"{getattr(model, 'LABEL', type(model).__name__)} foresees no purchases: DERT is of models of "
            "repeat purchases; of contracts ask derl(tenure, rate, timing), renewals to come"
        )
    f = checked(frame, HISTORY, model.LABEL)
    return f, model.for_customers(frame).discounted(History.of(f), discount)


def residual(
    model: PurchaseModel | BetaGeoBetaBinomial | CovariateFit,
    frame: pd.DataFrame,
    horizon: Span = (52, "W"),
    rate: float = 0.15,
    timing: str = "end",
    *,
    worth: pd.Series | None = None,
) -> Residual:
    """What is to come for ever beside what a horizon holds, and the share that it leaves out.

    Parameters
    ----------
    model, frame, rate, timing : as in `dert`; a `customers` column of the frame is a weight
    horizon : number of periods and their unit; the endless sum is paid in the same periods
    worth : of a purchase of each row, money: the share is then one of money, not of purchases

    Raises
    ------
    ParameterError : as in `dert`, or the horizon is no (whole number, unit).
    """
    horizon = horizon_of(horizon, "(52, 'W') or '52w'")
    whole = dert(model, frame, rate, timing, horizon[1])
    if isinstance(model, BetaGeoBetaBinomial):
        within = model.dert(frame, rate, timing, periods_of(horizon, model.unit, model.COUNTED))
        n = checked_opportunities(frame, model.LABEL)["customers"].to_numpy(float)
    else:
        f, found = _within(model, frame, Discount.of(horizon, rate, timing, model.unit))
        within, n = pd.Series(found, f.index), f["customers"].to_numpy()
    if worth is not None:
        n = n * worth.reindex(frame.index).to_numpy(float)
    everything = float(n @ whole.to_numpy())
    share = 1 - float(n @ within.to_numpy()) / everything if everything > 0 else 0.0
    return Residual(whole, within.rename("within"), share, horizon, rate, timing)


def residual_value(
    model: PurchaseModel | BetaGeoBetaBinomial | CovariateFit,
    spend: Spend,
    frame: pd.DataFrame,
    rate: float = 0.15,
    timing: str = "end",
    *,
    period: str = "W",
) -> pd.Series:
    """Residual lifetime value of each customer over an infinite horizon, money.

    Parameters
    ----------
    spend, frame : as in `BetaGeo.lifetime_value`
    model, rate, timing, period : as in `dert`
    """
    found = dert(model, frame, rate, timing, period) * spend_of_each(spend, frame, len(frame))
    return found.rename("residual_value")
