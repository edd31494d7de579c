"""Whom the churn report proposes to write to: active customers who will probably fall silent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.actions import Action, Expected, expected_margin, ranked
from crm_analytics.analyses.audiences import PAYS, held_back
from crm_analytics.analyses.definitions import ACTIVE
from crm_analytics.analyses.evidence import LEAST, Evidence
from crm_analytics.analyses.intervals import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.churn import Churn
    from crm_analytics.reports.shared.plans import Plans

FALLING = "falling_silent"
LIKELY = 0.5  # from this chance on a customer will rather fall silent than not
SHOWN = ("at_risk", "leave_alone")  # groups of every report that this page is about


def actions_of(plan: Plans, trained: Churn | None, scored: ir.Table | None) -> tuple[Action, ...]:
    """What to do for those who fall silent, the most to gain first; nobody who has lapsed is written to."""
    mine = _falling(plan, trained, scored)
    priced = [one for one in plan.actions if one.id in SHOWN and one.verb != "leave_alone"]
    spared = [one for one in plan.actions if one.id in SHOWN and one.verb == "leave_alone"]
    return (*ranked([*([mine] if mine else []), *priced]), *spared)


def _falling(plan: Plans, trained: Churn | None, scored: ir.Table | None) -> Action | None:
    """Active customers who will rather fall silent than not, where a contact pays by itself.

    The fifth with most to come is not among them: every report has an action for those.
    """
    if trained is None or scored is None or plan.audiences is None or not names_anybody(trained):
        return None
    chances = scored.select(
        "customer_id", probability=scored.churn_probability, reason=scored.reason_1.fill_null("")
    )
    likely = chances.filter(chances.probability >= LIKELY)
    mine = plan.audiences.of(ACTIVE, PAYS).inner_join(likely, "customer_id")
    n = int(mine.count().to_pyarrow().as_py())
    if not n:
        return None
    row = plan.audiences.near.of_groups(mine.select("customer_id", segment=ibis.literal(FALLING))).iloc[0]

    effect = plan.audiences.effect_on((ACTIVE,))

    def worth(contacted: int) -> Expected:
        value, low, high = (float(row[name]) * contacted / n for name in ("value", "lower", "upper"))
        return expected_margin(value, low, high, contacted, plan.given.margin, effect, plan.cost)

    whom = {"standing": (ACTIVE,), "group": (PAYS,), "chance": ("half or more",)}
    whole = Action(
        FALLING, "campaigns", "write", whom, n, FALLING, worth(n), effect, plan.cost, mine
    )  # fmt: skip
    if whole.evidence is Evidence.SHOWN:
        return whole
    return replace(whole, verb="test", expected=worth(n - held_back(n)))


def names_anybody(trained: Churn) -> bool:
    """Whether customers may be named: the scores tell, and those named in a window before did fall silent.

    Of those with a chance of a half or more, a larger share than of all must have fallen silent, beyond
    chance (95 %).
    """
    held = trained.held_out
    named = held.score >= LIKELY
    n = int(named.sum())
    if not trained.tells or n < LEAST:
        return False
    return wilson(int(held.left[named].sum()), n)[0] > float(held.left.mean())
