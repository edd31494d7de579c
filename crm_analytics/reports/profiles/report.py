"""What the profiles report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.disclosure import ON_A_PAGE, settled_days
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.portfolio.portfolio import VALUABLE, Portfolio, portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant, significant
from crm_analytics.analyses.profiling.demography import composition, habits_by_demography
from crm_analytics.analyses.profiling.favourites import bought_most, favourites
from crm_analytics.analyses.profiling.needs_clusters import Needs, needs
from crm_analytics.analyses.profiling.traits import traits
from crm_analytics.analyses.rfm.migration import Migration, migration
from crm_analytics.analyses.rfm.plays import plays
from crm_analytics.errors import DataError
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue, slug

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

KPIS = (
    "value_to_come", "value_per_customer", "top_fifth_revenue_share", "bought_again", "customers_bought",
    "revenue_to_date",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ProfilesReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    plan : what all reports of the base plan from
    people : who the customers are, at the end of the last full quarter; empty where nothing is known
    taste : what the segment that brings most buys most, and its share of their lines
    plays : segment, play, customers, revenue [, value, ceiling, expected_value]
    traits : what sets the segments of the earlier day apart since; None without one
    habits : attribute of demography -> its groups' habits
    favourites : Ibis, one row per customer
    """

    t: Sentences
    plan: Plans
    handed: HandedIn
    people: pd.DataFrame
    taste: tuple[str, float] | None
    scores: rfm.RfmScores
    migration: Migration | None
    portfolio: Portfolio | None
    significant: Significant | None
    plays: pd.DataFrame
    traits: pd.DataFrame | None
    habits: dict[str, pd.DataFrame]
    favourites: ir.Table
    needs: Needs | None
    margin: float | None

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Those that all pages share."""
        return self.plan.actions

    @property
    def best(self) -> pd.Series:
        """The segment that brings most."""
        return self.scores.segments.nlargest(1, "revenue").iloc[0]

    def said(self, kind: str, text: object) -> str:
        """A fixed text of the analyses in the language of the page: a group, a reason, a play."""
        message = f"{kind}.{slug(text)}"
        return self.t(message) if self.t.knows(message) else words.clean(text, words.LONGEST_LABEL * 2)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    margin: float = 0.0,
    contact_cost: float = 0.0,
    response: float = 0.0,
    seed: int = 1,
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> ProfilesReport | SmallReport:
    """Score, forecast, compare and cluster the customers.

    Parameters
    ----------
    compare_to : how far back segments are compared ("-26w")
    margin : share of revenue left after the cost of the goods; 0 takes it from the data
    contact_cost, response : money a contact, and the share that orders because of it; with both and a
        margin the plays say an expected value
    seed : of the draws that find clusters
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    scores, share = rfm.score(base), margin_of(base, margin).share
    then = attempt(missing, "migration", lambda: _earlier(base, scores, compare_to))
    plan = plans(base, effect=effect)
    outlook = plan.given.outlook
    # The forecast that all pages share, a year ahead and not discounted.
    scored = None if outlook is None else outlook.scored.mutate(lifetime_value=outlook.scored.value_to_come)
    found = portfolio(base, scored, margin=share) if scored is not None else None
    if found is not None and outlook is not None and found.top_share is not None:
        top = found.customers.filter(found.customers.group == VALUABLE)
        found = replace(found, top_share=outlook.share_of(top, found.top_share[0]))
    if scored is None:
        missing["portfolio"] = missing["significant"] = plan.given.no_outlook
    best = str(scores.segments.nlargest(1, "revenue").iloc[0]["segment"])
    mine = scores.customers.filter(scores.customers.segment == best).select("customer_id")
    write_lists(base, plan.actions, run, show_customers)
    habits = base.materialise(favourites(base, ON_A_PAGE))
    table = plays(scores, scored, margin=share, cost=contact_cost or None, response=response or None)
    return ProfilesReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        handed=handed_in(run),
        people=_people(base),
        taste=bought_most(base, mine, ON_A_PAGE),
        scores=scores,
        migration=migration(then, scores) if then is not None else None,
        portfolio=found,
        significant=significant(base, found) if found else None,
        plays=table,
        traits=_later_habits(base, then),
        habits=_settled_habits(base, habits),
        favourites=habits,
        needs=attempt(missing, "needs", lambda: needs(base, seed=seed, minimum=ON_A_PAGE)),
        margin=share,
    )


def _settled_habits(base: CustomerBase, habits: ir.Table) -> dict[str, pd.DataFrame]:
    """Who has which habits at the end of the last full quarter: no two nightly pages differ by one person."""
    later, earlier = settled_days(base.day)
    if later < base.first_day:
        return {}
    settled = base.as_of(later)
    now = habits if later == base.day else base.materialise(favourites(settled, ON_A_PAGE))
    if earlier < base.first_day:
        return habits_by_demography(settled, now)
    then = base.as_of(earlier)
    return habits_by_demography(settled, now, before=(then, base.materialise(favourites(then, ON_A_PAGE))))


def _people(base: CustomerBase) -> pd.DataFrame:
    """Who the customers are at the end of the last full quarter, for the same reason."""
    later, _ = settled_days(base.day)
    return composition(base.as_of(later)) if later >= base.first_day else composition(base).head(0)


def _earlier(base: CustomerBase, scores: rfm.RfmScores, compare_to: str) -> rfm.RfmScores:
    before = base.earlier(compare_to)
    if before is None:
        raise DataError(f"the data do not reach back {compare_to.lstrip('-')}")
    return rfm.score(before, rules=scores.rules)


def _later_habits(base: CustomerBase, then: rfm.RfmScores | None) -> pd.DataFrame | None:
    """What sets the segments of the earlier day apart in what they bought since.

    A segment is made of purchases: whoever bought dear ones is in a better segment by that. So its habits
    are looked for in purchases that did not make it.
    """
    if then is None:
        return None
    since = base.materialise(favourites(base, ON_A_PAGE, since=then.base.day))
    return traits(base, then.customers, since)
