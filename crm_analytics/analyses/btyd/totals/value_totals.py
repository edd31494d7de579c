"""Money of all customers together, with an interval: by cells of histories, or by drawing alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.discounting.simulation import Foresight, worth_of_a_future
from crm_analytics.analyses.btyd.fitting.histories import SPEND, History, checked
from crm_analytics.analyses.btyd.fitting.parameter_posterior import left_open
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.analyses.btyd.totals.purchase_totals import (
    HistoryModel,
    RowModel,
    by_drawing,
    ratios,
)
from crm_analytics.analyses.btyd.totals.uncertainty import (
    EXACT_UP_TO,
    SAMPLED,
    Interval,
    TotalForecast,
    as_forecast,
    note_of,
    row_of_each,
)

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary

Array = NDArray[np.float64]


class Customers(Foresight, Protocol):
    """Customers of a frame, each with parameters of their own."""

    def discounted(self, who: History, discount: Discount) -> Array:
        """Expected purchases, discounted."""


class CustomerModel(RowModel, Protocol):
    """A model that knows more of each customer than the history."""

    def for_customers(self, frame: pd.DataFrame) -> Customers:
        """What it says of the customers of a frame."""

    def drawn(self, draws: int, rng: np.random.Generator) -> Sequence[Self]:
        """At parameters as the fit leaves them open."""


def value_of_histories(
    summary: Summary, model: HistoryModel, spend: SpendModel, discount: Discount, wanted: Interval
) -> TotalForecast:
    """Cells of a summary; customers with equal histories are given their common mean spend."""
    cells = summary.cells.astype(float)
    who, n = History.of(cells), cells["customers"].to_numpy(float)
    each = summary.cell_days["monetary_value"].to_numpy(float)

    def mean_of(m: HistoryModel, who: History, n: Array) -> float:
        return float(n @ m.roughly_discounted(who, discount))

    purchases = n * model.discounted(who, discount)
    mean = float(purchases @ spend.expected(who.x, each))
    rng = np.random.default_rng(wanted.seed)
    drawn, integrated = left_open(model, summary, wanted.draws, rng)
    spends = spend.drawn(wanted.draws, rng)
    # Purchases weighted by what they are worth follow the parameters of both models separately.
    worth = pd.DataFrame(
        {
            "frequency": who.x,
            "recency": who.recency,
            "T": who.T,
            "customers": n * spend.expected(who.x, each),
        }
    )
    ratio = ratios(model, drawn, worth, mean_of)
    ratio = ratio * _money_at(spends, who.x, each, purchases) / mean
    customers = row_of_each(n)
    exact = len(customers) <= EXACT_UP_TO
    few = customers if exact else customers[:: max(1, len(customers) // SAMPLED)]
    some, means = who.rows(few), each[few]
    if exact:
        totals = np.array(
            [
                worth_of_a_future((m, s), some, means, discount, rng).sum()
                for m, s in zip(drawn, spends, strict=True)
            ]
        )
    else:
        twice = (worth_of_a_future((model, spend), some, means, discount, rng) for _ in range(2))
        noise = np.subtract(*twice) ** 2 / 2
        totals = mean * ratio + rng.normal(0, np.sqrt(noise.mean() * len(customers)), wanted.draws)
    note = note_of_value(model, spend, integrated)
    return as_forecast(mean, totals, mean * ratio, wanted, customers=len(customers), note=note)


def value_of_rows(
    source: pd.DataFrame, model: CustomerModel, spend: SpendModel, discount: Discount, wanted: Interval
) -> TotalForecast:
    """Customers who each have parameters of their own."""
    rng = np.random.default_rng(wanted.seed)
    money = checked(source, SPEND, spend.LABEL)["monetary_value"]
    rows = model.rows_of(source).assign(monetary_value=money.to_numpy())
    pairs = zip(model.drawn(wanted.draws, rng), spend.drawn(wanted.draws, rng), strict=True)
    others = [Worth(one, its, discount) for one, its in pairs]
    note = note_of_value(model, spend)
    worth = Worth(model, spend, discount)
    return by_drawing(rows, worth, others, discount.horizon, wanted, rng=rng, note=note)


def note_of_value(model: HistoryModel | RowModel, spend: SpendModel, integrated: bool = False) -> str:
    """What to know of the interval, empty if nothing."""
    note = " ".join(part for part in (note_of(model, integrated), note_of(spend)) if part)
    if spend.at_frequency(np.zeros(1))[1] <= 2:
        return (
            f"{note} The variance of spend does not exist (q <= 2): read the interval as too narrow.".strip()
        )
    return note


def _money_at(spends: Sequence[SpendModel], x: Array, each: Array, purchases: Array) -> Array:
    """Purchases times expected spend under each of `spends`: sums by frequency, as spend is linear in m."""
    some, group = np.unique(x, return_inverse=True)
    count, money = np.bincount(group, purchases), np.bincount(group, purchases * each)
    found = [s.at_frequency(some) for s in spends]
    p, q = (np.array([f[i] for f in found])[:, None] for i in (0, 1))
    v = np.stack([f[2] for f in found])
    return np.asarray((p * (v * count + some * money) / (p * some + q - 1)).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Worth:
    """Money of customers who each have parameters of their own: expected, and in a drawn future."""

    model: CustomerModel
    spend: SpendModel
    discount: Discount

    def expected_of(self, rows: pd.DataFrame, _: float) -> Array:
        """Money of each row."""
        who, means = History.of(rows), rows["monetary_value"].to_numpy(float)
        purchases = self.model.for_customers(rows).discounted(who, self.discount)
        return np.asarray(purchases * self.spend.expected(who.x, means))

    def simulate_rows(self, rows: pd.DataFrame, _: float, rng: np.random.Generator) -> Array:
        """Money of each row in one drawn future."""
        who, means = History.of(rows), rows["monetary_value"].to_numpy(float)
        pair = (self.model.for_customers(rows), self.spend)
        return worth_of_a_future(pair, who, means, self.discount, rng)
