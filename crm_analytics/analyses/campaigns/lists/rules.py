"""Who belongs on which list: an ordered table of rules, each of which can be replaced.

A rule answers with customer_id and, where it has them, due_on (the day it is about), item (the product),
reason (more than the rule's own words) and expected_margin (of the item). Sources: crm.md's reading of
A. M. Hughes, *Strategic Database Marketing* (birthday, anniversary, reactivation), and the win-back multiple
of 1.5 own mean gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm_analytics.analyses.campaigns.lists import (
    buying_rules,
    calendar_rules,
    product_rules,
    referral_rules,
    service_rules,
)
from crm_analytics.analyses.customer_facts import Who
from crm_analytics.errors import ParameterError, nearest

STAKES = ("order", "year", "risk")
TAKEN = ("members", "waterfall", "wave", "source")  # files of a wave beside its lists


@dataclass(frozen=True)
class ListRule:
    """One list: who is on it, why, and what is at stake.

    Attributes
    ----------
    name : of the list, and the reason code of its members
    words : the reason, for people
    who : from `Known` to an Ibis table: customer_id [, due_on, item, reason], one row per customer
    stake : money of one customer: "order" (what their mean order is worth), "year" (what they bought in the
        last 365 days), "risk" (that times the probability to leave, of `churn.score`)
    needs : columns by table without which the rule is left out
    again_after : days in which a customer is not put on this list a second time; 0: as often as they are due
    or_needs : columns by table that will do in place of `needs`
    needs_scores : whether `who` asks for the scores of `churn.score`
    """

    name: str
    words: str
    who: Who
    stake: str = "order"
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    again_after: int = 30
    needs_scores: bool = False
    or_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name in TAKEN:
            raise ParameterError(f"rule {self.name}: a wave has a file of this name already; choose another")
        if self.stake not in STAKES:
            raise ParameterError(
                f"rule {self.name}: unknown stake '{self.stake}'{nearest(self.stake, STAKES)}"
            )


RULES: tuple[ListRule, ...] = (
    ListRule(
        "complaint_recovery", "a complaint was solved and nothing bought since",
        service_rules.complaint_recovery, "year",
        {"tickets": ("customer_id", "created_at", "is_complaint", "first_solved_at")}, 60,
    ),
    ListRule(
        "repeated_problem", "complained twice within 90 days", service_rules.repeated_problem, "year",
        {"tickets": ("customer_id", "created_at", "is_complaint")}, 60,
    ),
    ListRule(
        "unhappy_answer", "would not recommend us", service_rules.unhappy_answer, "year",
        {"survey_responses": ("customer_id", "instrument", "score", "responded_at")}, 90,
    ),
    ListRule("save", "likely to leave and worth keeping", buying_rules.save, "risk", {}, 60, True),
    ListRule(
        "birthday", "a birthday is coming", calendar_rules.birthday, "order",
        {"customers": ("birth_date",)}, 300,
    ),
    ListRule(
        "reward_due", "reached another ten orders", buying_rules.reward_due, "order", {}, 7,
    ),
    ListRule(
        "replenishment_due", "what they bought will be used up", product_rules.replenishment_due, "order",
        {"transactions": ("product_id",)}, 14,
    ),
    ListRule("welcome", "bought for the first time", calendar_rules.welcome, "order", {}, 3650),
    ListRule(
        "referral_reward_due", "an invitation became a customer", referral_rules.referral_reward_due, "order",
        {"referrals": ("referrer_customer_id", "invited_at", "converted_at")}, 0,
    ),
    ListRule(
        "referral_ask", "would recommend us", referral_rules.referral_ask, "order",
        {"survey_responses": referral_rules.ANSWERS}, 180,
        or_needs={"referrals": ("referrer_customer_id", "invited_at")},
    ),
    ListRule("vip", "among the best customers of the last year", buying_rules.vip, "order", {}, 90),
    ListRule("thank_you", "placed an unusually large order", buying_rules.thank_you, "order", {}, 90),
    ListRule("anniversary", "a customer for another year", calendar_rules.anniversary, "order", {}, 300),
    ListRule(
        "next_product", "likely to buy this product next", product_rules.next_product, "order",
        {"transactions": ("product_id",)}, 30,
    ),
    ListRule("win_back", "silent for longer than usual", buying_rules.win_back, "order", {}, 90),
    ListRule(
        "season_offer", "likely to buy a category whose season comes", product_rules.season_offer, "order",
        {"transactions": ("product_id",), "products": ("product_id", "category_0_name")}, 60,
    ),
)  # fmt: skip


def chosen(names: Iterable[str] | None = None, rules: Iterable[ListRule] = RULES) -> tuple[ListRule, ...]:
    """The rules of these names in the order of the table; all of them without names.

    Raises
    ------
    ParameterError : a name is unknown; tells the nearest.

    Examples
    --------
    >>> [rule.name for rule in chosen(["win_back", "birthday"])]
    ['birthday', 'win_back']
    """
    table = {rule.name: rule for rule in rules}
    wanted = list(table if names is None else names)
    for name in wanted:
        if name not in table:
            near = nearest(name, table) or "."
            raise ParameterError(f"unknown list '{name}'{near} Known: {', '.join(table)}")
    return tuple(rule for name, rule in table.items() if name in wanted)
