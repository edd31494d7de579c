"""From purchase occasions to the few numbers BTYD models need: grouped once, in the engine."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}


@dataclass(frozen=True, eq=False)
class Summary(ObjectCard):
    """What is known of each customer's purchases at the end of a day.

    customers : Ibis table, one row per customer: customer_id, frequency (repeat purchase days), recency
        (first to last purchase), T (first purchase to the day), monetary_value (mean spend of the repeat
        occasions, 0 where there is none); times in `unit`
    cells : pandas: frequency, recency, T, customers: equal histories merged, sorted
    spend_cells : pandas: frequency, monetary_value, customers: repeat buyers with a mean above 0
    unit : "D", "W", "M" (365.25 / 12 days) or "Y" (365.25 days)
    base : where it came from
    day : the last day that counts
    history : Ibis table, materialised: customer_id, frequency, recency_days, age_days,
        repeat_spend (DECIMAL), monetary_value; whole days, on which scores are joined
    cell_days : pandas, row by row with `cells`: recency_days, age_days, monetary_value (mean of the cell)
    whole : of all customers, where these are a part of them; models were fitted on it
    """

    customers: ir.Table
    cells: pd.DataFrame
    unit: str
    base: CustomerBase
    day: date
    history: ir.Table
    cell_days: pd.DataFrame
    whole: Summary | None = None

    plot = Plots("crm_analytics.analyses.btyd.model_pictures", "matrix", "frequencies", "history")

    @functools.cached_property
    def spend_cells(self) -> pd.DataFrame:
        """Counted when first asked for: models of purchases alone do not need it."""
        buyers = self.history.filter((self.history.frequency > 0) & (self.history.monetary_value > 0))
        counted = buyers.group_by("frequency", "monetary_value").aggregate(customers=buyers.count())
        return self.base.collect(counted.order_by("frequency", "monetary_value"))

    @functools.cached_property
    def kept_share(self) -> float:
        """What customers keep of what they spend, 0 to 1: spend less the goods sent back on later days.

        `monetary_value` is the net of a purchase day, so goods that come back on another day are in no model
        of spend. Goods not yet sent back at the day are not counted.
        """
        days = self.base.customer_days
        each = days.group_by("customer_id").aggregate(
            spent=days.spend.sum(where=days.is_occasion), kept=days.spend.sum()
        )
        each = each.filter(each.spent.notnull())
        found = self.base.collect(each.aggregate(spent=each.spent.sum(), kept=each.kept.sum())).iloc[0]
        spent = float(found["spent"] or 0)
        return min(max(float(found["kept"]) / spent, 0.0), 1.0) if spent > 0 else 1.0

    @functools.cached_property
    def holdouts(self) -> list[tuple[CustomerBase, pd.DataFrame]]:
        """What came after the day, for each holdout that was asked for; see `holdout.held_out`."""
        return []

    @functools.cached_property
    def kept(self) -> dict[str, Any]:
        """What was made of it and is dear, by a digest of what it depends on."""
        return {}

    @property
    def customer_count(self) -> int:
        """Customers with at least one purchase."""
        return int(self.cells["customers"].sum())

    @property
    def repeat_buyers(self) -> int:
        """Customers who bought on a second day."""
        return int(self.cells.loc[self.cells["frequency"] > 0, "customers"].sum())


@watched("Summing up purchases")
def summarize(past: CustomerBase, unit: str = "W") -> Summary:
    """Frequency, recency, T and monetary value of every customer of a cut base.

    Purchases of a day merge, so `frequency` is the number of purchase days after the first; days are
    counted whole and only then put into `unit` (merging by week instead would move the parameters).

    Parameters
    ----------
    past : a base cut at a day
    unit : unit of recency and T: "D", "W", "M" or "Y"

    Returns
    -------
    Summary

    Raises
    ------
    ParameterError : unknown unit.

    Source
    ------
    Fader, Hardie & Lee (2005), Marketing Science 24(2), section 5.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "a", "b"], "unit_spend": [10.0, 20.0, 30.0, 5.0],
    ...     "transaction_date": ["2026-01-01", "2026-01-08", "2026-01-22", "2026-01-15"]}),
    ...     today="2026-02-01")
    >>> summary = summarize(base.as_of("2026-01-22"), unit="W")
    >>> summary.cells.to_dict("list")
    {'frequency': [0, 2], 'recency': [0.0, 3.0], 'T': [1.0, 3.0], 'customers': [1, 1]}
    """
    base_given(past, "btyd.summarize")
    scale = days_per_unit(unit)
    unit = unit.upper()
    history = past.materialise(_history(past))
    customers = history.select(
        "customer_id",
        "frequency",
        # float64 first: Spark reads a division of integers by a literal as DECIMAL and keeps six digits
        recency=history.recency_days.cast("float64") / ibis.literal(scale),
        T=history.age_days.cast("float64") / ibis.literal(scale),
        monetary_value=history.monetary_value,
    )
    keys = ["frequency", "recency_days", "age_days"]
    counted = past.collect(
        history.group_by(keys)
        .aggregate(customers=history.count(), total=history.repeat_spend.sum())
        .order_by(keys)
    )
    cells, days = cells_and_days(counted, unit)
    return Summary(customers, cells, unit, past, past.day, history, days)


def cells_and_days(counted: pd.DataFrame, unit: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`cells` and `cell_days` of counted histories: frequency, recency_days, age_days, customers, total."""
    scale, n = days_per_unit(unit), counted["customers"].astype(np.int64)
    cells = pd.DataFrame(
        {
            "frequency": counted["frequency"].astype(np.int64),
            "recency": counted["recency_days"] / scale,
            "T": counted["age_days"] / scale,
            "customers": n,
        }
    )
    days = counted[["recency_days", "age_days"]].astype(np.int64)
    days["monetary_value"] = counted["total"] / (n * counted["frequency"].clip(lower=1))
    return cells, days


def _history(past: CustomerBase) -> ir.Table:
    """One row per customer, in whole days; money stays DECIMAL until divided: row order cannot count."""
    one = past.customer_history
    one = one.filter(one.order_count > 0)
    one = one.select(
        "customer_id",
        frequency=one.order_count - 1,
        recency_days=one.last_day.delta(one.first_day, unit="day").cast("int64"),
        age_days=ibis.literal(past.day).delta(one.first_day, unit="day").cast("int64"),
        repeat_spend=one.spend - one.first_spend,
    )
    mean = one.repeat_spend.cast("float64") / one.frequency.nullif(0)
    return one.mutate(monetary_value=mean.fill_null(0.0))
