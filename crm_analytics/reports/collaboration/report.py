"""What the collaboration report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import collaboration
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

KPIS = ("seen_by_one_team", "contradictory_messages", "tickets_handed_over", "questions_asked_again")
OPEN_COMPLAINTS = "open_complaints"  # the list


@dataclass(frozen=True, kw_only=True, eq=False)
class CollaborationReport(Report):
    """Everything the sections show."""

    t: Sentences
    given: Measured
    teams: pd.DataFrame
    contradictions: tuple[list[collaboration.Rate], ir.Table] | None
    hand_offs: tuple[collaboration.Rate, dict[str, float]] | None
    repeated: collaboration.Rate | None
    pipeline: collaboration.Pipeline | None
    actions: tuple[Action, ...]
    handed: HandedIn

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.given, KPIS)

    @property
    def met(self) -> int:
        """Customers with any contact in the last year."""
        return int(self.teams["customers"].sum())


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> CollaborationReport | SmallReport:
    """Bring the contacts of all teams together.

    Parameters
    ----------
    compare_to : the period of the key figures, and which one it is held against
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    met = base.materialise(collaboration.contacts(base))
    against = attempt(missing, "contradictions", lambda: collaboration.contradictions(base))
    actions = _actions(against)
    write_lists(base, actions, run, show_customers)
    return CollaborationReport(
        base=base, show_customers=show_customers, missing=missing, language=language,
        t=catalogue(language, __file__, base.currency), given=Measured(base, span=compare_to),
        teams=collaboration.teams_seen(base, met), contradictions=against,
        hand_offs=attempt(missing, "hand_offs", lambda: collaboration.hand_offs(base)),
        repeated=attempt(missing, "repeated", lambda: collaboration.repeated_questions(base)),
        pipeline=attempt(missing, "pipeline", lambda: collaboration.pipeline(base)),
        actions=actions, handed=handed_in(run),
    )  # fmt: skip


def _actions(against: tuple[list[collaboration.Rate], ir.Table] | None) -> tuple[Action, ...]:
    """Call those with an open complaint; until it is solved no campaign should reach them."""
    if against is None:
        return ()
    n = int(against[1].count().to_pyarrow().as_py())
    if not n:
        return ()
    whom = {"complaint": ("open",)}
    return (Action(OPEN_COMPLAINTS, "service", "prepare", whom, n, OPEN_COMPLAINTS, audience=against[1]),)
