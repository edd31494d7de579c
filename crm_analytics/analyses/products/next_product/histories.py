"""Who bought what on which day, as numbers: what recommendations are learnt from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import DataError, nearest

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Whole = NDArray[np.intp]
DAY_NAMES = ("day", "transaction_date", "date")
PRODUCT_NAMES = ("product", "product_id")


@dataclass(frozen=True, eq=False)
class Histories:
    """Purchases, each customer, product and day once.

    Attributes
    ----------
    customers, items : their ids, in order
    who, what, when : one entry per purchase: place of the customer, place of the item, day (counted from
        1970); sorted by customer, day and item
    """

    customers: pd.Index
    items: pd.Index
    who: Whole
    what: Whole
    when: Whole

    @property
    def last(self) -> int:
        """The last day of any purchase."""
        return int(self.when.max()) if len(self.when) else 0

    def before(self, day: int) -> Histories:
        """Purchases up to the end of a day; customers and items stay."""
        return self.chosen(self.when <= day)

    def chosen(self, kept: NDArray[np.bool_]) -> Histories:
        """The purchases marked; customers and items stay."""
        return Histories(self.customers, self.items, self.who[kept], self.what[kept], self.when[kept])

    def counts(self) -> sparse.csr_array:
        """Days on which each customer (rows) bought each item (columns)."""
        return self.matrix(np.ones(len(self.who)))

    def matrix(self, values: NDArray[np.float64]) -> sparse.csr_array:
        """Sums of a value of each purchase, by customer and item."""
        shape = (len(self.customers), len(self.items))
        return sparse.csr_array((values, (self.who, self.what)), shape=shape)

    def pairs(self) -> pd.DataFrame:
        """One row per customer and item: who, what, times, first, last (days)."""
        frame = pd.DataFrame({"who": self.who, "what": self.what, "when": self.when})
        found = frame.groupby(["who", "what"], sort=True)["when"].agg(["size", "min", "max"]).reset_index()
        return found.set_axis(["who", "what", "times", "first", "last"], axis=1)


def histories(lines: pd.DataFrame) -> Histories:
    """From a frame of purchase lines.

    Parameters
    ----------
    lines : customer_id, product (or product_id) and day (or transaction_date); rows without one of them, and
        with a negative quantity or spend (unit_quantity, quantity, unit_spend, spend), are left out

    Raises
    ------
    DataError : a column is missing, or no row is left.
    """
    customer = _column(lines, ("customer_id",))
    product, day = _column(lines, PRODUCT_NAMES), _column(lines, DAY_NAMES)
    kept = lines[[customer, product, day]].notna().all(axis=1)
    for name in ("unit_quantity", "quantity", "unit_spend", "spend"):
        if name in lines.columns:
            kept &= ~(lines[name] < 0)
    rows = lines.loc[kept]
    if rows.empty:
        raise DataError("recommendations need lines with a customer, a product and a day; none is left")
    days = pd.to_datetime(rows[day]).astype("datetime64[s]").astype("int64").to_numpy() // 86_400
    return _packed(rows[customer].to_numpy(), rows[product].to_numpy(), days)


def base_histories(base: CustomerBase, level: str = "product", exclude: Collection[str] = ()) -> Histories:
    """From a base: purchases of known customers; no returns, no free lines."""
    lines = product_lines(base, level, exclude=exclude)
    lines = lines.filter(lines.customer_id.notnull(), ~lines.is_return, ~lines.is_free)
    found = lines.select("customer_id", "product", "day").distinct()
    return histories(base.collect(found))


def day_number(day: date) -> int:
    """Days from 1970.

    >>> day_number(date(1970, 1, 11))
    10
    """
    return (day - date(1970, 1, 1)).days


def _packed(customer: np.ndarray, product: np.ndarray, days: np.ndarray) -> Histories:
    who, customers = pd.factorize(pd.Index(customer), sort=True)
    what, items = pd.factorize(pd.Index(product), sort=True)
    rows = np.unique(np.column_stack([who, days, what]), axis=0)
    return Histories(pd.Index(customers), pd.Index(items), rows[:, 0], rows[:, 2], rows[:, 1])


def _column(lines: pd.DataFrame, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in lines.columns), None)
    if found is None:
        close = nearest(names[0], map(str, lines.columns))
        raise DataError(f"recommendations need the column {' or '.join(map(repr, names))}{close}")
    return found
