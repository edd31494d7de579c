"""Actions as data: who does what to whom, what it can still bring, and whether two actions contradict.

An action is ranked by the margin it can still bring: value to come × margin × effect of a contact, less the
cost. What customers spent so far is history and ranks nothing. Reports word an action; what it is stands
here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.contact_effect import ContactCost, ContactEffect

CONTACT = ("write", "call", "test", "thank")  # verbs that reach a customer
SPARE = ("leave_alone",)  # verbs that forbid it
DRAWN = ("test", "hold_back")  # verbs whose list says for each customer which half the lot drew
VERBS = (*CONTACT, *SPARE, "hold_back", "prepare")
NO_MARGIN, NO_COST = "margin", "cost"  # what an expected value leaves out


@dataclass(frozen=True)
class Expected:
    """What an action can still bring: money with its 95 % interval.

    Attributes
    ----------
    value, lower, upper : margin less cost; revenue where the margin is not known
    without : what is not in it because nobody knows: "margin", "cost"
    """

    value: float
    lower: float
    upper: float
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action(ObjectCard):
    """One thing to do.

    Attributes
    ----------
    id : of the message that words it
    who : role, of the catalogues: "account_managers", "campaigns", "everyone"
    verb : one of `VERBS`
    whom : word -> values that describe the customers: ``{"standing": ("at risk",)}``. Two groups may share
        customers unless a word that both use has no value in common
    customers : how many
    list_name : of the list beside the page; empty without one
    expected : None where nothing can be said of it
    effect, cost : what the expectation rests on
    audience : customer_id of those meant, as an engine table; not part of what is recorded
    """

    id: str
    who: str
    verb: str
    whom: Mapping[str, Sequence[str]]
    customers: int
    list_name: str = ""
    expected: Expected | None = None
    effect: ContactEffect | None = None
    cost: ContactCost | None = None
    audience: ir.Table | None = field(default=None, compare=False, repr=False)

    @property
    def evidence(self) -> Evidence:
        """Whether it is shown to bring something."""
        if self.expected is None:
            return Evidence.CANNOT_BE_TOLD
        found = self.expected
        return grade(found.value, found.lower, found.upper, max(self.customers, 30))

    def facts(self) -> dict[str, Any]:
        """The action for manifests and neighbours: plain values, no customer."""
        said: dict[str, Any] = {
            "id": self.id,
            "who": self.who,
            "verb": self.verb,
            "whom": "; ".join(f"{word}={','.join(values)}" for word, values in sorted(self.whom.items())),
            "customers": self.customers,
            "list": self.list_name,
        }
        if self.expected is not None:
            said |= {
                "expected": self.expected.value,
                "expected_lower": self.expected.lower,
                "expected_upper": self.expected.upper,
                "expected_without": ",".join(self.expected.without),
            }
        if self.effect is not None:
            said |= {"effect": self.effect.value, "effect_source": self.effect.source}
        if self.cost is not None:
            said |= {"cost": self.cost.amount, "cost_source": self.cost.source}
        return said


def expected_margin(  # noqa: PLR0917
    value: float,
    lower: float,
    upper: float,
    customers: int,
    margin: float | None,
    effect: ContactEffect,
    cost: ContactCost,
) -> Expected:
    """Value to come × margin × effect, less the cost of so many contacts.

    The interval takes the value to come and the effect as independent, and spreads both linearly (the delta
    method); margin and cost are taken as known.

    Parameters
    ----------
    value, lower, upper : revenue to come from these customers while a contact works, with its interval
    customers : contacted
    margin : share of revenue left; None: revenue is given, and `without` says so

    Examples
    --------
    >>> from crm_analytics.analyses.contact_effect import ContactCost, ContactEffect
    >>> found = expected_margin(10_000, 8_000, 12_000, 100, 0.5, ContactEffect(0.05, 0.0, 0.1, "stated"),
    ...                         ContactCost(1.0, "stated"))
    >>> round(found.value), round(found.lower), round(found.upper)
    (150, -105, 405)
    """
    share = 1.0 if margin is None else margin
    spent = customers * (cost.amount or 0.0)
    middle = share * value * effect.value - spent
    by_effect = share * value * (effect.upper - effect.lower) / (2 * Z95)
    by_value = share * effect.value * (upper - lower) / (2 * Z95)
    half = Z95 * math.hypot(by_effect, by_value)
    without = [NO_MARGIN] * (margin is None) + [NO_COST] * (cost.amount is None)
    return Expected(middle, middle - half, middle + half, tuple(without))


def ranked(actions: Iterable[Action]) -> list[Action]:
    """The most to gain first; what cannot be told in money comes last, in the order given.

    What is not expected to bring more than it costs is not offered at all.

    >>> ask = Action("ask", "everyone", "call", {}, 9)
    >>> gain, loss = (Action(n, "everyone", "write", {}, 9, expected=Expected(x, x - 5, x + 5))
    ...               for n, x in (("gain", 3.0), ("loss", -3.0)))
    >>> [action.id for action in ranked([ask, loss, gain])]
    ['gain', 'ask']
    """
    offered = [action for action in actions if action.expected is None or action.expected.value > 0]
    return sorted(offered, key=lambda a: -math.inf if a.expected is None else a.expected.value, reverse=True)


@dataclass(frozen=True)
class Contradiction:
    """Two actions of one base and day that cannot both be right: one reaches customers the other spares."""

    contact: str
    spare: str


def contradictions(facts: Iterable[Mapping[str, Any]]) -> list[Contradiction]:
    """Pairs of actions that contradict, from what reports of one base and day recorded.

    Parameters
    ----------
    facts : of `Action.facts`, of all reports together

    Examples
    --------
    >>> mail = {"id": "segments.write", "verb": "write", "whom": "standing=lapsed"}
    >>> spare = {"id": "value.spare", "verb": "leave_alone", "whom": "orders=once; standing=lapsed"}
    >>> contradictions([mail, spare])
    [Contradiction(contact='segments.write', spare='value.spare')]
    >>> contradictions([mail | {"whom": "standing=at risk"}, spare])
    []
    """
    known = list(facts)
    reached = [fact for fact in known if fact["verb"] in CONTACT]
    spared = [fact for fact in known if fact["verb"] in SPARE]
    return [
        Contradiction(a["id"], b["id"])
        for a in reached
        for b in spared
        if _may_share(_group(a["whom"]), _group(b["whom"]))
    ]


def _group(said: str) -> dict[str, set[str]]:
    parts = (part.split("=", 1) for part in said.split("; ") if part)
    return {word: set(values.split(",")) for word, values in parts}


def _may_share(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> bool:
    return all(one[word] & other[word] for word in one.keys() & other.keys())


@dataclass(frozen=True)
class Agreed:
    """The actions of several reports of one base and day, made one list.

    Attributes
    ----------
    actions : facts, the most margin still to come first; what cannot be told in money comes last
    disputed : pairs that contradict; neither stands in `actions`
    """

    actions: tuple[Mapping[str, Any], ...]
    disputed: tuple[Contradiction, ...]


def agreed(facts: Iterable[Mapping[str, Any]]) -> Agreed:
    """One list of what several reports advise: each thing once, nothing that another report forbids.

    Two facts are the same thing where verb and customers are the same. Of these the one whose effect was
    measured counts, else the first.

    Parameters
    ----------
    facts : of `Action.facts`, of all reports together; an id names its report, too

    Examples
    --------
    >>> mail = {"id": "a.write", "verb": "write", "whom": "standing=at risk", "customers": 9, "expected": 5.0}
    >>> call = {"id": "a.call", "verb": "call", "whom": "group=best", "customers": 2, "expected": 50.0}
    >>> [fact["id"] for fact in agreed([mail, call, mail | {"id": "b.write"}]).actions]
    ['a.call', 'a.write']
    >>> spare = {"id": "b.spare", "verb": "leave_alone", "whom": "standing=at risk", "customers": 9}
    >>> agreed([mail, spare]).actions
    ()
    """
    known = list(facts)
    disputed = tuple(contradictions(known))
    out = {name for pair in disputed for name in (pair.contact, pair.spare)}
    measured_first = sorted(known, key=lambda fact: fact.get("effect_source", "stated") == "stated")
    once: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for fact in measured_first:
        if fact["id"] not in out:
            once.setdefault((fact["verb"], fact["whom"], fact["whom"] or fact["id"]), fact)
    worth = sorted(once.values(), key=_expected_first)
    return Agreed(tuple(worth), disputed)


def _expected_first(fact: Mapping[str, Any]) -> float:
    found = fact.get("expected")
    return math.inf if found is None else -float(found)
