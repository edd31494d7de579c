"""Lists that follow what customers told us: complaints and answers to surveys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known

RECOVERY_DAYS = 30  # after a complaint was solved
PROMOTER = 9  # of 0..10: Reichheld's promoters
ANSWER_DAYS = 90


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


def referral_ask(known: Known) -> ir.Table:
    """Whose latest answer to "how likely are you to recommend us" is 9 or 10, of the last 90 days.

    Who complained since is not asked.
    """
    answers = known.base.tables["survey_responses"]
    answers = answers.filter(
        answers.instrument == "nps", answers.customer_id.notnull(), answers.score.notnull()
    )
    order = ibis.window(group_by="customer_id", order_by=[ibis.desc("responded_at"), ibis.asc("score")])
    latest = answers.select("customer_id", "responded_at", "score", place=ibis.row_number().over(order))
    latest = latest.filter(latest.place == 0, latest.score >= PROMOTER)
    latest = latest.filter(known.since(latest.responded_at.date()) < ANSWER_DAYS)
    tickets = known.base.tables.get("tickets")
    if tickets is None or "is_complaint" not in tickets.columns:
        return latest.select("customer_id")
    complaints = tickets.filter(tickets.is_complaint).select("customer_id", "created_at")
    after = latest.inner_join(complaints, "customer_id")
    after = after.filter(after.created_at >= after.responded_at).select("customer_id").distinct()
    return latest.select("customer_id").anti_join(after, "customer_id")
