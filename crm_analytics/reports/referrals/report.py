"""What the referrals report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.campaigns.lists.referral_rules import referral_ask, referral_reward_due
from crm_analytics.analyses.customer_facts import known
from crm_analytics.analyses.definitions import ACTIVE
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.referral.invitations import Invitations, invitations
from crm_analytics.analyses.referral.kpis import of_invitations, of_value, of_virality
from crm_analytics.analyses.referral.likelihood import ReferralLikelihood, referral_likelihood
from crm_analytics.analyses.referral.referral_value import RATE, TYPE_TWO, ReferralValue, referral_value
from crm_analytics.analyses.referral.referred_customers import ReferredCustomers, referred_customers
from crm_analytics.analyses.referral.value_matrix import ValueMatrix, moves, value_matrix
from crm_analytics.analyses.referral.virality import Virality, virality
from crm_analytics.analyses.value_to_come import ValueToCome, of_models
from crm_analytics.errors import DataError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

LEAST = 20  # invitations that count, from which the report says more than how many there are
DUE_DAYS = 30  # conversions of so many days are on the page's list of rewards


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferralReport(Report):
    """Everything the sections show."""

    t: Sentences
    plan: Plans
    sent: Invitations
    spread: Virality
    kpis: dict[str, Kpi]
    value: ReferralValue | None
    compared: ReferredCustomers | None
    likely: ReferralLikelihood | None
    matrix: ValueMatrix | None
    moved: pd.DataFrame | None
    actions: tuple[Action, ...]
    handed: HandedIn


def prepare(
    base: CustomerBase,
    *,
    rate: float = RATE,
    type_two: float = TYPE_TWO,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> ReferralReport | SmallReport:
    """Read the invitations of a base and measure what they bring.

    Parameters
    ----------
    rate : of discounting, a year
    type_two : share of the referred who would have come anyway, where the data do not tell it
    compare_to : how far back the earlier day of the value groups lies ("-13w")
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers):
        return small
    sent = _enough(base)
    if sent is None:
        nothing = "These data hold too few invitations by customers"
        return SmallReport(base=base, show_customers=show_customers, seen=overview(base), nothing=nothing)
    missing: dict[str, str] = {}
    plan = plans(base, span=compare_to)
    spread = virality(sent)
    margin = plan.given.margin
    value = attempt(missing, "value", partial(referral_value, sent, rate=rate, type_two=type_two, margin=margin))
    likely = attempt(missing, "likely", partial(referral_likelihood, base))
    matrix = attempt(missing, "matrix", partial(_matrix, base, plan, value))
    found = _actions(base, plan)
    write_lists(base, found, run, show_customers)
    figures = [of_invitations(sent), *of_virality(spread)]
    figures += [of_value(value)] if value else []
    return ReferralReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        sent=sent,
        spread=spread,
        kpis={kpi.id: kpi for kpi in figures},
        value=value,
        compared=attempt(missing, "compared", partial(referred_customers, sent)),
        likely=likely,
        matrix=matrix,
        moved=attempt(missing, "moved", partial(_moved, base, plan, matrix, compare_to, rate)),
        actions=found,
        handed=handed_in(run),
    )


def _enough(base: CustomerBase) -> Invitations | None:
    """The invitations, where there are enough that count and some that are old enough to tell."""
    try:
        sent = invitations(base)
        virality(sent)
    except DataError:
        return None
    n = int(sent.counted.count().to_pyarrow().as_py())
    return sent if n >= LEAST else None


def _worth(outlook: ValueToCome, margin: float | None) -> ir.Table:
    share = 1.0 if margin is None else margin
    return outlook.scored.select("customer_id", value=outlook.scored.value_to_come * share)


def _matrix(base: CustomerBase, plan: Plans, value: ReferralValue | None) -> ValueMatrix:
    if plan.given.outlook is None or value is None:
        raise DataError(plan.given.no_outlook or "no referred customer is known")
    own = _worth(plan.given.outlook, plan.given.margin)
    return value_matrix(base, own, value.referrers.select("customer_id", "value"))


def _moved(
    base: CustomerBase, plan: Plans, now: ValueMatrix | None, compare_to: str, rate: float
) -> pd.DataFrame:
    """The groups at the earlier day by the models and cuts of today, and how customers moved since."""
    before = base.earlier(compare_to)
    outlook = plan.given.outlook
    if before is None or now is None or outlook is None:
        raise DataError("there is no earlier day to compare with")
    models = (outlook.model, outlook.status, outlook.spend)
    own = of_models(before, btyd.summarize(before, unit="W"), models, outlook.horizon)
    worth = referral_value(invitations(before), rate=rate, margin=plan.given.margin)
    then = value_matrix(
        before,
        _worth(own, plan.given.margin),
        worth.referrers.select("customer_id", "value"),
        (now.clv_cut, now.crv_cut),
    )
    return moves(base, then, now)


def _actions(base: CustomerBase, plan: Plans) -> tuple[Action, ...]:
    """Ask the active customers who are likely to refer; pay the rewards that are due."""
    facts = known(base, DUE_DAYS)
    standings = plan.given.standings
    active = standings.filter(standings.standing == ACTIVE) if plan.given.definitions.at_risk_days else standings
    asked = base.materialise(active.semi_join(referral_ask(facts), "customer_id"))
    due = base.materialise(referral_reward_due(facts).select("customer_id"))
    found = []
    for name, who, verb, table in (
        ("referral_ask", "campaigns", "test", asked),
        ("referral_reward_due", "campaigns", "prepare", due),
    ):
        n = int(table.count().to_pyarrow().as_py())
        if n:
            whom = {"standing": (ACTIVE,), "referral": ("likely",)} if verb == "test" else {"referral": ("due",)}
            found.append(Action(name, who, verb, whom, n, name, audience=table))
    return tuple(found)


def last_quarters(report: ReferralReport) -> tuple[pd.Series, pd.Series] | None:
    """The last quarter that is complete, and the one a year before; None where the data do not hold both."""
    whole = report.spread.quarters.query("complete")
    if len(whole) < 5:
        return None
    return whole.iloc[-1], whole.iloc[-5]


