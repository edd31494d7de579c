"""When: time until the next purchase, time until a customer is gone, and what a complaint does to it.

Durations are counted in the engine: a curve needs how many customers share a duration, not who they are.
`kaplan_meier` and `cox` of this folder do the rest, and can be had from here, too.

Where customers simply stay away, leaving is dated with hindsight: it is the last purchase, once `window`
days up to the day have gone by without another. Of the last `window` days nothing of the kind is known, so
everybody is followed up to their beginning (`until`) and no further; who bought after it was still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.survival.cox import Hazards, cox
from crm_analytics.analyses.kaplan_meier import (
    conditional,
    kaplan_meier,
    survival_at,
    time_when,
)
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from datetime import date

    from crm_analytics.tables.customer_base import CustomerBase

__all__ = [
    "Hazards",
    "Survival",
    "conditional",
    "cox",
    "curves",
    "kaplan_meier",
    "leaving",
    "survival_at",
    "time_when",
    "until_next_purchase",
]

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
AT = (30, 90, 180, 365)  # days at which the curves are read
FEW = 30  # customers below which a curve is said to be thin
LAST_NAMED = 4  # purchases from this one on are one group


@dataclass(frozen=True, eq=False)
class Survival(ObjectCard):
    """Curves of how long nothing happens, one a group.

    Attributes
    ----------
    curves : group, time (days), at_risk, events, survival, lower, upper (95 %)
    groups : group, n, events, median, lower, upper (days; NaN: not come down so far), thin
    at : group, time, survival, lower, upper at a few round times; NaN where nobody was followed so long
    event : what is waited for, in words
    until : the day up to which customers were followed
    """

    curves: pd.DataFrame
    groups: pd.DataFrame
    at: pd.DataFrame
    event: str
    until: date

    card_frame = "at"
    plot = Plots("crm_analytics.analyses.churn.pictures", "curves")

    def curve(self, group: str) -> pd.DataFrame:
        """The curve of one group, as `kaplan_meier` gives it."""
        if group not in self.groups["group"].tolist():
            raise ParameterError(f"there is no group {group!r}: {', '.join(self.groups['group'])}")
        own = self.curves[self.curves["group"] == group]
        return own.drop(columns="group").reset_index(drop=True)

    @property
    def words(self) -> tuple[str, ...]:
        """One sentence a group."""
        found = []
        for row in self.groups.to_dict("records"):
            half, thin = "fewer than half so far", ", thin" if row["thin"] else ""
            if np.isfinite(row["median"]):
                upper = f"{row['upper']:.0f}" if np.isfinite(row["upper"]) else "beyond the data"
                half = f"half after {row['median']:.0f} days ({row['lower']:.0f} to {upper})"
            found.append(f"{row['group']}: {self.event}, {half}; n = {row['n']:,}{thin}.")
        return tuple(found)


def curves(
    cells: pd.DataFrame, *, event: str, until: date, at: Sequence[float] = AT, level: float = 0.95
) -> Survival:
    """Curves of counted durations.

    Parameters
    ----------
    cells : group, duration (days), observed (whether the event came), customers; groups keep their order
    event : what is waited for, in words
    until : the day up to which customers were followed
    at : days at which the curves are read

    Raises
    ------
    NotEnoughData : no group has anybody.
    """
    if not len(cells):
        raise NotEnoughData(f"time until {event}", 0, 1)
    found, rows, read = [], [], []
    for group, own in cells.groupby("group", sort=False):
        curve = kaplan_meier(own["duration"], own["observed"], own["customers"], level=level)
        median, lower, upper = time_when(curve)
        n = int(own["customers"].sum())
        rows.append(
            {"group": group, "n": n, "events": int(curve["events"].sum()), "median": median,
             "lower": lower, "upper": upper, "thin": n < FEW}
        )  # fmt: skip
        found.append(curve.assign(group=group))
        read.append(survival_at(curve, at).assign(group=group))
    tables = [pd.concat(parts, ignore_index=True) for parts in (found, read)]
    first = [table[["group", *table.columns.drop("group")]] for table in tables]
    return Survival(first[0], pd.DataFrame(rows), first[1], event, until)


def until_next_purchase(base: CustomerBase) -> Survival:
    """Days from one purchase to the next, after the first purchase, the second, the third, and later ones.

    A purchase that has had no next one up to the day counts as long as it has been waited. Of the later
    ones a customer gives several; the interval takes them as independent and is a little too narrow.

    Raises
    ------
    NotEnoughData : nobody has bought.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"], "unit_spend": [10.0, 20.0, 30.0, 5.0, 4.0],
    ...     "transaction_date": ["2026-01-01", "2026-01-08", "2026-01-02", "2026-01-22", "2026-01-15"]}),
    ...     today="2026-02-01")
    >>> until_next_purchase(base).words[0]
    'after the first purchase: the next purchase, half after 20 days (7 to beyond the data); n = 3, thin.'
    """
    base.require(NEEDS)
    days = _with_next(base)
    waited = days.following.coalesce(ibis.literal(base.day)).delta(days.day, unit="day").cast("int64")
    number = ibis.least(days.number, ibis.literal(LAST_NAMED))
    cells = _counted(days, number=number, duration=waited, observed=days.following.notnull())
    frame = base.collect(cells.order_by("number", "duration", "observed"))
    names = {1: "first", 2: "second", 3: "third", LAST_NAMED: "fourth or a later"}
    frame["group"] = "after the " + frame["number"].map(names) + " purchase"
    return curves(frame, event="the next purchase", until=base.day)


def leaving(base: CustomerBase, window: int, *, by: ir.Table | None = None) -> Survival:
    """Days from the first purchase to the last one of customers who then stayed away for good.

    Parameters
    ----------
    base : a base cut at a day
    window : days without a purchase, up to the day, after which a customer is gone
    by : customer_id and `group`: a curve for each (a channel of acquisition, a segment); of what was known
        at the first purchase, or the groups are the result of what they shall explain. Personal
        attributes need `analyses.disclosure` first. Customers who are not in it are left out

    Returns
    -------
    Survival, followed to `window` days before the day. The curve begins below 1: that many never came back
    after the first purchase. A window shorter than usual pauses takes pauses for leaving.

    Raises
    ------
    ParameterError : the window is no positive number of days.
    NotEnoughData : nobody bought so long ago.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"], "unit_spend": [10.0, 20.0, 30.0, 5.0, 4.0],
    ...     "transaction_date": ["2026-01-01", "2026-01-08", "2026-01-02", "2026-04-22", "2026-01-15"]}),
    ...     today="2026-05-01")
    >>> found = leaving(base, window=60)
    >>> found.until.isoformat(), found.curves[["time", "at_risk", "events"]].values.tolist()
    ('2026-02-21', [[0.0, 3.0, 1.0], [7.0, 2.0, 1.0], [50.0, 1.0, 0.0]])
    """
    one = spans(base, window)
    if by is not None:
        one = one.inner_join(by.select("customer_id", "group"), "customer_id")
    group = one.group.fill_null("unknown") if by is not None else ibis.literal("all customers")
    cells = _counted(one, group=group, duration=one.duration, observed=one.gone)
    frame = base.collect(cells.order_by("group", "duration", "observed"))
    if not len(frame):
        raise NotEnoughData(f"leaving (no purchase for {window} days)", 0, 1)
    return curves(frame, event="the last purchase", until=base.day - timedelta(days=window))


def spans(base: CustomerBase, window: int) -> ir.Table:
    """One row per customer who bought at least a window before the day.

    Columns: customer_id, first_day, duration (days from the first to the last purchase, or to `window` days
    before the day for who was still there), gone (bool).
    """
    if window < 1:
        raise ParameterError(f"window must be 1 day or more, got {window}")
    base.require(NEEDS)
    until = ibis.literal(base.day - timedelta(days=window))
    days = base.exact_occasions
    one = days.group_by("customer_id").aggregate(first_day=days.day.min(), last_day=days.day.max())
    one = one.filter(one.first_day <= until)
    gone = one.last_day <= until
    end = gone.ifelse(one.last_day, until)
    return one.select(
        "customer_id", "first_day", duration=end.delta(one.first_day, unit="day").cast("int64"), gone=gone
    )


def _with_next(base: CustomerBase) -> ir.Table:
    """Occasions with the number of the purchase (from 1) and the day of the next one."""
    days = base.exact_occasions
    window = ibis.window(group_by=days.customer_id, order_by=days.day)
    return days.select(
        "customer_id",
        "day",
        number=ibis.row_number().over(window).cast("int64") + 1,
        following=days.day.lead(1).over(window),
    )


def _counted(table: ir.Table, **keys: ir.Value) -> ir.Table:
    rows = table.select(**keys)
    return rows.group_by(list(keys)).aggregate(customers=rows.count())
