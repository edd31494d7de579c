"""What the segments report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.concentration import Concentration
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpi_history import with_changes
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.profiling.favourites import bought_most
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

QUIET = ("Cannot lose", "Quiet regulars")  # bought often, and are at risk or lapsed
SHARED_BY = 5  # customers who must have bought a thing before the page names it
KPIS = (
    "revenue", "buyers", "customers_at_risk", "top_fifth_revenue_share", "bought_again", "value_at_risk",
    "revenue_to_date", "revenue_of_known_customers", "customers_bought", "customers_active",
    "customers_lapsed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentReport(Report):
    """Everything the sections show."""

    t: Sentences
    plan: Plans
    scores: rfm.RfmScores
    spread: Concentration
    earlier: rfm.RfmScores | None  # the same scores at an earlier day, where there is one
    active: Kpi  # active customers, with their change
    taste: tuple[str, float] | None  # what the best segment buys most, and its share of their lines
    handed: HandedIn

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    @property
    def best(self) -> pd.Series:
        """The segment that brings most."""
        return self.scores.segments.nlargest(1, "revenue_share").iloc[0]


def prepare(
    base: CustomerBase,
    *,
    bins: int = 5,
    window: str = "",
    compare_to: str = "-13w",
    show_customers: bool = False,
    effect: float = 0.05,
    language: str = "en",
    run: str = "",
) -> SegmentReport | SmallReport:
    """Score the base at its day and, where the data reach back so far, an earlier day.

    Parameters
    ----------
    window : count orders and revenue over the last days only ("365D"); empty for the whole past
    compare_to : length of a period, and how far back the earlier day lies ("-13w")
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    scores = rfm.score(base, bins=bins, window=window or None)
    before = base.earlier(compare_to)
    earlier = None
    if before is not None:
        score = partial(rfm.score, before, bins=bins, window=window or None, rules=scores.rules)
        earlier = attempt(missing, "earlier", score)
    plan = plans(base, span=compare_to, effect=effect)
    write_lists(base, plan.actions, run, show_customers)
    return SegmentReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        scores=scores,
        spread=rfm.revenue_concentration(scores),
        earlier=earlier,
        active=with_changes(plan.given, ("customers_active",))["customers_active"],
        taste=_taste(base, scores),
        handed=handed_in(run),
    )


def _taste(base: CustomerBase, scores: rfm.RfmScores) -> tuple[str, float] | None:
    """What the segment that brings most buys most, and its share of their lines; None without products."""
    best = str(scores.segments.nlargest(1, "revenue_share").iloc[0]["segment"])
    mine = scores.customers.filter(scores.customers.segment == best).select("customer_id")
    return bought_most(base, mine, SHARED_BY)
