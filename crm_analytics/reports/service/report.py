"""What the service report is made from, and its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses import service
from crm_analytics.analyses.actions import Action, Expected, expected_margin, ranked
from crm_analytics.analyses.churn.survival.complaints import AfterComplaint, after_complaint
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.voice import Topics, topics
from crm_analytics.errors import CrmError, DataError
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

KPIS = (
    "contacts_per_100_orders", "first_reply_hours", "ticket_satisfaction", "tickets_open",
    "sla_kept_share", "one_touch_share", "resolution_hours", "reopened_share", "ticket_cost",
    "tickets_opened",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ServiceReport(Report):
    """Everything the sections show; a part that the data do not hold is None."""

    t: Sentences
    plan: Plans
    handed: HandedIn
    tickets: service.Tickets | None
    backlog: pd.DataFrame | None = None
    summary: service.Summary | None = None
    targets: pd.DataFrame | None = None
    contacts: pd.DataFrame | None = None
    products: pd.DataFrame | None = None
    problems: pd.DataFrame | None = None
    complaints: Topics | None = None
    cost: service.CostToServe | None = None
    repeats: service.Repeats | None = None
    leaving: AfterComplaint | None = None
    recovery: service.Recovery | None = None
    arrivals: service.Arrivals | None = None
    own_actions: tuple[Action, ...] = ()

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    hours: str = "",
    targets: str = "",
    within: int = 2,
    minute_cost: float = 0.0,
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> ServiceReport | SmallReport:
    """Measure the help desk of a base at its day.

    Parameters
    ----------
    compare_to : length of a period ("-13w")
    hours : opening hours, such as "Mon-Fri 09:00-17:00 zone Europe/Berlin holidays DE"; see
        `service.schedules`. Without them only calendar time is counted
    targets : time until the first reply by priority, "high 4h, normal 1d"; without them the due times of
        the source
    within : days in which a complaint counts as solved quickly
    minute_cost : money a minute of an agent, where tickets tell minutes and no cost
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run

    Raises
    ------
    ParameterError : hours or targets that cannot be read.
    """
    schedules = service.parse_schedules(hours) if hours else ()
    wanted = service.parse_targets(targets)
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    plan = plans(base, span=compare_to, effect=effect)
    found = attempt(missing, "tickets", lambda: service.tickets(base, schedules))
    known = found if found is not None and found.count else None
    plan.given.once("service.tickets", lambda: known)
    same: dict[str, Any] = {
        "base": base, "show_customers": show_customers, "missing": missing, "language": language,
        "t": catalogue(language, __file__, base.currency), "plan": plan, "handed": handed_in(run),
    }  # fmt: skip
    if known is None:
        return ServiceReport(**same, tickets=None)
    actions = _actions(plan, known)
    write_lists(base, actions, run, show_customers)

    parts: dict[str, Any] = {
        "backlog": lambda: _followed(known),
        "summary": lambda: service.summarise(known),
        "targets": lambda: service.sla_by_priority(known, service.sla(known, wanted)),
        "contacts": lambda: service.contacts_per_100_orders(known),
        "products": lambda: service.drivers_by_product(known),
        "problems": lambda: service.known_problems(known),
        "complaints": lambda: topics(base, _complaints(base)),
        "cost": lambda: service.cost_to_serve(known, minute_cost=minute_cost),
        "repeats": lambda: service.repeats(known),
        "leaving": lambda: after_complaint(base),
        "recovery": lambda: service.recovery(base, within=within),
        "arrivals": lambda: service.arrivals(known),
    }
    made = {name: _or_none(attempt(missing, name, make, CrmError)) for name, make in parts.items()}
    return ServiceReport(**same, tickets=known, own_actions=actions, **made)


def _or_none(found: Any) -> Any:
    """An empty table is nothing to show."""
    return None if isinstance(found, pd.DataFrame) and found.empty else found


def _followed(known: service.Tickets) -> pd.DataFrame:
    """The backlog of the weeks since the first ticket, a year at most."""
    if not {"first_solved_at", "last_solved_at"} & known.has:
        raise DataError("the source does not tell when a ticket was solved")
    first = known.each.day.min().to_pyarrow().as_py()
    weeks = max(2, min(52, (known.base.day - first).days // 7))
    return service.backlog(known, weeks)


def _complaints(base: CustomerBase) -> ir.Table:
    """What customers wrote when they complained."""
    base.require({"tickets": ("is_complaint",)})
    table = base.tables["tickets"]
    name = next((c for c in ("description", "subject") if c in table.columns), None)
    if name is None:
        raise DataError("the source holds no texts of tickets")
    bad = table.filter(table.is_complaint.fill_null(False))
    return bad.select(text=bad[name], person=bad.customer_id)


def _actions(plan: Plans, known: service.Tickets) -> tuple[Action, ...]:
    """Whom the desk should call, and whom it owes an answer."""
    found = []
    repeated = service.with_repeated_problem(known)
    groups = plan.audiences.customers if plan.audiences is not None else plan.given.standings
    mine = groups.filter(groups.standing.isin([ACTIVE, AT_RISK])).semi_join(repeated, "customer_id")
    if n := int(mine.count().to_pyarrow().as_py()):
        whom = {"standing": (ACTIVE, AT_RISK), "problem": ("repeated",)}
        found.append(
            Action("repeated_problem", "service", "call", whom, n, "repeated_problem",
                   _worth(plan, mine, n), plan.effect, plan.cost, mine)
        )  # fmt: skip
    open_ = known.each.filter(known.each.is_open, ~known.each.is_broken, known.each.customer_id.notnull())
    who = open_.select("customer_id").distinct()
    if {"first_solved_at", "last_solved_at"} & known.has and (n := int(who.count().to_pyarrow().as_py())):
        waiting = {"ticket": ("open",)}
        found.append(
            Action("open_tickets", "service", "prepare", waiting, n, "open_tickets", None, None, None, who)
        )
    return tuple(ranked(found))


def _worth(plan: Plans, mine: ir.Table, n: int) -> Expected | None:
    if plan.audiences is None:
        return None
    near = plan.audiences.near.of_groups(mine.select("customer_id", segment=ibis.literal("repeated")))
    value, low, high = (float(near.iloc[0][c]) for c in ("value", "lower", "upper"))
    return expected_margin(value, low, high, n, plan.given.margin, plan.effect, plan.cost)
