"""What customers of one standing did over what was said of them: the forecast of a group, tried a year ago.

A model of single customers may be right in total and wrong for parts: one that never doubts who bought once
says too much of them, and too little of those who buy often. So it is tried a year before the day for
customers by how often they had bought and how long they had been silent; the same weeks of the year, so that
the season is in both. What a standing did over what was said of it, against that of all customers, corrects
its share of the total, and half of a correction is doubted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses import btyd
from crm_analytics.analyses.forecasting.quarters import DAYS, YEAR, Quarters
from crm_analytics.analyses.forecasting.ways import SHORTEST, UNIT, WEEKS_PER_QUARTER, Models, fitted
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from crm_analytics.analyses.forecasting.business_time import BusinessTime
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
OFTEN = (0, 1, 3)  # repeat purchases, from which on a standing begins
CUTS = (0.5, 0.8, 0.95)  # of a year's purchases, by customers who had been silent for so long or less before
AS_SAID = 10.0  # purchases, as they were said, that a standing counts for: few tell little
DOUBTED = 0.5  # of a correction, on logarithms
COLUMNS = ["standing", "often", "silent", "said", "came", "factor", "error"]


def standing_of(repeats: Array, silent: Array, begins: Sequence[float]) -> NDArray[np.int64]:
    """Number of the standing of histories: how often, then how long silent.

    Parameters
    ----------
    repeats, silent : repeat purchases, and days without one
    begins : days of silence from which on each standing begins, 0 first

    >>> standing_of(np.array([0, 2, 5]), np.array([10, 100, 400]), [0, 30, 200])
    array([0, 4, 8])
    """
    often = np.searchsorted(OFTEN, repeats, side="right") - 1
    quiet = np.searchsorted(begins, silent, side="right") - 1
    return np.asarray(often * len(begins) + quiet, np.int64)


def standing_in(history: ir.Table, begins: Sequence[float]) -> ir.IntegerValue:
    """The same of the customers of a summary, in the engine."""
    silent = history.age_days - history.recency_days
    often = sum((history.frequency >= at).cast("int64") for at in OFTEN[1:])
    quiet = sum(((silent >= at).cast("int64") for at in begins[1:]), ibis.literal(0, "int64"))
    return often * len(begins) + quiet


def begins_of(standings: pd.DataFrame) -> list[float]:
    """The days of silence from which on each standing begins."""
    return sorted(set(standings["silent"].astype(float))) or [0.0]


def by_standing(base: CustomerBase, found: Quarters, time: BusinessTime) -> pd.DataFrame:
    """Try the models of a year ago on each standing.

    Returns
    -------
    standing, often and silent (repeat purchases and days from which on it begins), said and came (purchases
    of the year), factor (what to multiply a forecast with, against that of all customers), error (standard
    deviation of its logarithm). Empty where no year could be tried
    """
    nothing = pd.DataFrame(columns=COLUMNS)
    if found.whole < YEAR + SHORTEST:
        return nothing
    past = base.as_of(base.day - timedelta(days=YEAR * DAYS))
    try:
        models = fitted(btyd.summarize(past, unit=UNIT), lent=time)
    except CrmError:
        return nothing
    after = _after(base, models)
    if after.empty:
        return nothing
    begins = _begins(after)
    size = len(OFTEN) * len(begins)
    came = np.bincount(
        standing_of(after["repeats"].to_numpy(), after["silent"].to_numpy(), begins), after["n"], size
    )
    said = _said(models, begins, size)
    due = said * came.sum() / max(said.sum(), 1e-300)
    factor = (came + AS_SAID) / (due + AS_SAID)
    error = np.sqrt(1 / (came + AS_SAID) + (DOUBTED * np.log(factor)) ** 2)
    often, silent = np.repeat(OFTEN, len(begins)), np.tile(begins, len(OFTEN))
    parts = (np.arange(size), often, silent, said, came, factor, error)
    return pd.DataFrame(dict(zip(COLUMNS, parts, strict=True)))


def _begins(after: pd.DataFrame) -> list[float]:
    """By the pace of the business: after a silence in which half of the year's purchases began, and so on."""
    by_day = after.groupby("silent")["n"].sum().sort_index()
    share = by_day.cumsum().to_numpy(float) / float(by_day.sum())
    ends = by_day.index.to_numpy(float)[np.searchsorted(share, CUTS)]
    return [0.0, *(float(end) + 1 for end in np.unique(ends))]


def _said(models: Models, begins: Sequence[float], size: int) -> Array:
    cells, days = models.summary.cells, models.plain.cell_days
    silent = (days["age_days"] - days["recency_days"]).to_numpy()
    standing = standing_of(cells["frequency"].to_numpy(), silent, begins)
    t = models.business_weeks(YEAR * WEEKS_PER_QUARTER)
    each = cells["customers"].to_numpy(float) * models.model.expected_purchases(cells, t).to_numpy()
    return np.bincount(standing, each, size).astype(float)


def _after(base: CustomerBase, models: Models) -> pd.DataFrame:
    """Purchases since that day, by repeat purchases (as far as standings tell them apart) and silence."""
    history = models.plain.history
    repeats = ibis.least(history.frequency, ibis.literal(OFTEN[-1]))
    silent = history.age_days - history.recency_days
    mine = history.select("customer_id", repeats=repeats.cast("int64"), silent=silent.cast("int64"))
    days = base.customer_days
    after = days.filter(days.is_occasion, days.day > ibis.literal(models.plain.day))
    both = after.inner_join(mine, "customer_id")
    return base.collect(both.group_by("repeats", "silent").aggregate(n=both.count()))
