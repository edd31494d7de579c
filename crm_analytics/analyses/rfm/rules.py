"""The ordered table of rules that names a customer's segment, and the rhythm it is set by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crm_analytics.analyses.customer_rules import check_field, conditions, ranges, rules_as_said
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.definitions import Definitions
    from crm_analytics.tables.customer_base import CustomerBase

NO_PURCHASE = "No purchase"
INFINITY = float("inf")
FIELDS = ("r_score", "f_score", "m_score", "recency_days", "order_count", "revenue", "invoice_count")


@dataclass(frozen=True)
class Rule:
    """A named segment and the ranges (both ends included) a customer must lie in.

    Fields: r_score, f_score, m_score, recency_days, order_count, invoice_count, revenue; and any column of
    `customers` that does not name one person, with a value, several values, or a span as text:
    ``Rule("Berlin", {"region": "Berlin", "order_count": (2, float("inf"))})``.
    """

    segment: str
    where: Mapping[str, Any]
    play: str = ""

    def describe(self) -> str:
        """The rule in words for the page.

        >>> Rule("Champions", {"r_score": (4, 5), "order_count": (4, float("inf"))}).describe()
        'R 4–5, 4 or more orders'
        """
        names = {"r_score": "R", "f_score": "F", "m_score": "M"}
        units = {
            "recency_days": "days ago",
            "order_count": "orders",
            "invoice_count": "invoices",
            "revenue": "revenue",
        }
        parts = []
        for field, (low, high) in ranges(self, FIELDS).items():
            span = f"{low:g}" if low == high else f"{low:g}–{high:g}"
            if low <= 0 or np.isinf(low):
                span = f"at most {high:g}"
            elif np.isinf(high):
                span = f"{low:g} or more"
            unit = units.get(field, "")
            parts.append(
                f"{names[field]} {span}"
                if field in names
                else f"{span} {unit.rstrip('s') if high == 1 else unit}"
            )
        parts += [one.words for one in conditions(self, FIELDS)]
        return ", ".join(parts) or "everyone else"


@dataclass(frozen=True)
class Rhythm:
    """How long customers of this base take to come back.

    Attributes
    ----------
    typical, long : days within which half, and nine in ten, of all repeat purchases came
    gaps : number of repeat purchases observed
    """

    typical: int
    long: int
    gaps: int


def rhythm_of(base: CustomerBase) -> Rhythm | None:
    """Median and 90 % point of the days between two purchases; None below 20 observed gaps.

    Gaps still open at the day are not in it, so both points err on the short side in a young base.
    """
    occasions = base.occasions.select("customer_id", "day")
    before = occasions.day.lag().over(group_by="customer_id", order_by=occasions.day)
    gaps = occasions.mutate(before=before)
    gaps = gaps.filter(gaps.before.notnull())
    days = gaps.select(gap=gaps.day.delta(gaps.before, unit="day").cast("float64"))
    found = days.aggregate(n=days.count(), half=days.gap.quantile(0.5), most=days.gap.quantile(0.9))
    row = found.to_pyarrow().to_pylist()[0]
    if row["n"] < 20:
        return None
    return Rhythm(max(1, round(row["half"])), max(2, round(row["most"])), int(row["n"]))


def default_rules(
    bins: int = 5, rhythm: Rhythm | None = None, found: Definitions | None = None
) -> tuple[Rule, ...]:
    """The rule table from Champions to One-timers; the first rule that fits names the segment.

    How often and how much is judged by the scores (the upper two fifths are high). How long ago is judged by
    the base's own return curve: a quantile would call somebody recent however long the whole base has been
    silent. A segment shares no name with a stage of the lifecycle: *at risk* and *lapsed* are words about
    silence alone, see `analyses.definitions`.

    Parameters
    ----------
    bins : number of scores
    rhythm : of the base; "First-timers" bought within its typical gap. Default: 90 days
    found : of the base; *quiet* begins where *at risk* does. Default: where nine in ten repeat purchases have
        come, or else 180 days

    >>> [rule.segment for rule in default_rules()][:3]
    ['Champions', 'Cannot lose', 'Regulars']
    """
    typical, late = (rhythm.typical, rhythm.long) if rhythm else (90, 180)
    if found is not None and found.at_risk_days is not None:
        late = found.at_risk_days - 1
        typical = min(typical, late)
    high = (int(np.floor(3 * bins / 5)) + 1, bins)
    best = (int(np.floor(4 * bins / 5)) + 1, bins)
    fresh, due, quiet = (0, typical), (0, late), (late + 1, INFINITY)
    again, once = (2, INFINITY), (1, 1)
    return (
        Rule(
            "Champions",
            {"recency_days": due, "f_score": best, "m_score": high},
            "Thank them, show new things first, ask for a referral",
        ),
        Rule(
            "Cannot lose",
            {"recency_days": quiet, "f_score": best, "m_score": best},
            "Call or write by hand: find out why they stopped",
        ),
        Rule("Regulars", {"recency_days": due, "f_score": high}, "Offer membership or the next category"),
        Rule(
            "Quiet regulars",
            {"recency_days": quiet, "f_score": high},
            "Send a next-order offer, and hold out a control group",
        ),
        Rule(
            "First-timers",
            {"recency_days": fresh, "order_count": once},
            "Welcome them; the second purchase matters most",
        ),
        Rule(
            "Promising",
            {"recency_days": due, "order_count": once},
            "Remind them once, with what others bought next",
        ),
        Rule("Potential loyalist", {"recency_days": due, "order_count": again}, "Invite to a third purchase"),
        Rule(
            "Hibernating",
            {"recency_days": quiet, "order_count": again},
            "Write only to those on the list of customers at risk; no discounts",
        ),
        Rule(
            "Big one-timers",
            {"recency_days": quiet, "order_count": once, "m_score": best},
            "One personal offer, then let go",
        ),
        Rule("One-timers", {}, "Do not spend on them"),
    )


def check_rules(rules: Sequence[Rule]) -> None:
    """Refuse a rule table with unknown fields, repeated names, or the name of the reserved group."""
    for rule in rules:
        for field, wanted in rule.where.items():
            check_field(f"rule '{rule.segment}'", field, wanted, FIELDS)
        conditions(rule, FIELDS)
    names = [rule.segment for rule in rules]
    if len(set(names)) < len(names) or NO_PURCHASE in names:
        raise ParameterError(f"each rule needs a segment name of its own, and none may be '{NO_PURCHASE}'")


def rules_of(base: CustomerBase) -> tuple[Rule, ...] | None:
    """The rules of segments that the base brings along (`with_rules`); None where there are none."""
    return read_rules(base.rules.get("segments", ()))


def read_rules(given: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...] | None:
    """Rules as a file says them, each with a name, where and play; None where there are none.

    Raises
    ------
    ParameterError : an unknown field, a range or value that is none, a name given twice.
    """
    found = rules_as_said("segment", Rule, given, FIELDS)
    if found:
        check_rules(found)
    return found or None
