"""Key figures of working together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.collaboration.contacts import contacts, teams_seen
from crm_analytics.analyses.collaboration.coordination import (
    Rate,
    contradictions,
    hand_offs,
    repeated_questions,
)
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.kpi import DOWN, SHARE, Kpi, refused
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

COLLABORATION = "collaboration"  # the report that explains them


def seen_by_one_team(given: Measured) -> Kpi:
    """Share of the customers met in the last year whom one team alone met."""
    found = teams_seen(given.base, contacts(given.base))
    of, n = int(found["customers"].sum()), int(found.loc[found["teams"] == 1, "customers"].sum())
    if not of:
        return refused("seen_by_one_team", SHARE, DOWN, "nobody was met in the last year", COLLABORATION)
    if n == of and found["team"].nunique() == 1:  # nothing is told of teams that leave no trace
        return refused(
            "seen_by_one_team", SHARE, DOWN, "the data hold contacts of one team alone", COLLABORATION
        )
    low, high = wilson(n, of)
    return Kpi("seen_by_one_team", SHARE, DOWN, n / of, of, low, high, explained_in=COLLABORATION)


def contradictory_messages(given: Measured) -> Kpi:
    """Share of campaign messages of the last year that were sent while a complaint was open or young."""
    return _rate("contradictory_messages", lambda: contradictions(given.base)[0][0])


def tickets_handed_over(given: Measured) -> Kpi:
    """Share of the tickets solved in the last year that went from one person to another."""
    return _rate("tickets_handed_over", lambda: hand_offs(given.base)[0])


def questions_asked_again(given: Measured) -> Kpi:
    """Share of the last year's tickets that repeat one of the same customer within 30 days."""
    return _rate("questions_asked_again", lambda: repeated_questions(given.base))


def _rate(name: str, make: Callable[[], Rate]) -> Kpi:
    try:
        found = make()
    except DataError as error:
        return refused(name, SHARE, DOWN, str(error), COLLABORATION)
    low, high = found.interval
    return Kpi(name, SHARE, DOWN, found.share, found.of, low, high, explained_in=COLLABORATION)


KPIS = (seen_by_one_team, contradictory_messages, tickets_handed_over, questions_asked_again)
