"""Customer equity of one firm, where no competitor is known: present customers and those still to be won.

It is not the model of Rust, Lemon & Zeithaml: nobody asked why customers choose. It adds what present
customers will still bring (by a purchase model of `btyd`) and what customers still to be won will bring (see
`future_customers`), both over the same horizon and in today's money. Money is margin where the margin is
known, else revenue, and the result says which. `valuation` makes it of a base.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crm_analytics.analyses.equity.future_customers import PER_YEAR, Acquisition, future_table
from crm_analytics.analyses.intervals import Z95

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ONE_PER_CENT = 1.01


@dataclass(frozen=True)
class Amount:
    """Money with its 95 % interval."""

    value: float
    lower: float
    upper: float

    def times(self, share: float) -> Amount:
        """A share of it."""
        return Amount(share * self.value, share * self.lower, share * self.upper)

    @property
    def error(self) -> float:
        """Its standard error, as a normal law would have it."""
        return (self.upper - self.lower) / (2 * Z95)

    def __add__(self, other: Amount) -> Amount:
        """The sum of two that are independent."""
        below = float(np.hypot(self.value - self.lower, other.value - other.lower))
        above = float(np.hypot(self.upper - self.value, other.upper - other.value))
        value = self.value + other.value
        return Amount(value, value - below, value + above)


@dataclass(frozen=True, eq=False)
class FirmEquity:
    """Customer equity of a base at its day.

    Attributes
    ----------
    present, future : purchases of present customers, and of customers still to be won, less the cost of
        winning them
    margin : share of revenue; None where it is not known, and all money is revenue
    cost : of winning a customer; None where it is not known, and nothing is taken off
    years, rate : horizon, and annual effective rate of discount
    model : name of the purchase model
    customers : present ones
    basket : mean spend of an order
    acquired : new customers by quarter, and their forecast
    orders : of a new customer in each quarter of its life
    timing : share of present customers' value that falls in each quarter
    contracts : of contracts that run; None where there are none, or where their payments are purchases
    new_customer_error : standard error of `new_customer`, by parameters, basket and past errors
    """

    present: Amount
    future: Amount
    margin: float | None
    cost: float | None
    years: int
    rate: float
    model: str
    customers: int
    basket: float
    acquired: Acquisition
    orders: Array
    timing: Array
    contracts: Amount | None = None
    new_customer_error: float = 0.0

    @property
    def residual(self) -> Amount:
        """What present customers will still bring, by purchases and by contracts."""
        return self.present if self.contracts is None else self.present + self.contracts

    @property
    def total(self) -> Amount:
        """Present and future customers."""
        return self.residual + self.future

    @cached_property
    def quarters(self) -> pd.DataFrame:
        """What customers still to be won bring, by quarter; as `future_table`."""
        return self._future()

    @property
    def new_customer(self) -> float:
        """What a customer won today brings within the horizon, before the cost of winning."""
        discount = (1 + self.rate) ** -((np.arange(len(self.orders)) + 0.5) / PER_YEAR)
        return float(self.orders @ discount) * self.basket * self._share

    @property
    def new_customer_range(self) -> tuple[float, float]:
        """Its 95 % interval."""
        half = Z95 * self.new_customer_error
        return max(self.new_customer - half, 0.0), self.new_customer + half

    @property
    def _share(self) -> float:
        return 1.0 if self.margin is None else self.margin

    def _future(self, staying: float = 1.0, won: float = 1.0, cost: float = 1.0) -> pd.DataFrame:
        """By quarter, where some part is better."""
        acquired = Acquisition(
            self.acquired.past, self.acquired.forecast * won, self.acquired.spread, self.acquired.error
        )
        spent = (self.cost or 0.0) * cost
        return future_table(acquired, self.orders, self.basket, self._share, spent, self.rate, staying)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """What one per cent better brings.

        Better retention multiplies the chance to stay, each year, by 1.01, for present and new customers.

        Returns
        -------
        lever ("retention", "margin", "acquisition", "acquisition_cost"), change, lower, upper (money, 95 %),
        share (of equity). A change is as unsure as the value that it is a part of.
        """
        base = float(self._future()["discounted"].sum())
        years = (np.arange(len(self.timing)) + 0.5) / PER_YEAR
        stay = self.present.value * (float(self.timing @ ONE_PER_CENT**years) - 1)
        stay_new = float(self._future(staying=ONE_PER_CENT)["discounted"].sum()) - base
        gross, more = float(self._future(cost=0.0)["discounted"].sum()), ONE_PER_CENT - 1
        won = float(self._future(won=ONE_PER_CENT)["discounted"].sum()) - base
        saved = float(self._future(cost=2 - ONE_PER_CENT)["discounted"].sum()) - base
        now = self.present.error / self.present.value if self.present.value > 0 else 0.0
        later = self.future.error / gross if gross > 0 else 0.0
        rows = {  # change, standard error
            "retention": (stay + stay_new, float(np.hypot(now * stay, later * stay_new))),
            "margin": (
                more * (self.present.value + gross), more * float(np.hypot(self.present.error, later * gross))
            ),
            "acquisition": (won, more * self.future.error),
            "acquisition_cost": (saved, saved * self.acquired.error),
        }  # fmt: skip
        total = self.total.value
        return pd.DataFrame(
            [
                (name, x, x - Z95 * error, x + Z95 * error, x / total if total > 0 else np.nan)
                for name, (x, error) in rows.items()
            ],
            columns=["lever", "change", "lower", "upper", "share"],
        )


def pack(found: FirmEquity) -> dict[str, Any]:
    """In parts that `base.remember` keeps."""
    arrays = {"orders": found.orders, "timing": found.timing, "forecast": found.acquired.forecast}
    plain = {name: getattr(found, name) for name in _PLAIN}
    return {
        "plain": plain | {name: values.tolist() for name, values in arrays.items()},
        "amounts": [vars(found.present), vars(found.future)],
        "contracts": [] if found.contracts is None else [vars(found.contracts)],
        "acquired": [found.acquired.spread, found.acquired.error],
        "past": found.acquired.past.assign(quarter=pd.to_datetime(found.acquired.past["quarter"])),
    }


def unpack(parts: Mapping[str, Any]) -> FirmEquity:
    """From those parts."""
    plain = dict(parts["plain"])
    orders, timing, forecast = (np.array(plain.pop(name), float) for name in ("orders", "timing", "forecast"))
    past = parts["past"].assign(quarter=[day.date() for day in pd.to_datetime(parts["past"]["quarter"])])
    present, future = (Amount(**amount) for amount in parts["amounts"])
    acquired = Acquisition(past, forecast, *parts["acquired"])
    kept = [Amount(**amount) for amount in parts["contracts"]]
    return FirmEquity(
        present, future, acquired=acquired, orders=orders, timing=timing,
        contracts=kept[0] if kept else None, **plain,
    )  # fmt: skip


_PLAIN = ("margin", "cost", "years", "rate", "model", "customers", "basket",
          "new_customer_error")  # fmt: skip
