"""What a complaint does to leaving, without the time a customer had to live to complain.

Who complains has bought, and who has bought long has had more occasions to complain. To compare customers who
ever complained with the others would count the time before the complaint, in which nobody of the first could
have left, for the complaint (immortal time; Suissa 2008, *Am. J. Epidemiology* 167, 492-499). Three things
are done here:

- a customer stands with those without a complaint until the purchase complained of, and changes sides there;
- whoever leaves on that very purchase has no time behind it, as whoever never returns after the first
  purchase has none. Such leavings are in no hazard; `purchases` shows them beside all others;
- who buys often complains more and leaves later. So customers are compared within groups of equal pace:
  purchases in the first `pace` days, known before the comparison begins on that day.

A pause is no leaving: where one in five of those called gone come back, the ratio is drawn towards 1, for
complaints bring no pauses. So a customer is gone only after a silence from which under one in twenty return
(`gone_after`), which is longer than the silence of the word *lapsed*.

What remains: customers of equal pace still differ in how apt they are to leave, and those most apt leave
first, more so after a complaint (Vaupel & Yashin 1985, *Am. Statistician* 39, 176-185). So the ratio,
an average over customers at equal age, is nearer to 1 than what a complaint does to one customer. It is no
experiment: whatever else brings complaints and leaving together is in the ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses.churn.survival.cox import EVENTS_EACH, Hazards, cox
from crm_analytics.analyses.churn.survival.survival import spans
from crm_analytics.analyses.definitions import return_curve
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"tickets": ("customer_id", "created_at", "is_complaint")}
PACE = 90  # days
GONE_SHARE = 0.05  # of customers silent so long, the share that still buys again within a year
LONGEST = 0.5  # of the history: a longer silence leaves too little time in which customers are watched
UNKNOWN = 180  # days, where the base has no return curve
MOST = 6  # purchases in them from which on the pace is one group
FIRST, BEFORE = "first complained of", "before any complaint"


@dataclass(frozen=True, eq=False)
class AfterComplaint(ObjectCard):
    """How a first complaint changes leaving.

    Attributes
    ----------
    hazards : the Cox regression; its only feature is `complained`
    spells : complained, customers, days (at risk), left
    purchases : kind ("first complained of", "before any complaint"), purchases, last (after which nothing
        was bought for good), share, lower, upper (95 %, Wilson)
    window, pace : days
    back : of customers silent for a window, the share that buys again within a year; NaN where not known
    """

    hazards: Hazards
    spells: pd.DataFrame
    purchases: pd.DataFrame
    window: int
    pace: int
    back: float = float("nan")

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        row = self.hazards.table.iloc[0]
        ratio = f"{row['hazard_ratio']:.1f} times ({row['lower']:.1f} to {row['upper']:.1f})"
        left = int(self.spells.loc[self.spells["complained"], "left"].iloc[0])
        if row["lower"] <= 1 <= row["upper"]:
            return (
                f"No effect of a complaint on leaving is shown: {ratio} the hazard, {left:,} left after one."
            )
        return f"After a first complaint customers of equal pace leave at {ratio} the rate; {left:,} did."


def gone_after(base: CustomerBase) -> int:
    """Days of silence after which a customer is gone for good: under one in twenty buy again within a year.

    At most half of the history; 180 days where the base has no return curve.
    """
    longest = max(1, int(LONGEST * (base.day - base.first_day).days))
    silence = np.arange(1, longest + 1)
    back = _coming_back(base, silence)
    if back is None:
        return min(UNKNOWN, longest)
    few = back < GONE_SHARE
    return int(silence[few.argmax()]) if few.any() else longest


def _coming_back(base: CustomerBase, silence: np.ndarray) -> np.ndarray | None:
    try:
        return return_curve(base).back_within(silence)
    except NotEnoughData:
        return None


def after_complaint(base: CustomerBase, window: int | None = None, *, pace: int = PACE) -> AfterComplaint:
    """The hazard of leaving after the first complaint against before, at equal age and pace.

    Parameters
    ----------
    base : a base with tickets, cut at a day
    window : days without a purchase, up to the day, after which a customer is gone; None: `gone_after`
    pace : days after the first purchase in which purchases are counted; the comparison begins after them.
        0 compares everybody with everybody, from the first purchase

    Returns
    -------
    AfterComplaint

    Raises
    ------
    DataError : the base has no tickets that tell complaints.
    NotEnoughData : fewer than 10 customers left after a complaint.
    ParameterError : window or pace is no number of days.
    """
    if pace < 0:
        raise ParameterError(f"pace must be 0 days or more, got {pace}")
    base.require(NEEDS)
    window = gone_after(base) if window is None else window
    one = base.materialise(_with_complaint(base, spans(base, window), pace))
    cells = base.collect(_cells(one, pace))
    left = int(cells.loc[cells["complained"] & cells["event"], "customers"].sum())
    if left < EVENTS_EACH:
        raise NotEnoughData("the effect of a complaint", left, EVENTS_EACH, "customers who left after one")
    before = int(cells.loc[~cells["complained"].astype(bool), "customers"].sum())
    if not before:
        raise NotEnoughData("the effect of a complaint", before, 1, "customers followed before any complaint")
    cells = cells.assign(complained=cells["complained"].astype(int))
    found = cox(cells, features=["complained"], entry="entry", strata="pace", count="customers")
    back = _coming_back(base, np.array([window]))
    share = float("nan") if back is None else float(back[0])
    return AfterComplaint(found, _summed(cells), _purchases(base, one), window, pace, share)


def _with_complaint(base: CustomerBase, one: ir.Table, pace: int) -> ir.Table:
    """Columns added to `spans`: complained_on (the day of that purchase), since (days), pace."""
    tickets = base.tables["tickets"]
    tickets = tickets.filter(tickets.is_complaint & tickets.customer_id.notnull())
    first = tickets.group_by("customer_id").aggregate(told=tickets.created_at.min().date())
    days = base.exact_occasions.select("customer_id", "day")
    bought = days.inner_join(first, "customer_id")
    bought = (
        bought.filter(bought.day <= bought.told).group_by("customer_id").aggregate(at=lambda t: t.day.max())
    )
    told = first.left_join(bought, "customer_id").select("customer_id", "told", "at")
    early = days.inner_join(one.select("customer_id", "first_day"), "customer_id")
    early = early.filter(early.day.delta(early.first_day, unit="day") <= pace)
    early = early.group_by("customer_id").aggregate(early=early.count())
    joined = one.left_join(told, "customer_id").drop("customer_id_right")
    joined = joined.left_join(early, "customer_id").drop("customer_id_right")
    # a complaint before the first purchase was there from the beginning
    on = ibis.greatest(joined.at.coalesce(joined.told), joined.first_day)
    on = joined.told.isnull().ifelse(ibis.null("date"), on)
    counted = ibis.least(joined.early.cast("int64"), ibis.literal(MOST).cast("int64"))
    return joined.select(
        "customer_id",
        "first_day",
        "duration",
        "gone",
        complained_on=on,
        since=on.delta(joined.first_day, unit="day").cast("int64"),
        pace=counted if pace else ibis.literal(0, "int64"),
    )


def _cells(one: ir.Table, pace: int) -> ir.Table:
    """Spells before and after the first complaint, counted."""
    start = ibis.literal(pace, "int64")
    complained = one.since.notnull() & (one.since <= one.duration)
    before = one.select(
        "pace",
        complained=ibis.literal(False),
        entry=start,
        duration=complained.ifelse(one.since, one.duration),
        event=one.gone & ~complained,
    )
    late = one.filter(complained & (one.since < one.duration))
    after = late.select(
        "pace",
        complained=ibis.literal(True),
        entry=ibis.greatest(late.since, start),
        duration=late.duration,
        event=late.gone,
    )
    spells = before.union(after)
    spells = spells.filter(spells.duration > spells.entry)
    keys = ["pace", "complained", "entry", "duration", "event"]
    return spells.group_by(keys).aggregate(customers=spells.count()).order_by(keys)


def _summed(cells: pd.DataFrame) -> pd.DataFrame:
    days = (cells["duration"] - cells["entry"]) * cells["customers"]
    complained = cells["complained"].astype(bool)
    frame = pd.DataFrame(
        {"complained": complained, "customers": cells["customers"], "days": days,
         "left": cells["customers"].where(cells["event"], 0)}
    )  # fmt: skip
    return frame.groupby("complained", as_index=False).sum()


def _purchases(base: CustomerBase, one: ir.Table) -> pd.DataFrame:
    """How often a purchase was the last for good: those first complained of, and those before any."""
    days = base.exact_occasions.inner_join(one, "customer_id")
    age = days.day.delta(days.first_day, unit="day")
    days = days.filter((age <= days.duration) & (days.since.isnull() | (age <= days.since)))
    age = days.day.delta(days.first_day, unit="day")
    first = (age == days.since).fill_null(False)
    kind = first.ifelse(ibis.literal(FIRST), ibis.literal(BEFORE))
    rows = days.select(kind=kind, last=(days.gone & (age == days.duration)).cast("int64"))
    counted = rows.group_by("kind").aggregate(purchases=rows.count(), last=rows["last"].sum())
    frame = base.collect(counted).set_index("kind").reindex([FIRST, BEFORE]).dropna().astype("int64")
    frame["share"] = frame["last"] / frame["purchases"]
    bounds = [wilson(int(k), int(n)) for k, n in zip(frame["last"], frame["purchases"], strict=True)]
    frame["lower"], frame["upper"] = (list(side) for side in zip(*bounds, strict=True))
    return frame.reset_index(names="kind")
