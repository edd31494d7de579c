"""What the overview is made from: five key figures, their past, and the facts that other reports froze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.actions import Agreed, agreed
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpi_history import Point, history, with_changes
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

FIVE = ("revenue", "buyers", "customers_active", "customers_at_risk", "value_to_come")
INSTEAD = ("revenue_to_date", "customers_bought", "bought_again")  # for those that the data cannot tell


@dataclass(frozen=True, kw_only=True, eq=False)
class OverviewReport(Report):
    """Everything the sections show.

    Attributes
    ----------
    figures : the five, each with its change against the period before and a year ago
    past : the last periods of those that have them, the oldest first
    agreed : the actions of all reports of the day, each once
    """

    t: Sentences
    plan: Plans
    figures: dict[str, Kpi]
    past: dict[str, tuple[Point, ...]]
    handed: HandedIn
    agreed: Agreed


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallOverview(SmallReport):
    """The small form, which leads to the other reports of the day, too."""

    handed: HandedIn

    @property
    def t(self) -> Sentences:
        """Its sentences."""
        return catalogue(self.language, __file__, self.base.currency)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> OverviewReport | SmallOverview:
    """Measure the five key figures, and gather what the other reports of this day said.

    Parameters
    ----------
    compare_to : length of a period
    run : the folder in which a run hands in the facts of other runs; empty where nobody does
    """
    handed = handed_in(run)
    if small := too_small(base, show_customers, language=language):
        return SmallOverview(
            base=base, show_customers=show_customers, seen=small.seen, language=language, handed=handed
        )
    plan = plans(base, span=compare_to)
    return OverviewReport(
        base=base,
        show_customers=show_customers,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        figures=_five(plan),
        past=plan.given.once("kpi_history", lambda: history(plan.given)),
        handed=handed,
        agreed=agreed(HandedIn(neighbours=tuple(in_order(handed))).actions),
    )


def _five(plan: Plans) -> dict[str, Kpi]:
    """Five figures that have a value; one that cannot be told stays only where there are no others."""
    found = with_changes(plan.given, (*FIVE, *INSTEAD))
    known = [name for name in (*FIVE, *INSTEAD) if found[name].value is not None]
    chosen = [*known, *(name for name in FIVE if name not in known)][: len(FIVE)]
    return {name: found[name] for name in chosen}


def in_order(handed: HandedIn) -> list[Mapping[str, Any]]:
    """The other reports of the day, in reading order."""
    return sorted(handed.neighbours, key=lambda one: (str(one.get("file", "")), str(one["report"])))
