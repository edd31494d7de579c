"""What the audit is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from crm_analytics.analyses import audit
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.cohorts import Cohorts, cohorts
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.drivers import ChangeAt, by_attribute, changes, leaving_by_attribute
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.reports.shared.tiles import span
from crm_analytics.tables.days import as_day

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase


LAPSING = 180  # days, where the base does not tell when a customer has lapsed
HALF = "-26w"  # of drivers: customers who had bought before both spans are followed
YEAR = "-52w"  # whole weeks, so that both periods hold as many of each weekday
SPANS = (YEAR, "-26w", "-13w")  # tried in this order: only over a year are both periods of one season
A_YEAR = 357  # days: a period of so many lies in the same season as the one before
KPIS = ("revenue", "buyers", "top_fifth_revenue_share", "revenue_to_date", "customers_bought", "bought_again")


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditReport(Report):
    """Everything the sections show; a part that the data do not hold is None.

    Attributes
    ----------
    plan : what all reports of the base plan from
    spread : how different customers are, over the last period
    change : the last period against the one before
    acquisition : first years by source
    winning : what a customer won in the last year cost
    cohorts : lenses 3 to 5
    drivers : groups whose buying changed otherwise than that of the others; None without history for it
    leaving : groups whose customers lapse faster or slower than others; None where that cannot be told
    dates : changes of buying at a date, in orders and spend, the clearest first; None without the history
    changed_on : the day that was asked about; empty where the last year was searched
    """

    t: Sentences
    plan: Plans
    handed: HandedIn
    spread: audit.ValueSpread | None
    change: audit.Change | None
    acquisition: audit.Acquisition | None
    winning: audit.CostOfWinning | None
    cohorts: Cohorts | None
    drivers: pd.DataFrame | None
    leaving: pd.DataFrame | None = None
    dates: list[ChangeAt] | None = None
    changed_on: str = ""

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Those that all pages share."""
        return self.plan.actions

    @property
    def tree(self) -> audit.RevenueTree | None:
        """What revenue changed by; None without two periods that have revenue."""
        return self.change.tree if self.change else None

    @property
    def products(self) -> pd.DataFrame | None:
        """What was won and lost by category; None without two periods or without categories."""
        return self.change.products if self.change else None

    @property
    def length(self) -> str:
        """Length of the compared period in words: "52 weeks"."""
        days = self.change.totals.span_days if self.change else 0
        return span(self.t, days // 7, "W")

    @property
    def window(self) -> str:
        """The time over which customers are said to differ: "52 weeks"; days where it is short."""
        days = self.spread.days if self.spread else 0
        return span(self.t, days, "D") if days < 14 else span(self.t, days // 7, "W")

    @property
    def same_season(self) -> bool:
        """Whether both periods lie in the same season."""
        return self.change is not None and self.change.totals.span_days >= A_YEAR


def prepare(
    base: CustomerBase,
    *,
    every: str = "auto",
    compare_to: str = "",
    changed_on: str = "",
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> AuditReport | SmallReport:
    """Look at the base through the five lenses.

    Parameters
    ----------
    every : length of a cohort's period: month, quarter, year, or auto by the length of the history
    compare_to : length of the last period and of the one before it ("-52w"); empty: the longest of `SPANS`
        that the data hold twice, while how customers differ is shown over the last year
    changed_on : a day on which something changed, such as a price rise ("2026-03-01"); empty: every fourth
        week of the last year is looked at
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    days = [as_day(changed_on, "changed_on")] if changed_on else []
    missing: dict[str, str] = {}
    length, change = _change(base, compare_to)
    plan = plans(base, span=length, effect=effect)
    write_lists(base, plan.actions, run, show_customers)
    return AuditReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        handed=handed_in(run),
        spread=attempt(missing, "spread", lambda: audit.value_spread(base, compare_to or YEAR)),
        change=change,
        acquisition=audit.acquisition(base, minimum=ON_A_PAGE),
        winning=audit.cost_of_winning(base),
        cohorts=cohorts(base, every),
        drivers=attempt(missing, "drivers", lambda: by_attribute(base, compare_to or HALF)),
        leaving=attempt(
            missing,
            "leaving",
            lambda: leaving_by_attribute(base, plan.given.definitions.lapsed_days or LAPSING),
        ),
        dates=attempt(missing, "dates", lambda: changes(base, days)),
        changed_on=changed_on,
    )


def _change(base: CustomerBase, compare_to: str) -> tuple[str, audit.Change | None]:
    """The length that was compared, and the comparison; None where the data hold none twice."""
    spans = (compare_to,) if compare_to else SPANS
    for length in spans:
        found = audit.change(base, length, ON_A_PAGE)
        if found is not None:
            return length, found
    return spans[0], None
