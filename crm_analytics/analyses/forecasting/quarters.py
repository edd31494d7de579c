"""What customers did by the quarter they first bought in: the small triangle that totals are learnt from.

Quarters are stretches of 91 days counted back from the day, so four of them are 52 weeks, and the same
quarter of last year holds the same weeks. Quarter 0 is the last one before the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
DAYS = 91
YEAR = 4  # quarters
MEASURES = ("purchases", "value", "buyers")


@dataclass(frozen=True, eq=False)
class Quarters:
    """Counts by quarter of the first purchase (row) and quarter (column), both counted back from the day.

    Attributes
    ----------
    customers : (quarters,) who first bought in each
    purchases, gross, net : (quarters, quarters) occasions; their spend; all lines, goods sent back included
    buyers : window in quarters -> (quarters, quarters) different buyers of the window that ends with the
        column
    whole : quarters that lie whole inside the data
    """

    customers: Array
    purchases: Array
    gross: Array
    net: Array
    buyers: dict[int, Array]
    whole: int

    def of(self, what: str, window: int) -> Array:
        """Counts of a measure in the window of so many quarters that ends with the column."""
        if what == "buyers":
            return self.buyers[window]
        one = self.net if what == "value" else self.purchases
        found = np.zeros_like(one)
        for ahead in range(
            min(window, one.shape[1])
        ):  # the window ends with the column: it holds the older quarters beside it
            found[:, : one.shape[1] - ahead] += one[:, ahead:]
        return found

    def came(self, what: str, back: int, window: int) -> float:
        """What the customers known `back` quarters ago did in the `window` quarters after."""
        return float(self.of(what, window)[back:, back - window].sum())

    def returned_share(self, back: int, window: int) -> float:
        """Net over gross, in the same weeks of last year where they are there, else in the last year."""
        column = back + YEAR - window
        if column + window <= self.whole:
            here = slice(column, column + window)
        else:
            here = slice(back, min(back + YEAR, self.gross.shape[1]))
        known = slice(back, None)
        gross = self.gross[known, here].sum()
        return float(self.net[known, here].sum() / gross) if gross > 0 else 1.0


def quarters(base: CustomerBase, windows: tuple[int, ...]) -> Quarters:
    """Count a base at its day.

    Parameters
    ----------
    windows : lengths, in quarters, over which different buyers are counted
    """
    days = base.customer_days
    day = ibis.literal(base.day)
    first = base.purchase_history.filter(lambda t: t.first_day.notnull())
    first = first.select("customer_id", born=(day.delta(first.first_day, unit="day") // DAYS).cast("int64"))
    each = days.inner_join(first, "customer_id")
    at = (day.delta(each.day, unit="day") // DAYS).cast("int64")
    each = each.select(
        "customer_id", "born", at=at, spend=each.spend.cast("float64"), bought=each.is_occasion
    )
    counted = base.collect(
        each.group_by("born", "at").aggregate(
            purchases=each.bought.sum(),
            gross=each.spend.sum(where=each.bought),
            net=each.spend.sum(),
        )
    )
    people = base.collect(first.group_by("born").aggregate(customers=first.count()))
    size = (base.day - base.first_day).days // DAYS + 1
    matrices = {name: _matrix(counted, name, size) for name in ("purchases", "gross", "net")}
    bought = each.filter(each.bought).select("customer_id", "born", "at").distinct()
    return Quarters(
        customers=np.bincount(people["born"], people["customers"], size).astype(float),
        buyers={window: _buyers(base, bought, window, size) for window in set(windows)},
        whole=((base.day - base.first_day).days + 1) // DAYS,
        **matrices,
    )


def _matrix(counted: pd.DataFrame, name: str, size: int) -> Array:
    found = np.zeros((size, size))
    kept = counted[(counted["born"] < size) & (counted["at"] < size)]
    found[kept["born"], kept["at"]] = kept[name].fillna(0).to_numpy(float)
    return found


def _buyers(base: CustomerBase, bought: ir.Table, window: int, size: int) -> Array:
    """Different buyers of each window: a purchase counts in every window that holds its quarter."""
    table = bought
    if window > 1:
        steps = base.to_engine(pd.DataFrame({"step": range(window)}))
        table = bought.cross_join(steps)
        table = table.select("customer_id", "born", at=(table["at"] - table.step).cast("int64"))
        table = table.filter(table["at"] >= 0).distinct()
    counted = base.collect(table.group_by("born", "at").aggregate(buyers=table.count()))
    return _matrix(counted, "buyers", size)
