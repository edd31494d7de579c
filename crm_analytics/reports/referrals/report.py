"""What the referrals report is made from, and when it takes its small form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.campaigns.lists.referral_rules import asked_by, rewards_due
from crm_analytics.analyses.contact_effect import STATED, UNKNOWN, ContactCost, ContactEffect
from crm_analytics.analyses.customer_facts import known
from crm_analytics.analyses.definitions import ACTIVE
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import with_targets
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.referral.invitations import Invitations, invitations
from crm_analytics.analyses.referral.kpis import of_invitations, of_value, of_virality
from crm_analytics.analyses.referral.likelihood import ReferralLikelihood, referral_likelihood
from crm_analytics.analyses.referral.own_value import OwnValue
from crm_analytics.analyses.referral.referral_value import RATE, TYPE_TWO, ReferralValue, referral_value
from crm_analytics.analyses.referral.referred_customers import ReferredCustomers, referred_customers
from crm_analytics.analyses.referral.value_matrix import ValueMatrix, moves, value_matrix
from crm_analytics.analyses.referral.virality import Virality, virality
from crm_analytics.errors import DataError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.plans import Plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, nothing_yet, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
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
    if small := too_small(base, show_customers, language=language):
        return small
    enough = _enough(base)
    if enough is None:
        return SmallReport(
            base=base,
            show_customers=show_customers,
            language=language,
            seen=overview(base),
            nothing=catalogue(language, __file__, base.currency)(
                "nothing" if "referrals" in base.tables else "none"
            ),
            table="referrals",
        )
    sent, spread = enough
    missing: dict[str, str] = {}
    plan = _plan(base, compare_to)
    margin = plan.given.margin
    value = attempt(
        missing, "value", partial(referral_value, sent, rate=rate, type_two=type_two, margin=margin)
    )
    likely = attempt(missing, "likely", partial(referral_likelihood, base))
    own = attempt(missing, "matrix", partial(OwnValue.fit, base))
    matrix = attempt(missing, "matrix", partial(_matrix, base, own, value, margin)) if own else None
    found = _actions(base, plan, sent, likely)
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
        kpis=with_targets(base, figures),
        value=value,
        compared=attempt(missing, "compared", partial(referred_customers, sent)),
        likely=likely,
        matrix=matrix,
        moved=attempt(missing, "moved", partial(_moved, base, own, matrix, margin, compare_to, rate)),
        actions=found,
        handed=handed_in(run),
    )


def _enough(base: CustomerBase) -> tuple[Invitations, Virality] | None:
    """The invitations, where there are enough that count and some that are old enough to tell."""
    try:
        sent = invitations(base)
        spread = virality(sent)
    except DataError:
        return None
    return (sent, spread) if spread.invitations >= LEAST else None


def _plan(base: CustomerBase, span: str) -> Plans:
    """The words and the margin of the base; no forecast of totals, which this page does not show."""
    given = Measured(base, span, None, "", margin_of(base).share)
    return Plans(given, ContactEffect(0.0, 0.0, 0.0, STATED), ContactCost(None, UNKNOWN), None, ())


def _matrix(
    base: CustomerBase, own: OwnValue, value: ReferralValue | None, margin: float | None
) -> ValueMatrix:
    if value is None:
        raise DataError("no referred customer is known")
    return value_matrix(base, own.of(base, margin), value.referrers.select("customer_id", "value"))


def _moved(  # noqa: PLR0917
    base: CustomerBase,
    own: OwnValue | None,
    now: ValueMatrix | None,
    margin: float | None,
    compare_to: str,
    rate: float,
) -> pd.DataFrame:
    """The groups at the earlier day by the models and cuts of today, and how customers moved since."""
    before = base.earlier(compare_to)
    if before is None or now is None or own is None:
        raise DataError("there is no earlier day to compare with")
    worth = referral_value(invitations(before), rate=rate, margin=margin).referrers
    then = value_matrix(
        before, own.of(before, margin), worth.select("customer_id", "value"), (now.clv_cut, now.crv_cut)
    )
    return moves(base, then, now)


def _actions(
    base: CustomerBase, plan: Plans, sent: Invitations, likely: ReferralLikelihood | None
) -> tuple[Action, ...]:
    """Ask the active customers who are likely to refer; pay the rewards that are due."""
    facts = known(base, DUE_DAYS)
    asked = plan.given.standings.semi_join(asked_by(facts, likely), "customer_id")
    if plan.given.definitions.at_risk_days is not None:
        asked = asked.filter(asked.standing == ACTIVE)
    due = rewards_due(facts, sent).select("customer_id")
    ask_whom = {"standing": (ACTIVE,), "referral": ("likely",)}
    found = []
    for name, verb, whom, table in (
        ("referral_ask", "test", ask_whom, base.materialise(asked)),
        ("referral_reward_due", "prepare", {"referral": ("due",)}, base.materialise(due)),
    ):
        if n := int(table.count().to_pyarrow().as_py()):
            found.append(Action(name, "campaigns", verb, whom, n, name, audience=table))
    return tuple(found)


def last_quarters(report: ReferralReport) -> tuple[pd.Series, pd.Series] | None:
    """The last quarter that is complete, and the one a year before; None where the data do not hold both."""
    whole = report.spread.quarters.query("complete")
    if len(whole) < 5:
        return None
    return whole.iloc[-1], whole.iloc[-5]


def not_yet(message: str) -> Callable[[SmallReport], Block]:
    """A section's small form: its own sentence that it cannot be told, and from how many customers it can."""

    def said(report: SmallReport) -> Block:
        t = catalogue(report.language, __file__, report.base.currency)
        return nothing_yet(report, t(f"{message}.none"))

    return said
