"""What the profiles report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import btyd, rfm
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.margin import margin_share
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.portfolio.portfolio import Portfolio, portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant, significant
from crm_analytics.analyses.profiling.demography import habits_by_demography
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.analyses.profiling.needs_clusters import Needs, needs
from crm_analytics.analyses.profiling.traits import traits
from crm_analytics.analyses.rfm.migration import Migration, migration
from crm_analytics.analyses.rfm.plays import plays
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.reports.shared.report import InMoney
from crm_analytics.reports.shared.small_form import SEGMENTS_FROM, SmallReport

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"


@dataclass(frozen=True)
class ProfilesReport(InMoney):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    plays : segment, play, customers, revenue [, value, ceiling, expected_value]
    traits : what sets each segment apart
    habits : attribute of demography -> its groups' habits
    favourites : Ibis, one row a customer
    missing : part -> why it is not there
    """

    base: CustomerBase
    show_customers: bool
    scores: rfm.RfmScores
    migration: Migration | None
    portfolio: Portfolio | None
    significant: Significant | None
    plays: pd.DataFrame
    traits: pd.DataFrame
    habits: dict[str, pd.DataFrame]
    favourites: ir.Table
    needs: Needs | None
    missing: dict[str, str]
    margin: float | None

    def why(self, part: str) -> str:
        """Why a part is not there, as a sentence."""
        said = self.missing.get(part, "")
        return f"{said[:1].upper()}{said[1:]}." if said else ""


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    margin: float = 0.0,
    contact_cost: float = 0.0,
    response: float = 0.0,
    seed: int = 0,
    show_customers: bool = False,
) -> ProfilesReport | SmallReport:
    """Score, forecast, compare and cluster the customers.

    Parameters
    ----------
    compare_to : how far back segments are compared ("-26w")
    margin : share of revenue left after the cost of the goods; 0 takes it from the data
    contact_cost, response : money a contact, and the share that orders because of it; with both and a
        margin the plays say an expected value
    seed : of the draws that find clusters
    """
    seen = overview(base)
    if seen.customers < SEGMENTS_FROM or seen.revenue <= 0:
        return SmallReport(base, seen, show_customers)
    missing: dict[str, str] = {}
    scores = rfm.score(base)
    share = margin or margin_share(base)
    scored = _scored(base, missing)
    found = portfolio(base, scored, margin=share) if scored is not None else None
    habits = base.materialise(favourites(base, ON_A_PAGE))
    table = plays(scores, scored, margin=share, cost=contact_cost or None, response=response or None)
    return ProfilesReport(
        base,
        show_customers,
        scores,
        _moves(base, scores, compare_to, missing),
        found,
        significant(base, found) if found else None,
        table,
        traits(base, scores.customers, habits),
        habits_by_demography(base, habits),
        habits,
        _needs(base, seed, missing),
        missing,
        share,
    )


def _scored(base: CustomerBase, missing: dict[str, str]) -> ir.Table | None:
    """A year's forecast of every customer; None where the models do not speak."""
    try:
        summary = btyd.summarize(base, unit=UNIT)
        model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
        status = btyd.ModifiedBetaGeo.fit(summary)
        return base.materialise(btyd.score(summary, model, spend, status_model=status))
    except DataError as error:
        missing["forecast"] = str(error)
        return None


def _moves(
    base: CustomerBase, scores: rfm.RfmScores, compare_to: str, missing: dict[str, str]
) -> Migration | None:
    before = base.earlier(compare_to)
    if before is None:
        missing["migration"] = f"the data do not reach back {compare_to.lstrip('-')}"
        return None
    try:
        return migration(rfm.score(before, rules=scores.rules), scores)
    except NotEnoughData as error:
        missing["migration"] = str(error)
        return None


def _needs(base: CustomerBase, seed: int, missing: dict[str, str]) -> Needs | None:
    try:
        return needs(base, seed=seed, minimum=ON_A_PAGE)
    except DataError as error:
        missing["needs"] = str(error)
        return None
