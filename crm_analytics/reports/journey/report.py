"""What the journey report is made from: one whole period, and the one before where there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.journey import PURCHASE, Journey, JourneyMap, journey, journey_map
from crm_analytics.analyses.journey.event_log import VISITOR
from crm_analytics.analyses.journey.steps import ordered
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_few, too_small
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

STAGE_NAMES = {
    "pre_purchase": "before the purchase",
    "purchase": "purchase",
    "post_purchase": "after the purchase",
    "purchase again": "another purchase",
}
NOT_TRACKED = blocks.note(
    "Not known here: only purchases are recorded",
    """It needs the table events: what customers did before and after (timestamp, event, channel, and
    customer_id or anonymous_id).""",
)
FEW = too_few(
    "Too few customers to map a journey",
    """There are {customers}; journeys are mapped from {needed} on. Until then: walk through a purchase
    yourself, and ask three customers.""",
)
NEW, RETURNING = "First-time buyers", "Returning customers"


@dataclass(frozen=True)
class Period:
    """The journeys of one period."""

    after: date  # it begins the day after
    journey: Journey
    map: JourneyMap
    events: pd.DataFrame
    steps: tuple[str, ...]  # of the funnel, those that are in the data
    funnel: pd.DataFrame | None
    visitors: int

    @property
    def tracked(self) -> bool:
        """Whether anything before a purchase is known."""
        return bool((self.events["event"] != PURCHASE).any()) and "events" in self.journey.sources


@dataclass(frozen=True, kw_only=True, eq=False)
class JourneyReport(Report):
    """Everything the sections show."""

    now: Period
    before: Period | None
    within: float

    @property
    def tracked(self) -> Period | None:
        """The last period, where anything before a purchase is known of it."""
        return self.now if self.now.tracked else None


def prepare(
    base: CustomerBase,
    *,
    funnel: str = "Product Viewed -> Product Added -> Checkout Started -> Order Completed",
    within: float = 30.0,
    session_minutes: float = 30.0,
    compare_to: str = "-52w",
    show_customers: bool = False,
) -> JourneyReport | SmallReport:
    """Put the steps of the last period in order, and of the one before where the data reach so far.

    Parameters
    ----------
    funnel : events in order, with "->" between; those that are not in the data are passed over
    within : days in which a customer must go on to the next stage to count
    session_minutes : a silence longer than this begins a new session
    compare_to : length of the period ("-52w"), and how far back the one before ends

    Returns
    -------
    the small form, too, where the last period holds none of the steps: only returns, say
    """
    if small := too_small(base, show_customers):
        return small
    steps = tuple(step.strip() for step in funnel.split("->") if step.strip())
    start = shift(base.day, compare_to)
    whole = start >= base.first_day - timedelta(days=1)
    after = start if whole else base.first_day - timedelta(days=1)
    period = partial(_period, steps=steps, within=within, session_minutes=session_minutes)
    now = attempt({}, "now", lambda: period(base, after), NotEnoughData)
    if now is None:
        nothing = f"No step of the funnel has been recorded after {words.date(after)}"
        return SmallReport(base=base, show_customers=show_customers, seen=overview(base), nothing=nothing)
    before, past = None, base.earlier(compare_to) if whole else None
    if past is not None and shift(past.day, compare_to) >= base.first_day - timedelta(days=1):
        before = attempt({}, "before", partial(period, past, shift(past.day, compare_to)))
    return JourneyReport(base=base, show_customers=show_customers, now=now, before=before, within=within)


def _period(
    base: CustomerBase, after: date, steps: tuple[str, ...], within: float, session_minutes: float
) -> Period:
    made = journey(base, session_minutes=session_minutes)
    later = made.table["at"].date() > ibis.literal(after)  # the stage of a step rests on the whole past
    table = shared(made.table.filter(later), "event", ON_A_PAGE, "person")  # a rare name may be somebody's
    made = replace(made, table=ordered(table)).kept()
    events = made.events()
    have = tuple(step for step in steps if step in set(events["event"]))
    if not have:
        raise NotEnoughData("A funnel", 0, 1, "steps")
    mapped = journey_map(made, within=within, minimum=ON_A_PAGE)
    first = made.table.filter((made.table.position == 1) & made.table.person.startswith(VISITOR))
    visitors = int(first.count().to_pyarrow().as_py())
    return Period(
        after, made, mapped, events, have, made.funnel(have, within) if len(have) > 1 else None, visitors
    )


def segments_before(report: JourneyReport, period: Period) -> ir.Table:
    """customer_id, segment: the RFM segment when the period began; first-time buyers have their own.

    What happens in the period cannot move anybody into a segment, so segments may be compared by it.
    """
    base = report.base
    known = base.purchase_history.filter(lambda t: t.first_day.notnull())
    new = known.filter(known.first_day > ibis.literal(period.after)).select(
        "customer_id", segment=ibis.literal(NEW)
    )
    if period.after < base.first_day:
        return new
    past = base.as_of(period.after)
    scores = attempt({}, "segments", lambda: rfm.score(past))
    if scores is not None:
        return new.union(scores.customers.select("customer_id", "segment"))
    old = past.purchase_history.filter(lambda t: t.first_day.notnull())
    return new.union(old.select("customer_id", segment=ibis.literal(RETURNING)))
