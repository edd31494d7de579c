"""The ordered, replaceable rules that name a customer's stage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.customer_rules import check_field, conditions, ranges, rules_as_said
from crm_analytics.analyses.rfm.rules import INFINITY, Rhythm
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.definitions import Definitions
    from crm_analytics.tables.customer_base import CustomerBase

PROSPECT = "Prospect"
NEW, ACTIVE, LOYAL = "New", "Active", "Loyal"
AT_RISK, LAPSED, WON_BACK = "At risk", "Lapsed", "Won back"
OTHERS = "Others"
FIELDS = ("recency_days", "order_count", "gap_days", "revenue")
LOYAL_ORDERS = 4


@dataclass(frozen=True)
class StageRule:
    """A stage and the ranges (both ends included) a buyer must lie in to be in it.

    Fields: recency_days (days since the last purchase), order_count (purchase occasions so far),
    gap_days (days between the last two; a buyer with one purchase fits no range of it), revenue (net, up
    to the last purchase); and any column of `customers` that does not name one person, with a value, several
    values, or a span as text, by what is known on the base's day. Between two purchases only recency_days
    moves, so entry and exit days are exact.
    """

    stage: str
    where: Mapping[str, Any]
    play: str = ""

    def describe(self) -> str:
        """The rule in words for the page.

        >>> StageRule("Loyal", {"recency_days": (0, 60), "order_count": (4, float("inf"))}).describe()
        'last purchase at most 60 days ago, 4 or more orders'
        """
        words = {
            "recency_days": "last purchase {} days ago",
            "order_count": "{} orders",
            "gap_days": "{} days between the last two orders",
            "revenue": "revenue {}",
        }
        parts = []
        for field, (low, high) in ranges(self, FIELDS).items():
            span = f"{low:g}" if low == high else f"{low:g}–{high:g}"
            if low <= 0:
                span = f"at most {high:g}"
            elif math.isinf(high):
                span = f"{low:g} or more"
            text = words[field].format(span)
            parts.append("1 order" if text == "1 orders" else text)
        parts += [one.words for one in conditions(self, FIELDS)]
        return ", ".join(parts) or "every other buyer"


def default_rules(rhythm: Rhythm | None = None, loyal_orders: int = LOYAL_ORDERS) -> tuple[StageRule, ...]:
    """The stages from lapsed to active; the first rule that fits names the stage.

    A buyer is at risk once nine in ten returns of this base would have happened, and lapsed after twice
    that time. Without a rhythm, 180 and 360 days stand in.

    >>> [rule.stage for rule in default_rules()]
    ['Lapsed', 'At risk', 'Won back', 'New', 'Loyal', 'Active']
    """
    late = rhythm.long if rhythm else 180
    # The day after twice that time a buyer is lapsed.
    return _rules(late + 1, 2 * late + 1, loyal_orders)


def shared_rules(found: Definitions, loyal_orders: int = LOYAL_ORDERS) -> tuple[StageRule, ...]:
    """The stages by the words that all reports share: at risk and lapsed as `analyses.definitions` has them.

    Where the data do not tell when a customer is at risk or lapsed, no stage is called so.

    >>> from crm_analytics.analyses.definitions import Definitions
    >>> known = Definitions(102, 0.497, 223, 0.2, 16, 39_255, 1_095, False)
    >>> [rule.describe() for rule in shared_rules(known)][:2]
    ['last purchase 223 or more days ago', 'last purchase 102–222 days ago']
    >>> [rule.stage for rule in shared_rules(Definitions(None, None, None, None, 16, 9, 40, False))]
    ['New', 'Loyal', 'Active']
    """
    return _rules(found.at_risk_days, found.lapsed_days, loyal_orders)


def _rules(at_risk: int | None, lapsed: int | None, loyal_orders: int) -> tuple[StageRule, ...]:
    """The stages from lapsed to active; at risk and lapsed begin on these days of silence."""
    if loyal_orders < 2:
        raise ParameterError(f"loyal_orders must be at least 2, got {loyal_orders}")
    end = INFINITY if lapsed is None else lapsed - 1
    quiet = [
        StageRule(
            LAPSED,
            {"recency_days": (lapsed or INFINITY, INFINITY)},
            "One win-back try, then no more paid mail",
        ),
        StageRule(
            AT_RISK, {"recency_days": (at_risk or INFINITY, end)}, "Remind or offer now, with a control group"
        ),
        # Back from lapsed is one day after it at the earliest.
        StageRule(WON_BACK, {"gap_days": ((lapsed or 0) + 1, INFINITY)}, "Ask what brought them back"),
    ]
    known = {LAPSED: lapsed, AT_RISK: at_risk, WON_BACK: lapsed}
    return (
        *(rule for rule in quiet if known[rule.stage] is not None),
        StageRule(NEW, {"order_count": (1, 1)}, "Welcome them; the second purchase matters most"),
        StageRule(LOYAL, {"order_count": (loyal_orders, INFINITY)}, "Membership, a first look, thanks"),
        StageRule(ACTIVE, {}, "The next order: what goes with what they bought"),
    )


def check_rules(rules: Sequence[StageRule]) -> None:
    """Refuse a rule table with unknown fields, empty ranges or a stage named twice."""
    if not rules:
        raise ParameterError("the stages need at least one rule")
    for rule in rules:
        for field, wanted in rule.where.items():
            check_field(f"stage '{rule.stage}'", field, wanted, FIELDS)
        conditions(rule, FIELDS)
        for field, (low, high) in ranges(rule, FIELDS).items():
            if not low <= high:
                raise ParameterError(f"stage '{rule.stage}': the range of {field} is empty: {low} to {high}")
    names = [rule.stage for rule in rules]
    if len(set(names)) < len(names) or {PROSPECT, OTHERS} & set(names):
        raise ParameterError(
            f"each stage needs a name of its own, and none may be '{PROSPECT}' or '{OTHERS}'"
        )


def steps(rules: Sequence[StageRule]) -> list[int]:
    """Days after a purchase at which a stage can change: 0 and every end of a range of recency_days.

    >>> steps(default_rules())
    [0, 181, 361]
    """
    days = {0}
    for rule in rules:
        low, high = rule.where.get("recency_days", (0, INFINITY))
        days |= {max(0, math.ceil(low))} | ({math.floor(high) + 1} if not math.isinf(high) else set())
    return sorted(day for day in days if day >= 0)


def rules_of(base: CustomerBase) -> tuple[StageRule, ...] | None:
    """The rules of stages that the base brings along (`with_rules`); None where there are none."""
    return read_rules(base.rules.get("stages", ()))


def read_rules(given: Iterable[Mapping[str, Any]]) -> tuple[StageRule, ...] | None:
    """Rules as a file says them, each with a name, where and play; None where there are none.

    Raises
    ------
    ParameterError : an unknown field, a range or value that is none, a name given twice.
    """
    found = rules_as_said("stage", StageRule, given, FIELDS)
    if found:
        check_rules(found)
    return found or None
