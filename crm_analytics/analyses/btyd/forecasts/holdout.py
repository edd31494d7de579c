"""What came after the day: purchases of the holdout, counted for the cells of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.tables.customer_base import CustomerBase

KEYS = ["frequency", "recency_days", "age_days"]


def length_of(past: CustomerBase, future: CustomerBase, unit: str) -> float:
    """Length of the holdout, in `unit`.

    Raises
    ------
    ParameterError : `future` does not begin where `past` ends.
    """
    start = future.start or past.day
    if start != past.day or future.day <= past.day:
        raise ParameterError(
            f"the holdout must begin where the past ends: past ends {past.day}, the holdout is "
            f"({start}, {future.day}]. Use base.as_of(a) and base.between(a, b)"
        )
    return (future.day - past.day).days / days_per_unit(unit)


def held_out(summary: Summary, future: CustomerBase) -> pd.DataFrame:
    """Cells split by the purchases of the holdout, counted in the engine once for each summary and holdout.

    Returns
    -------
    frequency, recency_days, age_days, bought (purchase days in the holdout), customers, spend (money of
    those days, all customers of the row together), recency and T (in the summary's unit); sorted.
    """
    for known, cells in summary.holdouts:
        if (known.start, known.day) == (future.start, future.day) and known.snapshot is future.snapshot:
            return cells.copy()
    cells = _counted(summary, future)
    summary.holdouts.append((future, cells))
    return cells.copy()


def _counted(summary: Summary, future: CustomerBase) -> pd.DataFrame:
    scale = days_per_unit(summary.unit)
    days = future.exact_occasions
    later = days.group_by("customer_id").aggregate(bought=days.count(), spent=days.spend.sum())
    joined = summary.history.left_join(later, "customer_id").select(
        *KEYS, bought=later.bought.fill_null(0), spent=later.spent
    )
    counted = joined.group_by([*KEYS, "bought"]).aggregate(customers=joined.count(), spend=joined.spent.sum())
    held = future.collect(counted).fillna({"spend": 0.0})
    held = held.sort_values([*KEYS, "bought"], ignore_index=True)
    return held.assign(recency=held["recency_days"] / scale, T=held["age_days"] / scale)
