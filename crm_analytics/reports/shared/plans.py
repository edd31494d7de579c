"""What the reports of a base plan from: key figures, groups, actions, made once and in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.audiences import WORKS, Audiences, audiences, next_actions
from crm_analytics.analyses.contact_effect import (
    STATED_EFFECT,
    ContactCost,
    ContactEffect,
    contact_cost,
    contact_effect,
)
from crm_analytics.analyses.definitions import AT_RISK
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.value_to_come import HORIZON, ValueToCome, value_to_come
from crm_analytics.errors import NotEnoughData
from crm_analytics.reports.shared.margin import margin_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True, eq=False)
class Plans:
    """What a report plans from.

    Attributes
    ----------
    given : the base's words, standings, forecast and periods
    effect, cost : of a contact
    audiences : the groups; None without a forecast
    actions : ranked
    """

    given: Measured
    effect: ContactEffect
    cost: ContactCost
    audiences: Audiences | None
    actions: tuple[Action, ...]


def plans(
    base: CustomerBase,
    *,
    span: str = "-13w",
    outlook: ValueToCome | None = None,
    no_outlook: str = "",
    effect: float = STATED_EFFECT,
) -> Plans:
    """Plan from a base at its day.

    Parameters
    ----------
    span : length of the last period
    outlook : a forecast that is made already; by default it is made here
    no_outlook : why there is none, where it was tried already
    effect : of a contact, where none was measured
    """
    if outlook is None and not no_outlook:
        try:
            outlook = value_to_come(base, HORIZON)
        except NotEnoughData as error:
            no_outlook = str(error)
    margin = margin_of(base).share
    given = Measured(base, span, outlook, no_outlook, margin)
    effects, cost = contact_effect(base, effect), contact_cost(base)
    if outlook is None:
        return Plans(given, effects, cost, None, _unpriced(given, effects, cost))
    near = outlook.over(WORKS)
    found = audiences(given, near, effects, cost)
    return Plans(given, effects, cost, found, tuple(next_actions(found)))


def _unpriced(given: Measured, effect: ContactEffect, cost: ContactCost) -> tuple[Action, ...]:
    """Without a forecast nothing can be said in money: who is at risk is known all the same."""
    if given.definitions.at_risk_days is None:
        return ()
    table: ir.Table = given.standings.filter(given.standings.standing == AT_RISK)
    n = given.standing_counts.get(AT_RISK, 0)
    whom = {"standing": (AT_RISK,)}
    return (Action("at_risk", "campaigns", "test", whom, n, "at_risk", None, effect, cost, table),)
