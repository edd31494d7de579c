"""The groups that every report acts on, so that the same customers are never mailed on one page and spared on
another.

Whether a contact pays is asked of each customer: the revenue still expected of them while a contact works ×
margin × effect, less the cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.actions import Action, Expected, expected_margin, ranked
from crm_analytics.analyses.contact_effect import (
    MEASURED,
    contact_cost,
    contact_effect,
    effects_by_standing,
    fixed,
)
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.analyses.margin import margin_share
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.value_to_come import HORIZON, UNIT, value_to_come
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.contact_effect import ContactCost, ContactEffect
    from crm_analytics.analyses.value_to_come import ValueToCome
    from crm_analytics.tables.customer_base import CustomerBase

BEST, PAYS, NEVER = "best", "pays", "does not pay"
WORKS = (13, UNIT)  # how long a contact is taken to work
TELLS = 20  # customers, from which on holding half back can show something
EFFECTS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)  # of a contact, from hardly any to a great one
TOP = 0.2  # share of active customers, by value to come, that are looked after first


@dataclass(frozen=True, eq=False)
class Audiences(ObjectCard):
    """Every buyer with their standing and whether a contact pays.

    Attributes
    ----------
    customers : customer_id, silence_days, standing, value_soon (revenue expected while a contact works),
        value_to_come (of the horizon), group ("best": the active fifth with most to come; "pays"; "does not
        pay")
    near : the forecast of the weeks that a contact works
    effect, cost, margin : what decides whether it pays; the effect over all members of past campaigns
    effects : standing -> the effect on customers of it; empty where nothing was measured
    """

    customers: ir.Table
    near: ValueToCome
    effect: ContactEffect
    cost: ContactCost
    margin: float | None
    effects: Mapping[str, ContactEffect] = field(default_factory=dict)

    def effect_on(self, standings: Sequence[str]) -> ContactEffect:
        """The effect on customers of one standing, as measured on such; of several, that over all members."""
        return self.effects.get(standings[0], self.effect) if len(standings) == 1 else self.effect

    def of(self, standing: str, *groups: str) -> ir.Table:
        """Customers of a standing and of some groups."""
        table = self.customers
        return table.filter(table.standing == standing, table.group.isin(list(groups)))


def audiences(given: Measured, near: ValueToCome, effect: ContactEffect, cost: ContactCost) -> Audiences:
    """Sort the buyers of a base into those a contact pays for and those it does not.

    Parameters
    ----------
    given : of the base, with its forecast
    near : the forecast of the weeks that a contact works, such as 13
    effect, cost : of a contact

    Raises
    ------
    ValueError : there is no forecast to sort by.
    """
    if given.outlook is None:
        raise ValueError("audiences need a forecast")
    soon = near.scored.select("customer_id", value_soon=near.scored.value_to_come)
    ahead = given.outlook.scored.select("customer_id", "value_to_come")
    table = given.standings.inner_join(soon, "customer_id").inner_join(ahead, "customer_id")
    table = table.select("customer_id", "silence_days", "standing", "value_soon", "value_to_come")
    effects = {} if effect.source != MEASURED else effects_by_standing(given.base, given.definitions, effect)
    by_standing = [(table.standing == name, max(one.value, 0.0)) for name, one in effects.items()]
    works = ibis.cases(*by_standing, else_=max(effect.value, 0.0)) if by_standing else max(effect.value, 0.0)
    gain = table.value_soon * (given.margin if given.margin is not None else 1.0) * works
    place = ibis.percent_rank().over(
        group_by=table.standing, order_by=[ibis.desc("value_to_come"), "customer_id"]
    )
    active = table.standing == ACTIVE
    group = ibis.cases((active & (place < TOP), BEST), (gain > (cost.amount or 0.0), PAYS), else_=NEVER)
    sorted_ = given.base.materialise(table.mutate(group=group))
    return Audiences(sorted_, near, effect, cost, given.margin, effects)


def spared_of(base: CustomerBase) -> ir.Table | None:
    """customer_id of those whom no page writes to, for a contact costs more than it can bring.

    None where nothing can be forecast.
    """
    try:
        outlook = value_to_come(base, HORIZON)
    except NotEnoughData:
        return None
    given = Measured(base, outlook=outlook, margin=margin_share(base))
    found = audiences(given, outlook.over(WORKS), contact_effect(base), contact_cost(base))
    return found.customers.filter(found.customers.group == NEVER).select("customer_id")


def next_actions(found: Audiences) -> list[Action]:
    """What to do with them: look after the best, try to reach those at risk, leave the lapsed alone.

    A contact whose effect is not told apart from none is a test and not a mailing: half of the list is held
    back, so that the next report knows more.
    """
    actions = [
        contact(
            found,
            "best",
            "account_managers",
            {"standing": (ACTIVE,), "group": (BEST,)},
            found.of(ACTIVE, BEST),
        ),
        contact(
            found, "at_risk", "campaigns", {"standing": (AT_RISK,), "group": (PAYS,)}, found.of(AT_RISK, PAYS)
        ),
    ]
    spared = found.of(LAPSED, NEVER)
    n = int(spared.count().to_pyarrow().as_py())
    whom = {"standing": (LAPSED,), "group": (NEVER,)}
    spare = Action("leave_alone", "campaigns", "leave_alone", whom, n, "", None, None, found.cost, spared)
    return [*ranked(action for action in actions if action.customers), *([spare] if n else [])]


def contact(
    found: Audiences, name: str, who: str, whom: Mapping[str, Sequence[str]], audience: ir.Table
) -> Action:
    """Write to some customers; half of them are held back, unless a contact is shown to bring something.

    Nobody is held back of fewer than `TELLS`: so few show nothing.

    Parameters
    ----------
    name : of the action and of its list
    who : role of the catalogues
    whom : what describes the customers, see `Action`
    audience : customer_id and whatever the list shows; part of `found.customers`
    """
    n = int(audience.count().to_pyarrow().as_py())
    effect = found.effect_on(whom.get("standing", ()))
    if not n:
        return Action(name, who, "test", whom, 0, name, None, effect, found.cost, audience)
    whole_value = _value_of(found, audience)

    def worth(contacted: int) -> Expected:
        value, low, high = (amount * contacted / n for amount in whole_value)
        return expected_margin(value, low, high, contacted, found.margin, effect, found.cost)

    whole = Action(name, who, "write", whom, n, name, worth(n), effect, found.cost, audience)
    if whole.evidence is Evidence.SHOWN or n < TELLS:
        return whole
    return replace(whole, verb="test", expected=worth(n - held_back(n)))


def _value_of(found: Audiences, audience: ir.Table) -> tuple[float, float, float]:
    """Revenue expected of some customers while a contact works, with its interval."""
    row = found.near.of_groups(audience.select("customer_id", segment=ibis.literal("all"))).iloc[0]
    return float(row["value"]), float(row["lower"]), float(row["upper"])


@dataclass(frozen=True, eq=False)
class ByEffect(ObjectCard):
    """What contacting some customers brings, were a contact to work so well.

    Attributes
    ----------
    customers : contacted
    table : effect, expected, lower, upper (margin less cost; the interval is that of the forecast alone)
    pays_from : the effect at which margin equals cost; infinite where nothing is to come
    """

    customers: int
    table: pd.DataFrame
    pays_from: float


def by_effect(found: Audiences, audience: ir.Table, effects: Sequence[float] = EFFECTS) -> ByEffect | None:
    """Expected margin of contacting some customers at several effects of a contact.

    None where the margin or the cost of a contact is not known, or nobody is meant: then no effect pays or
    fails to.

    Parameters
    ----------
    audience : customer_id and whatever else; part of `found.customers`
    effects : shares of purchases added
    """
    n, cost = int(audience.count().to_pyarrow().as_py()), found.cost
    if found.margin is None or cost.amount is None or not n:
        return None
    value, low, high = _value_of(found, audience)
    each = [expected_margin(value, low, high, n, found.margin, fixed(effect), cost) for effect in effects]
    table = pd.DataFrame(
        {
            "effect": effects,
            "expected": [one.value for one in each],
            "lower": [one.lower for one in each],
            "upper": [one.upper for one in each],
        }
    )
    gained = value * found.margin
    return ByEffect(n, table, n * cost.amount / gained if gained > 0 else math.inf)


def held_back(customers: int) -> int:
    """How many of a list are held back, so that the next report can tell what a contact brought: half.

    >>> held_back(491), held_back(1)
    (245, 0)
    """
    return customers // 2
