"""What the segments report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.comparison import Comparison, compare_periods
from crm_analytics.analyses.concentration import Concentration
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

QUIET = ("Cannot lose", "At risk")  # proven buyers past their rhythm


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentReport(Report):
    """Everything the sections show."""

    scores: rfm.RfmScores
    spread: Concentration
    earlier: rfm.RfmScores | None  # the same scores at an earlier day, where there is one
    earlier_spread: Concentration | None
    periods: Comparison | None

    def segment(self, names: tuple[str, ...], *, of: rfm.RfmScores | None = None) -> pd.Series:
        """Customers, orders and revenue of some segments together."""
        table = (of or self.scores).segments
        return table[table["segment"].isin(names)][["customers", "orders", "revenue"]].sum()


def prepare(
    base: CustomerBase,
    *,
    bins: int = 5,
    window: str = "",
    compare_to: str = "-13w",
    show_customers: bool = False,
) -> SegmentReport | SmallReport:
    """Score the base at its day and, where the data reach back so far, an earlier day.

    Parameters
    ----------
    window : count orders and revenue over the last days only ("365D"); empty for the whole past
    compare_to : how far back the earlier day lies ("-13w")
    """
    if small := too_small(base, show_customers):
        return small
    missing: dict[str, str] = {}
    scores = rfm.score(base, bins=bins, window=window or None)
    before = base.earlier(compare_to)
    earlier = None
    if before is not None:
        score = partial(rfm.score, before, bins=bins, window=window or None, rules=scores.rules)
        earlier = attempt(missing, "earlier", score)
    return SegmentReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        scores=scores,
        spread=rfm.revenue_concentration(scores),
        earlier=earlier,
        earlier_spread=rfm.revenue_concentration(earlier) if earlier else None,
        periods=compare_periods(base, compare_to),
    )


def repeat_buyers(scores: rfm.RfmScores) -> tuple[int, int]:
    """Customers who bought, and how many of them bought again."""
    customers = scores.customers
    row = customers.aggregate(
        people=customers.recency_days.count(), again=(customers.order_count > 1).sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return int(row["people"]), int(row["again"] or 0)
