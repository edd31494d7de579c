"""Lists that follow what customers told us: complaints and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.campaigns.lists.referral_rules import DETRACTOR

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known

RECOVERY_DAYS = 30  # after a complaint was solved
UNHAPPY_DAYS = 30  # after an answer; later, nobody remembers what it was about
REPEATED, REPEATED_DAYS = 2, 90


def complaint_recovery(known: Known) -> ir.Table:
    """Whose complaint was solved in the last 30 days and who has bought nothing since."""
    tickets = known.base.tables["tickets"]
    solved = tickets.filter(tickets.is_complaint, tickets.first_solved_at.notnull())
    solved = solved.mutate(solved_day=solved.first_solved_at.date())
    solved = solved.filter(known.since(solved.solved_day) < RECOVERY_DAYS)
    last = solved.group_by("customer_id").aggregate(solved_day=solved.solved_day.max())
    bought = known.buyers.select("customer_id", "last_day")
    joined = last.left_join(bought, "customer_id").drop("customer_id_right")
    return joined.filter(joined.last_day.isnull() | (joined.last_day <= joined.solved_day)).select(
        "customer_id"
    )


def repeated_problem(known: Known) -> ir.Table:
    """Customers with two complaints or more in the last 90 days."""
    tickets = known.base.tables["tickets"]
    recent = tickets.filter(tickets.is_complaint, known.since(tickets.created_at.date()) < REPEATED_DAYS)
    each = recent.group_by("customer_id").aggregate(complaints=recent.count())
    return each.filter(each.complaints >= REPEATED).select("customer_id")


def unhappy_answer(known: Known) -> ir.Table:
    """Whose latest answer to "how likely are you to recommend us" is 6 or less, of the last 30 days."""
    latest = _latest_recommendation(known)
    low = latest.filter(latest.score <= DETRACTOR, known.since(latest.responded_at.date()) < UNHAPPY_DAYS)
    return low.select("customer_id")


def _latest_recommendation(known: Known) -> ir.Table:
    """The latest answer of each customer on 0 to 10; of two at one moment the lower."""
    answers = known.base.tables["survey_responses"]
    answers = answers.filter(
        answers.instrument == "nps", answers.customer_id.notnull(), answers.score.notnull()
    )
    if "scale_max" in answers.columns:
        answers = answers.filter(answers.scale_max.isnull() | (answers.scale_max == 10))
    order = ibis.window(group_by="customer_id", order_by=[ibis.desc("responded_at"), ibis.asc("score")])
    latest = answers.select("customer_id", "responded_at", "score", place=ibis.row_number().over(order))
    return latest.filter(latest.place == 0)
