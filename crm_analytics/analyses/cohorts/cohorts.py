"""`cohorts`: the triangles, the comparison of cohorts, and the whole they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.cohorts import cohort_comparison, triangles
from crm_analytics.analyses.cohorts.cohort_cells import Reduced, reduce
from crm_analytics.analyses.cohorts.cohort_comparison import Comparison, Fading
from crm_analytics.analyses.cohorts.periods import MONTHS, Calendar
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.base_filter import values_of
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
COSTED = 0.95  # of revenue must have a known cost before a margin is said
_KEY = ["cohort", "age", "period", "customers"]
_MARKS = ["partial", "left_truncated"]


@dataclass(frozen=True)
class Cohorts(ObjectCard):
    """How cohorts age, how they compare, and the revenue they add up to.

    Every frame has the cohort's label ("2026-03", "2026-Q1", "2026"), its age in periods, the label of the
    calendar period, and its denominator `customers`. `partial` marks a period that is not wholly in view:
    the one that has not ended at the day, and the first when the data begin in its midst. `left_truncated`
    marks cohorts that may hold customers won before the data begin.

    Attributes
    ----------
    every : "month", "quarter" or "year"
    cohorts : cohort, start, end, customers, complete (all its days are in view), left_truncated
    retention : active (bought in this period) with share, lower, upper (95 %, Wilson); still_active (bought
        in this period or a later one) and still_share, which can only be too low near the day, because
        who will come back has not yet; returned (bought on a second day by the end of this period; a second
        purchase on the same day is no return) and returned_share
    revenue : orders, revenue (net of returns), margin (where costs are known), revenue_per_customer
    cumulative_value : revenue since the first purchase, value_per_customer with lower, upper (95 %, over
        customers; missing below 30), margin, margin_per_customer
    ageing : age, cohorts, customers, active, share, lower, upper, returned, returned_share: cells that may
        be compared (whole, began in view) added up over cohorts; value_per_customer is the sum over ages of
        what customers who have lived that age brought in it (Nelson's mean cumulative function), which
        never falls because a cohort is too young
    whole : period, cohort, customers, orders, revenue, share (of the period's revenue), partial: the C3.
        The cohort "no purchase" holds returns of customers not seen buying yet; the revenue of a period is
        the sum over its cohorts
    periods : period, start, end, customers (active), new_customers, revenue, revenue_before (from customers
        won in an earlier period), share_before, lower, upper (95 %, over customers; missing where all or none
        are from before), partial
    fading : the same customers at age 1 and at the oldest age that half of all have lived; None where young
    newest, recent : the newest cohort, and those of the last year, against all before; None where there
        are too few customers or too little time
    """

    every: str
    begin: date
    day: date
    cohorts: pd.DataFrame
    retention: pd.DataFrame
    revenue: pd.DataFrame
    cumulative_value: pd.DataFrame
    ageing: pd.DataFrame
    whole: pd.DataFrame
    periods: pd.DataFrame
    fading: Fading | None
    newest: Comparison | None
    recent: Comparison | None

    card_frame = "cohorts"
    plot = Plots(
        "crm_analytics.analyses.cohorts.pictures",
        "retention",
        "returned",
        "revenue",
        "value",
        "curve",
        "whole",
    )


@overload
def cohorts(base: CustomerBase, every: str = "auto", *, by: None = None) -> Cohorts: ...


@overload
def cohorts(base: CustomerBase, every: str = "auto", *, by: str) -> dict[str, Cohorts]: ...


def cohorts(
    base: CustomerBase, every: str = "auto", *, by: str | None = None
) -> Cohorts | dict[str, Cohorts]:
    """Follow the customers won in each month, quarter or year.

    Parameters
    ----------
    every : "month", "quarter", "year", or "auto": months up to 18 months of history, quarters up to 72
    by : a column that `CustomerBase.filter` takes, such as "acquisition_channel" or "country"

    Returns
    -------
    One result; with `by` one for each value of the column, the most customers first. Who has none is in no
    group

    Raises
    ------
    NotEnoughData : nobody has bought.
    ParameterError : an unknown `every` or column, or a column of more than 50 values.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "b", "a", "c"], "unit_spend": 9.0,
    ...     "transaction_date": ["2026-01-05", "2026-01-09", "2026-02-01", "2026-02-28"]},
    ...     ), today="2027-01-01")
    >>> cohorts(base).retention[["cohort", "age", "customers", "active", "share"]]
        cohort  age  customers  active  share
    0  2026-01    0          2       2    1.0
    1  2026-01    1          2       1    0.5
    2  2026-02    0          1       1    1.0
    """
    base_given(base, "cohorts.cohorts")
    if by is not None:
        found = {str(value): cohorts(base.filter({by: value}), every) for value in values_of(base, by)}
        return dict(sorted(found.items(), key=lambda item: -int(item[1].cohorts["customers"].sum())))
    begin = base.first_day if base.start is None else base.start + timedelta(days=1)
    reduced = reduce(base, Calendar.choose(begin, base.day, every))
    if reduced.people.empty:
        raise NotEnoughData("the audit of cohorts", 0, 1)
    return of_reduced(reduced)


def of_reduced(reduced: Reduced) -> Cohorts:
    """The result from what the engine reduced."""
    calendar = reduced.calendar
    table = triangles.cohort_table(reduced)
    triangle = triangles.with_shares(triangles.triangle(reduced, table))
    known = _with_known_margin(triangle)
    return Cohorts(
        every=calendar.every,
        begin=calendar.begin,
        day=calendar.day,
        cohorts=table.drop(columns="number"),
        retention=triangle.assign(still_share=triangle["still_active"] / triangle["customers"])[
            [*_KEY, "active", "share", "lower", "upper", "still_active", "still_share", "returned",
             "returned_share", *_MARKS]
        ],
        revenue=known.assign(revenue_per_customer=known["revenue"] / known["customers"])[
            [*_KEY, "active", "orders", "revenue", "margin", "revenue_per_customer", *_MARKS]
        ],
        cumulative_value=_cumulative(known),
        ageing=_ageing(triangle),
        whole=_whole(reduced),
        periods=_periods(reduced),
        fading=cohort_comparison.fading(triangle),
        newest=cohort_comparison.newest(triangle),
        recent=cohort_comparison.recent(triangle, 12 // MONTHS[calendar.every]),
    )  # fmt: skip


def _with_known_margin(triangle: pd.DataFrame) -> pd.DataFrame:
    """Margins where the cost of nearly all revenue is known, and missing otherwise."""
    known = triangle.copy()
    if "margin" not in known or known["costed"].sum() < COSTED * known["revenue"].sum():
        known["margin"] = known["margin_so_far"] = np.nan
    return known


def _cumulative(known: pd.DataFrame) -> pd.DataFrame:
    frame = known.assign(margin_per_customer=known["margin_so_far"] / known["customers"])
    frame = frame[
        [*_KEY, "revenue_so_far", "value_per_customer", "value_lower", "value_upper", "margin_so_far",
         "margin_per_customer", *_MARKS]
    ]  # fmt: skip
    return frame.rename(
        columns={
            "revenue_so_far": "revenue",
            "margin_so_far": "margin",
            "value_lower": "lower",
            "value_upper": "upper",
        }
    )


def _ageing(triangle: pd.DataFrame) -> pd.DataFrame:
    cells = cohort_comparison.comparable(triangle)
    found = cohort_comparison.pooled(cells)
    columns = ["age", "cohorts", "customers", "active", "share", "lower", "upper", "returned",
               "returned_share", "value_per_customer"]  # fmt: skip
    if found.empty:
        return pd.DataFrame(columns=columns)
    gained = cells.groupby("age")["revenue"].sum().to_numpy() / found["customers"]
    return found.assign(value_per_customer=gained.cumsum())[columns]


def _whole(reduced: Reduced) -> pd.DataFrame:
    calendar, cells = reduced.calendar, reduced.cells
    nobody = cells["cohort"].isna()
    frame = pd.DataFrame(
        {
            "period": [calendar.label(int(n)) for n in cells["period"]],
            "cohort": [
                triangles.NOBODY if missing else calendar.label(int(n))
                for n, missing in zip(cells["cohort"].fillna(0), nobody, strict=True)
            ],
            "customers": cells["active"],
            "orders": cells["orders"],
            "revenue": cells["revenue"],
            "partial": [not calendar.is_whole(int(n)) for n in cells["period"]],
        }
    )
    total = frame.groupby("period")["revenue"].transform("sum")
    frame.insert(5, "share", frame["revenue"] / total.where(total != 0))
    order = frame.assign(nobody=nobody.to_numpy()).sort_values(["period", "nobody", "cohort"]).index
    return frame.loc[order].reset_index(drop=True)


def _periods(reduced: Reduced) -> pd.DataFrame:
    calendar, cells = reduced.calendar, reduced.cells
    rows = []
    for number in range(calendar.first, calendar.last + 1):
        here = cells[cells["period"] == number]
        before = here[here["cohort"] < number]
        total, earlier = float(here["revenue"].sum()), float(before["revenue"].sum())
        share = earlier / total if total > 0 else np.nan
        rest = float(here["squares"].sum()) - float(before["squares"].sum())
        both = 0 < int(before["active"].sum()) < int(here["active"].sum())  # else nothing varies
        half = (
            cohort_comparison.share_of_ratio(float(before["squares"].sum()), rest, share, total)
            if both
            else np.nan
        )
        rows.append(
            {
                "period": calendar.label(number),
                "start": pd.Timestamp(max(calendar.start(number), calendar.begin)),
                "end": pd.Timestamp(min(calendar.end(number), calendar.day)),
                "customers": int(here["active"].sum()),
                "new_customers": int(here.loc[here["cohort"] == number, "active"].sum()),
                "revenue": total,
                "revenue_before": earlier,
                "share_before": share,
                "lower": np.maximum(share - half, min(share, 0.0)),  # returns bring shares beyond 0..1
                "upper": np.minimum(share + half, max(share, 1.0)),
                "partial": not calendar.is_whole(number),
            }
        )
    return pd.DataFrame(rows)
