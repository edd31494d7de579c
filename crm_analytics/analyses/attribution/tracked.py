"""One period of the channels in few numbers: purchases after a touch, spend, customers won.

They need no model of attribution: a purchase counts once, whatever channels its path names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.attribution.channel_paths import ChannelPaths, channel_paths
from crm_analytics.analyses.attribution.economics import spend_by_channel
from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import DataError
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

LOOKBACK = 30.0  # days before a purchase in which a touch counts, where nobody chose


@dataclass(frozen=True, eq=False)
class Tracked:
    """A period of the channels.

    Attributes
    ----------
    after, day : the period begins the day after `after`
    paths : that end in it
    spending : channel, spend of the days from which on paths are known; None without `channel_spend`
    new_customers : who bought for the first time in the same days, tracked or not
    """

    after: date
    day: date
    paths: ChannelPaths
    spending: pd.DataFrame | None
    new_customers: int

    @property
    def spend(self) -> float | None:
        """All that was spent on channels; None where nobody wrote it down or nothing was spent."""
        return None if self.spending is None else float(self.spending["spend"].sum()) or None

    @property
    def sales(self) -> float:
        """Money of the purchases that followed a touch."""
        return self.paths.value

    @cached_property
    def sales_error(self) -> float:
        """Standard error of the logarithm of `sales`, with customers as the draw: sqrt(sum x^2) / sum x.

        Customers come by chance, so each customer's total counts as one term of a compound Poisson sum.
        """
        touches = self.paths.touches.filter(self.paths.touches.converted)
        ends = touches.group_by("person", "path").aggregate(value=touches.value.max())
        each = ends.group_by("person").aggregate(value=ends.value.sum().cast("float64"))
        row = each.aggregate(squares=(each.value * each.value).sum()).to_pyarrow().to_pylist()[0]
        return math.sqrt(float(row["squares"] or 0)) / self.sales if self.sales > 0 else math.nan


def tracked(
    base: CustomerBase, span: str, *, lookback: float = LOOKBACK, lag_days: int = 0
) -> Tracked | None:
    """The channels over a period of length `span` that ended `lag_days` before the base's day.

    Returns
    -------
    None where fewer than 30 purchases follow a touch, or where the data do not hold an earlier period whole
    """
    day = base.day - timedelta(days=lag_days)
    after = shift(day, span)
    if lag_days and after < base.first_day - timedelta(days=1):
        return None
    past = base.as_of(day) if lag_days else base
    after = max(after, base.first_day - timedelta(days=1))
    try:
        paths = channel_paths(past, lookback=lookback, since=after, minimum=ON_A_PAGE)
    except DataError:
        return None
    if lag_days and paths.first_day > after + timedelta(days=1):  # tracking began within it
        return None
    return of_paths(past, after, paths)


def of_paths(base: CustomerBase, after: date, paths: ChannelPaths) -> Tracked:
    """The few numbers of a period whose paths are at hand."""
    history = base.purchase_history
    new = history.filter(history.first_day >= ibis.literal(paths.first_day)).count().to_pyarrow().as_py()
    return Tracked(after, base.day, paths, spend_by_channel(base, paths.first_day, minimum=2), int(new or 0))


def lags(base: CustomerBase, span: str) -> tuple[int, int]:
    """How long ago the period before ended, and the same one a year ago: days."""
    return (base.day - shift(base.day, span)).days, YEAR


def sales_change(now: Tracked, then: Tracked, *, per_spend: bool = False) -> Change | None:
    """Tracked sales now and then, of a period or by money spent, with a 95 % interval.

    The interval is that of a ratio of two independent sums, on the scale of logarithms; spend is taken as
    known. Customers who buy in both periods make it a little too wide.
    """
    values = [one.sales / (one.spend or math.nan) if per_spend else one.sales for one in (now, then)]
    if not all(math.isfinite(value) and value > 0 for value in values):
        return None
    ratio = values[0] / values[1]
    spread = math.exp(Z95 * math.hypot(now.sales_error, then.sales_error))
    return Change(values[0], values[1], ratio - 1, ratio / spread - 1, ratio * spread - 1)
