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
from numpy.typing import ArrayLike, NDArray

from crm_analytics.analyses.btyd.discounting.discounting import (
    EARLY,
    TIMINGS,
    Discount,
    annual_rate,
    spend_of_each,
)
from crm_analytics.analyses.btyd.discounting.periods import periods_of
from crm_analytics.analyses.btyd.fitting.histories import HISTORY, checked
from crm_analytics.analyses.btyd.fitting.opportunities import checked_opportunities
from crm_analytics.analyses.btyd.fitting.special import beta_nodes
from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR, days_per_unit
from crm_analytics.analyses.btyd.opportunity_models.bg_bb import BetaGeoBetaBinomial
from crm_analytics.analyses.btyd.purchases.customer_parameters import Individuals
from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel
from crm_analytics.analyses.btyd.purchases.nbd import NBD
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.purchases.regular_model import RegularModel
from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
    from crm_analytics.analyses.btyd.discounting.discounting import Spend

Array = NDArray[np.float64]
_STEP = 0.125  # of the rule for e^z E_n(z)
_TAIL = 45.0  # exp(-45) of the integrand is cut off
_CHUNK = 1 << 20  # numbers at a time
_LOG_STEP = 0.25  # of ln t, where DERT is a sum over times
_ONE_BY_ONE = 400  # periods summed as they are, before the sum becomes an integral


def scaled_exponential_integral(n: ArrayLike, z: ArrayLike) -> Array:
    """e^z E_n(z) = integral over u from 0 of exp(-z u) (1 + u)^-n, for n > 0 and z > 0.

    Every part of the integral is positive: no cancellation, no case for whole n. By the double-exponential
    rule, u = exp(v - exp(-v)) / (n + z).

    Examples
    --------
    e E_1(1), Abramowitz & Stegun, table 5.1:

    >>> round(float(scaled_exponential_integral(1.0, 1.0)), 9)
    0.596347362
    """
    orders, points = np.broadcast_arrays(np.asarray(n, float), np.asarray(z, float))
    flat_n, flat_z = orders.ravel(), points.ravel()
    found = np.empty(flat_n.size)
    # Small z have long tails: equal ones share a grid.
    reach = np.log(_TAIL * (flat_n + flat_z) / flat_z)
    order = np.argsort(reach, kind="stable")
    rows = _CHUNK // 128
    for begin in range(0, len(order), rows):
        part = order[begin : begin + rows]
        v = np.arange(-3.75, reach[part].max() + _STEP, _STEP)
        w = np.exp(v - np.exp(-v))
        scale = (flat_n + flat_z)[part, None]
        u = w / scale
        each = np.exp(-flat_z[part, None] * u - flat_n[part, None] * np.log1p(u)) * u
        found[part] = each @ (1.0 + np.exp(-v)) * _STEP
    return found.reshape(orders.shape)


def dert_while_alive(model: PurchaseModel | Individuals, x: Array, T: Array, force: float) -> Array:
    """Purchases to come for ever of customers who are there, discounted continuously at `force` a unit."""
    if isinstance(model, Individuals):
        if issubclass(model.kind, DropoutModel):
            return _dropout(model.own, x, T, force, model.kind.SHIFT)
        r, alpha, s, beta = model.own
        return np.asarray((r + x) / (alpha + T) * _time_left(s, beta + T, force))
    if isinstance(model, ParetoNBD):
        r, alpha, s, beta = model.values
        some, inverse = np.unique(T, return_inverse=True)
        return np.asarray((r + x) / (alpha + T) * _time_left(s, beta + some, force)[inverse])
    if isinstance(model, NBD):
        r, alpha = model.values
        return np.asarray((r + x) / (alpha + T) / force)
    if isinstance(model, DropoutModel):
        (some_x, some_T), inverse = np.unique(np.stack([x, T]), axis=1, return_inverse=True)
        return _dropout(model.values, some_x, some_T, force, model.SHIFT)[inverse.ravel()]
    times, weights = _steady(force)
    return model._while_alive(x, T, times) @ weights


