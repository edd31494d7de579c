"""The journeys of one period: what reports and key figures are made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.journey.event_log import PURCHASE, STAGES, VISITOR
from crm_analytics.analyses.journey.journey import Journey, journey
from crm_analytics.analyses.journey.journey_map import JourneyMap, journey_map
from crm_analytics.analyses.journey.steps import ordered
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", PURCHASE)
WITHIN, SILENCE = 30.0, 30.0  # days to go on; minutes that end a visit


@dataclass(frozen=True)
class Period:
    """The journeys of one period.

    Attributes
    ----------
    after : the period begins the day after
    events : of `Journey.events`
    steps : of the funnel, those that are in the data
    funnel : None with fewer than two of them
    visitors : journeys of visitors nobody has recognised
    within : days in which somebody must go on
    """

    after: date
    journey: Journey
    map: JourneyMap
    events: pd.DataFrame
    steps: tuple[str, ...]
    funnel: pd.DataFrame | None
    visitors: int
    within: float = WITHIN

    @property
    def tracked(self) -> bool:
        """Whether anything before a purchase is known."""
        return bool((self.events["event"] != PURCHASE).any()) and "events" in self.journey.sources

    @property
    def again(self) -> pd.Series:
        """The stage of the purchase: who buys again."""
        table = self.map.stages
        return table[table["stage"] == STAGES[1]].iloc[0]

    @property
    def worst(self) -> pd.Series | None:
        """The step of the funnel (from the second on) that the fewest take, and `came`, the one before it."""
        table = self.funnel
        if table is None:
            return None
        later = table[(table["step"] > 1) & (table["of"] > 0)]
        if later.empty:
            return None
        row = later.nsmallest(1, "share").iloc[0]
        came = table.loc[table["step"] == row["step"] - 1, "name"].iloc[0]
        return pd.concat([row, pd.Series({"came": came})])


def period_of(
    base: CustomerBase,
    after: date,
    steps: tuple[str, ...] = FUNNEL,
    within: float = WITHIN,
    session_minutes: float = SILENCE,
) -> Period:
    """The journeys of the days after `after`, up to the base's day.

    Raises
    ------
    NotEnoughData : none of the steps of the funnel is in the data of the period.
    """
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
    funnel = made.funnel(have, within) if len(have) > 1 else None
    return Period(after, made, mapped, events, have, funnel, visitors, within)


def stopped_lately(period: Period) -> ir.Table:
    """Customers who came past the first step of the funnel within `within` days and have not bought since.

    Returns
    -------
    customer_id; visitors nobody has recognised are left out, as nobody can write to them
    """
    steps, day = period.journey.table, period.journey.base.day
    begun = ibis.literal(pd.Timestamp(day) - pd.Timedelta(days=period.within - 1))
    middle = [step for step in period.steps[1:] if step != PURCHASE]
    recent = steps.filter(~steps.person.startswith(VISITOR), steps["at"] >= begun)
    at = recent["at"].epoch_seconds()
    each = recent.group_by("person").aggregate(
        stood=at.max(where=recent.event.isin(middle)), bought=at.max(where=recent.event == PURCHASE)
    )
    each = each.filter(each.stood.notnull(), each.bought.isnull() | (each.bought < each.stood))
    return each.select(customer_id=each.person)
