"""Customers still to be won: how many a quarter, how often they buy, for how much, and what that is worth.

Customer-based corporate valuation splits the forecast into four parts: acquisition (new customers a period),
retention and purchase (their orders as they age, by the same purchase model as present customers) and basket
(mean spend of an order). McCarthy & Fader (2018), Customer-based corporate valuation for publicly traded
noncontractual firms, Journal of Marketing Research 55(5), 617-635.

Acquisition is taken to go on as in the last year, quarter by quarter, without growth, unless the last quarter
broke with it. How far off that may be
is learnt from the past: by how much each year's new customers differed from those of the year before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.forecasting.doubt import doubt_of
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
    from crm_analytics.tables.customer_base import CustomerBase

    Array = NDArray[np.float64]

QUARTER = 91  # days
PER_YEAR = 365.25 / QUARTER
SEASON = 4  # quarters of a year
BREAK = 2.0  # times as many as a year before, or as few
CLEAR = 4.0  # standard errors
MOST_QUARTERS = 12  # of the past, for how much counts spread
UNTRIED = 0.12  # what a year's new customers are off by in a business without a past, on logarithms


@dataclass(frozen=True, eq=False)
class Acquisition(ObjectCard):
    """New customers by quarter.

    Attributes
    ----------
    past : quarter (its last day), new_customers; the oldest first, whole quarters alone
    forecast : new customers of each of the next four quarters: the last year, or its season at a new level
    spread : variance of a quarter's count over its mean, 1 where they spread by chance alone
    error : standard error of a year's new customers, on logarithms
    """

    past: pd.DataFrame
    forecast: Array
    spread: float
    error: float

    def quarters(self, count: int) -> Array:
        """New customers of the next quarters, the season repeated."""
        return np.asarray(np.resize(self.forecast, count))


def acquisition(base: CustomerBase) -> Acquisition:
    """Count new customers by quarter up to the day, and carry the last year on.

    Raises
    ------
    NotEnoughData : fewer than four whole quarters.
    """
    whole = ((base.day - base.first_day).days + 1) // QUARTER
    count = min(whole, MOST_QUARTERS)
    if count < SEASON:
        raise NotEnoughData("A forecast of new customers", whole, SEASON, "whole quarters")
    history = base.purchase_history
    history = history.filter(history.first_day.notnull())
    age = (ibis.literal(base.day).epoch_days() - history.first_day.epoch_days()) // QUARTER
    found = base.collect(
        history.group_by(ago=age.cast("int64")).aggregate(new_customers=history.count()).order_by("ago")
    )
    seen = found.set_index("ago")["new_customers"].reindex(range(count), fill_value=0)
    past = pd.DataFrame(
        {
            "quarter": [base.day - timedelta(days=QUARTER * int(k)) for k in seen.index[::-1]],
            "new_customers": seen.to_numpy(np.int64)[::-1],
        }
    )
    numbers = past["new_customers"].to_numpy(float)
    spread = max(1.0, float(numbers.var(ddof=1) / numbers.mean())) if numbers.mean() > 0 else 1.0
    return Acquisition(past, _pace(numbers), spread, _error(numbers))


def _pace(numbers: Array) -> Array:
    """New customers of the next four quarters: those of the last, unless the last quarter broke with them.

    It broke where it has less than half, or more than twice, of the same quarter a year before, beyond
    chance: a shop that stopped to advertise, or a new way to win customers. Then the year before the last is
    taken, at the level of the last quarter.
    """
    last = numbers[-SEASON:]
    if len(numbers) < 2 * SEASON or numbers[-1 - SEASON] <= 0:
        return last
    now, then = numbers[-1], numbers[-1 - SEASON]
    broke = not 1 / BREAK < now / then < BREAK and abs(now - then) > CLEAR * np.sqrt(now + then)
    return np.asarray(numbers[-2 * SEASON : -SEASON] * (now / then)) if broke else last


def _error(numbers: Array) -> float:
    """Standard error, on logarithms, of taking the last year for the next: as it was off by before."""
    years = np.convolve(numbers, np.ones(SEASON), "valid")
    if years[-1] <= 0:
        return 0.0
    then, came = years[:-SEASON], years[SEASON:]
    held = (then > 0) & (came > 0)
    errors, chance = np.log(came[held] / then[held]), float(years[-1] ** -0.5)
    return doubt_of(errors, float(SEASON), chance, UNTRIED).half() / Z95


def cohort_orders(model: PurchaseModel, quarters: int) -> Array:
    """Expected orders of a new customer in each quarter after the first purchase, that one included."""
    per_quarter = QUARTER / days_per_unit(model.unit or "W")
    upto = np.asarray(model.expected_purchases_new(np.arange(quarters + 1) * per_quarter), float)
    orders = np.diff(upto)
    orders[0] += 1
    return orders


def future_table(  # noqa: PLR0917
    found: Acquisition, orders: Array, basket: float, margin: float, cost: float, rate: float,
    staying: float = 1.0,
) -> pd.DataFrame:  # fmt: skip
    """What customers still to be won will bring, quarter by quarter.

    Parameters
    ----------
    orders : of a new customer in each quarter of its life, see `cohort_orders`; as many as quarters ahead
    basket : mean spend of an order
    margin : share of revenue left
    cost : of winning a customer
    rate : annual effective rate of discount; each quarter is paid at its middle
    staying : what yearly retention is multiplied by (1.01: one per cent better)

    Returns
    -------
    quarter (1, 2, ...), new_customers, orders, basket, revenue, margin, acquisition_cost, discounted (margin
    less cost, today's money)
    """
    ahead = len(orders)
    new = found.quarters(ahead)
    kept = orders * staying ** (np.arange(ahead) / PER_YEAR)
    total = np.array([new[: k + 1] @ kept[k::-1] for k in range(ahead)])
    revenue = total * basket
    cash = margin * revenue - cost * new
    discount = (1 + rate) ** -((np.arange(ahead) + 0.5) / PER_YEAR)
    return pd.DataFrame(
        {
            "quarter": np.arange(1, ahead + 1),
            "new_customers": new,
            "orders": total,
            "basket": basket,
            "revenue": revenue,
            "margin": margin * revenue,
            "acquisition_cost": cost * new,
            "discounted": cash * discount,
        }
    )
