"""Lists about recommending us: whom to ask, and whom to thank for a customer they brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.referral.invitations import invitations
from crm_analytics.analyses.referral.likelihood import MODEL, PROMOTERS, referral_likelihood
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known
    from crm_analytics.analyses.referral.invitations import Invitations
    from crm_analytics.analyses.referral.likelihood import ReferralLikelihood

PROMOTER, DETRACTOR = 9, 6  # of 0..10: Reichheld's groups, from and up to
ANSWER_DAYS = 90
UNHAPPY_DAYS = 365  # in which an answer or a complaint speaks against asking
LIKELY = 2.0  # times the mean score, from which a customer is likely to refer
ANSWERS = ("customer_id", "instrument", "score", "responded_at")


def referral_ask(known: Known) -> ir.Table:
    """Who is likely to refer next, by the way that was proven on what came; without one, who said so.

    The model of `referral.likelihood` where it beats the plain rules, else the rule that does as well. Where
    nothing is better than chance or there are too few referrals: whose latest answer to "how likely are you
    to recommend us" is 9 or 10, of the last 90 days. Unhappy customers are not asked.
    """
    try:
        return asked_by(known, referral_likelihood(known.base))
    except DataError:
        return asked_by(known, None)


def asked_by(known: Known, found: ReferralLikelihood | None) -> ir.Table:
    """Who is asked, by a likelihood that is at hand; None: there is none."""
    if found is None or found.used in ("", PROMOTERS):
        return _promoters(known)
    scored = found.customers
    if found.used == MODEL:
        mean = float(scored.score.mean().to_pyarrow().as_py() or 0.0)
        likely, why = scored.filter(scored.score >= LIKELY * mean), "likely to refer next"
    else:
        likely, why = scored.filter(scored.score > 0), "has invited others before"
    asked = likely.select("customer_id").semi_join(known.buyers, "customer_id")
    for unhappy in (_complained(known), _detractors(known)):
        if unhappy is not None:
            asked = asked.anti_join(unhappy, "customer_id")
    return asked.mutate(reason=ibis.literal(why))


def referral_reward_due(known: Known) -> ir.Table:
    """Whose invitation became a customer in the wave's days: each conversion falls into one wave.

    Conversions that do not count (of themselves, of a circle, of a customer who was referred already) bring
    no reward.
    """
    try:
        return rewards_due(known, invitations(known.base))
    except DataError:
        return known.buyers.select("customer_id").limit(0)


def rewards_due(known: Known, sent: Invitations) -> ir.Table:
    """The same, of invitations that are at hand: customer_id, due_on, reason."""
    came = sent.converted
    day = came.converted_at.date()
    came = came.mutate(came_on=day).filter(known.since(day) < known.recent)
    each = came.group_by(customer_id=came.referrer).aggregate(n=came.count(), due_on=came.came_on.max())
    return each.select(
        "customer_id", "due_on", reason=ibis.literal("brought new customers: ") + each.n.cast("string")
    )


def _promoters(known: Known) -> ir.Table:
    base = known.base
    answers = base.tables.get("survey_responses")
    if answers is None or not set(ANSWERS) <= set(answers.columns):
        return known.buyers.select("customer_id").limit(0)
    latest = _latest(known)
    latest = latest.filter(latest.score >= PROMOTER)
    latest = latest.filter(known.since(latest.responded_at.date()) < ANSWER_DAYS)
    tickets = base.tables.get("tickets")
    if tickets is None or "is_complaint" not in tickets.columns:
        return latest.select("customer_id")
    complaints = tickets.filter(tickets.is_complaint).select("customer_id", "created_at")
    after = latest.inner_join(complaints, "customer_id")
    after = after.filter(after.created_at >= after.responded_at).select("customer_id").distinct()
    return latest.select("customer_id").anti_join(after, "customer_id")


def _latest(known: Known) -> ir.Table:
    answers = known.base.tables["survey_responses"]
    answers = answers.filter(
        answers.instrument == "nps", answers.customer_id.notnull(), answers.score.notnull()
    )
    order = ibis.window(group_by="customer_id", order_by=[ibis.desc("responded_at"), ibis.asc("score")])
    latest = answers.select("customer_id", "responded_at", "score", place=ibis.row_number().over(order))
    return latest.filter(latest.place == 0)


def _detractors(known: Known) -> ir.Table | None:
    answers = known.base.tables.get("survey_responses")
    if answers is None or not set(ANSWERS) <= set(answers.columns):
        return None
    latest = _latest(known)
    recent = known.since(latest.responded_at.date()) < UNHAPPY_DAYS
    return latest.filter((latest.score <= DETRACTOR) & recent).select("customer_id")


def _complained(known: Known) -> ir.Table | None:
    tickets = known.base.tables.get("tickets")
    if tickets is None or "is_complaint" not in tickets.columns:
        return None
    recent = known.since(tickets.created_at.date()) < UNHAPPY_DAYS
    return tickets.filter(tickets.is_complaint & recent).select("customer_id").distinct()
