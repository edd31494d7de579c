"""What each path is like: length, duration, active days, sessions, and how often each event."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_analytics.analyses.journey.event_log import PURCHASE
from crm_analytics.analyses.journey.steps import Steps

if TYPE_CHECKING:
    import ibis.expr.types as ir


def column_of(event: str) -> str:
    """The name of an event's column.

    >>> column_of("Survey Answered: nps")
    'n_survey_answered_nps'
    """
    return "n_" + re.sub(r"\W+", "_", event.lower()).strip("_")


def metrics(journey: Steps, events: Sequence[str] = ()) -> ir.Table:
    """One row per path.

    Parameters
    ----------
    events : whose number is counted; by default none

    Returns
    -------
    path, person, length (steps), distinct_events, sessions, active_days, first_at, last_at, duration
    (seconds from the first to the last step), purchases, value (money, DECIMAL), seconds_to_purchase (from
    the first step to the first purchase; NULL without), and for each event ``n_<event>``

    Raises
    ------
    ParameterError : an unknown event
    """
    for event in events:
        journey.known(event)
    steps = journey.table
    bought = steps.event == PURCHASE
    at = steps["at"]
    return steps.group_by("path", "person").aggregate(
        length=steps.count(),
        distinct_events=steps.event.nunique(),
        sessions=steps.session.nunique(),
        active_days=at.date().nunique(),
        first_at=at.min(),
        last_at=at.max(),
        duration=at.epoch_seconds().max() - at.epoch_seconds().min(),
        purchases=bought.sum().cast("int64"),
        value=steps.value.sum(),
        seconds_to_purchase=at.epoch_seconds().min(where=bought) - at.epoch_seconds().min(),
        **{column_of(event): (steps.event == event).sum().cast("int64") for event in events},
    )


NUMBERS = ("length", "distinct_events", "sessions", "active_days", "duration", "purchases", "value")
