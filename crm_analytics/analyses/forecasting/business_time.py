"""Time as the business lives it: a day in a high season counts for more than one when nobody buys.

Recency, age and gaps are measured in the activity that the season lets one expect, so that a customer who was
silent through the quiet months is not taken for one who left. Histories keep their cells: what is known of a
customer is still the day of the first and of the last purchase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.checks.seasonal import Season, season
from crm_analytics.analyses.btyd.fitting.units import days_per_unit

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.fitting.summary import Summary
    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]
CYCLES = 2  # from which on season and trend can be told apart
LEVEL = 0.05
SLACK = 28  # days that the first of two years may lack


@dataclass(frozen=True, eq=False)
class BusinessTime:
    """The clock of a base at its day.

    Attributes
    ----------
    season : by week of the year
    is_used : whether the clock runs by it: two cycles, and weeks that differ by more than chance
    """

    season: Season
    is_used: bool

    @property
    def is_firm(self) -> bool:
        """Whether two cycles could be seen, so that no season means none."""
        return self.season.known and self.season.years >= CYCLES

    def ahead(self, day: date, days: float) -> float:
        """Business days in the `days` after a day."""
        if not self.is_used:
            return float(days)
        whole = int(np.ceil(days))
        index = self.season.index_of(pd.date_range(day + timedelta(days=1), periods=whole, freq="D"))
        return float(index.sum() * days / whole)

    def of(self, summary: Summary) -> Summary:
        """The summary with recency and T in business time; its cells, days and money are the same."""
        if not self.is_used:
            return summary
        age, silent = (summary.cell_days[c].to_numpy(np.intp) for c in ("age_days", "recency_days"))
        oldest = int(age.max(initial=0))
        first = pd.Timestamp(summary.day) - pd.Timedelta(days=oldest)
        index = self.season.index_of(pd.date_range(first, summary.day, freq="D"))
        clock = np.cumsum(index) / days_per_unit(summary.unit)
        born = oldest - age
        cells = summary.cells.assign(recency=clock[born + silent] - clock[born], T=clock[-1] - clock[born])
        return replace(summary, cells=cells)


def business_time(summary: Summary, model: PurchaseModel) -> BusinessTime:
    """The clock of a summary, from what came week by week against what a model without season expected.

    One cycle cannot tell a season from a trend or from what happened once: the clock does not run by it.
    """
    found = season(summary, model, slack=SLACK)
    return BusinessTime(found, found.known and found.years >= CYCLES and found.p < LEVEL)
