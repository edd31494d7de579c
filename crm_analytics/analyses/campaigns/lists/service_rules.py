"""Lists that follow what customers told us: complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known

RECOVERY_DAYS = 30  # after a complaint was solved


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
