"""Service and support: times in calendar and business minutes, targets, causes, cost, complaints."""

from crm_analytics.analyses.service.arrivals import Arrivals, arrivals
from crm_analytics.analyses.service.business_time import ALL_SCHEDULES, LAST_SCHEDULE
from crm_analytics.analyses.service.contacts import (
    contacts_per_100_orders,
    drivers_by_product,
    known_problems,
)
from crm_analytics.analyses.service.cost_to_serve import CostToServe, cost_to_serve
from crm_analytics.analyses.service.recovery import Recovery, recovery
from crm_analytics.analyses.service.repeats import Repeats, repeats, with_repeated_problem
from crm_analytics.analyses.service.schedules import Schedule, parse_schedules
from crm_analytics.analyses.service.sla import parse_targets, sla, sla_by_priority
from crm_analytics.analyses.service.summary import Summary, backlog, summarise
from crm_analytics.analyses.service.tickets import Tickets, tickets
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "ALL_SCHEDULES", "LAST_SCHEDULE", "Arrivals", "CostToServe", "Recovery", "Repeats", "Schedule", "Summary",
    "Tickets", "arrivals", "backlog", "contacts_per_100_orders", "cost_to_serve", "drivers_by_product",
    "known_problems", "parse_schedules", "parse_targets", "recovery", "repeats", "sla", "sla_by_priority",
    "summarise", "tickets", "with_repeated_problem",
]  # fmt: skip

know_names(globals())