def _time_left(s: float | Array, rest: Array, force: float) -> Array:
    return rest * scaled_exponential_integral(s, force * rest)


def _dropout(values: Array, x: Array, T: Array, force: float, shift: int) -> Array:
    r, alpha, a, b = np.broadcast_to(values.reshape(4, -1), (4, len(x)))
    found = np.empty(len(x))
    rows = max(1, _CHUNK // (128 * 128))
    for begin in range(0, len(x), rows):
        part = slice(begin, begin + rows)
        shape = (r[part] + x[part])[:, None]
        p, weight = beta_nodes(a[part], b[part] + x[part] + shift)
        wait = force * (alpha[part] + T[part])[:, None]
        # As p -> 0 the customer stays for ever: shape / wait.
        z = wait / np.maximum(p, 1e-290)
        each = shape * scaled_exponential_integral(shape + 1, z) / np.maximum(p, 1e-290)
        found[part] = (np.where(p > 1e-290, each, shape / wait) * weight).sum(axis=1)
    return found


def _steady(force: float) -> tuple[Array, Array]:
    """Times and weights of F whose sum is the integral of exp(-force t) dF(t): trapezoids in ln t."""
    t = np.exp(np.arange(-40.0, 3.9, _LOG_STEP))
    weights = t * np.exp(-t) * _LOG_STEP
    return t / force, weights


@dataclass(frozen=True)
class Residual:
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
    if not hasattr(model, "_people"):
        raise ParameterError(
            f"{getattr(model, 'LABEL', type(model).__name__)} foresees no purchases: DERT is of models of "
            "repeat purchases; of contracts ask derl(tenure, rate, timing), renewals to come"
        )
    f, who = checked(frame, HISTORY, model.LABEL), model._people(frame)
    x, recency, T = (f[c].to_numpy() for c in HISTORY)
    forever = np.isinf(discount.horizon) and discount.timing == "continuous"
    if forever and not isinstance(who, RegularModel):
        return f, who._alive(x, recency, T) * dert_while_alive(who, x, T, discount.force)
    return f, who._discounted(x, recency, T, discount)


def residual(
    model: PurchaseModel | BetaGeoBetaBinomial | CovariateFit,
    frame: pd.DataFrame,
    horizon: tuple[int, str] = (52, "W"),
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


def endless(rate: float, timing: str, period: str, unit: str | None) -> Discount:
    """The discount of an infinite horizon, for `discounted_while_alive`.

    Paid by periods of length h with d = exp(-force h), the sum is d^-s (1 - d) times the sum over j of
    d^j F(j h), s = 1, 1/2, 0 for start, mid, end. Its first terms are taken one by one, the rest by
    Euler's and Maclaurin's formula.
    """
    force = _force(rate, unit)
    if timing not in TIMINGS:
        raise ParameterError(f"timing: expected one of {', '.join(TIMINGS)}{nearest(str(timing), TIMINGS)}")
    h = days_per_unit(period) / days_per_unit(unit)
    if timing == "continuous":
        times, weights = _steady(force)
        return Discount(times, weights, h, float("inf"), force, timing)
    first = np.arange(1, _ONE_BY_ONE + 2) * h
    each = np.exp(-force * first)
    # the last two are g(N h) / 2 - (g((N+1) h) - g((N-1) h)) / 24
    each[-3] *= 1 + 1 / 24
    each[-2] *= 1 / 2
    each[-1] *= -1 / 24
    rest = first[-2] + np.exp(np.arange(-40.0, 3.9, _LOG_STEP)) / force
    tail = np.exp(-force * rest) * (rest - first[-2]) * _LOG_STEP / h
    factor = -np.expm1(-force * h) * np.exp(force * h * EARLY[timing])
    return Discount(np.append(first, rest), factor * np.append(each, tail), h, float("inf"), force, timing)


def _force(rate: float, unit: str | None) -> float:
    one = days_per_unit(unit)
    return float(np.log1p(annual_rate(rate, endless=True))) * one / DAYS_PER_YEAR
