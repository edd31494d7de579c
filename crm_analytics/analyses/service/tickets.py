"""Each ticket with its times: first reply, first and final resolution, one touch, reopened, reassigned.

A reply is the first *public* word of an agent: an internal comment is none, and a ticket without one has no
reply time, which is not zero. A ticket that was closed or answered before it was opened has broken times: it
is counted as such and has none. Names of figures are Zendesk's and ServiceNow's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.service.business_time import (
    ALL_SCHEDULES,
    RULES,
    business_minutes,
    by_schedule_history,
    in_utc,
    minutes,
)
from crm_analytics.analyses.service.schedules import Schedule
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"tickets": ("ticket_id", "customer_id", "created_at")}
KEPT = (
    "ticket_id", "customer_id", "created_at", "channel", "type", "is_complaint", "priority", "product_id",
    "transaction_id", "first_reply_at", "first_solved_at", "last_solved_at", "reopens", "replies",
    "reassignments", "sla_due_at", "satisfaction_score", "handle_minutes", "cost", "resolution",
)  # fmt: skip
TIMES = {"reply": "first_reply_at", "first_resolution": "first_solved_at", "resolution": "last_solved_at"}
AGENTS = ("agent", "admin")


@dataclass(frozen=True, eq=False)
class Tickets(ObjectCard):
    """The tickets of a base at its day.

    Attributes
    ----------
    each : ticket_id, customer_id, created_at, day (date), hour (0 to 23), the columns of the contract, and
        reply_minutes, first_resolution_minutes, resolution_minutes (calendar; NULL where it has not come),
        the same with `_business_minutes` where there are schedules, is_broken, is_solved, is_open, one_touch
        (NULL where replies are not counted), reopened, reassigned
    has : columns of `tickets` that the source has, and first_reply_at where the history tells it
    schedules : that business minutes were counted by; empty without
    rule : "all schedules" or "last schedule"
    """

    base: CustomerBase
    each: ir.Table
    has: frozenset[str]
    schedules: tuple[Schedule, ...]
    rule: str

    @property
    def count(self) -> int:
        """How many tickets."""
        return int(self.each.count().to_pyarrow().as_py())


def tickets(
    base: CustomerBase,
    schedules: Sequence[Schedule] = (),
    *,
    history: ir.Table | None = None,
    rule: str = ALL_SCHEDULES,
) -> Tickets:
    """The tickets of a base, with their times.

    Parameters
    ----------
    schedules : opening hours; without them only calendar minutes are counted. A ticket is on the schedule
        named like its channel, else on the first
    history : what happened to tickets: ticket_id, at, kind, value, is_public, author. Kind "comment" tells
        replies (public, author "agent" or "admin"), "schedule" the schedule from then on, "assignee" the
        agent, "priority" and "sla_due" see `sla`. An Ibis table of the base's engine, such as
        `base.to_engine(frame)`; its moments are on the clock of the base
    rule : what a ticket that changed schedules counts by, see `business_time.by_schedule_history`

    Raises
    ------
    DataError : the source has no tickets.
    ParameterError : an unknown rule.
    """
    base.require(NEEDS)
    if rule not in RULES:
        raise ParameterError(f"unknown rule '{rule}'{nearest(rule, RULES)}; it is one of {', '.join(RULES)}")
    table = base.tables["tickets"]
    has = set(table.columns)
    each = table.select(**{name: _column(table, name) for name in KEPT})
    if history is not None:
        history = known_history(base, history)
        each, told = _with_history(each, history)
        has |= told
    each = _with_facts(each, has)
    zone, days = base.timezone, (base.first_day, base.day)
    opened = in_utc(each.created_at, zone, *days)
    calendar = {f"{n}_minutes": minutes(opened, in_utc(each[c], zone, *days)) for n, c in TIMES.items()}
    each = each.mutate(**calendar)
    if schedules:
        each = _with_business(base, each, schedules, history, rule)
    return Tickets(base, base.materialise(each), frozenset(has), tuple(schedules), rule)


def known_history(base: CustomerBase, history: ir.Table) -> ir.Table:
    """What had happened to tickets at the end of the base's day."""
    end = datetime.combine(base.day + timedelta(days=1), datetime.min.time())
    return history.filter(history["at"] < ibis.literal(end))


def _column(table: ir.Table, name: str) -> ir.Value:
    return table[name] if name in table.columns else ibis.null(TABLES["tickets"][name].engine_type)


def _with_history(each: ir.Table, history: ir.Table) -> tuple[ir.Table, set[str]]:
    """Replies and reassignments as the history tells them, where it has any."""
    comments = history.filter(history.kind == "comment")
    public = comments.filter(comments.is_public.fill_null(False), comments.author.isin(AGENTS))
    opened = each.select("ticket_id", "created_at")
    public = public.inner_join(opened, "ticket_id")
    public = public.filter(public["at"] >= public.created_at)
    said = public.group_by("ticket_id").aggregate(replied=public["at"].min(), answers=public.count())
    moved = history.filter(history.kind == "assignee")
    moved = moved.group_by("ticket_id").aggregate(agents=moved.count())
    known = comments.select("ticket_id").distinct().mutate(commented=ibis.literal(True))
    each = each.left_join(said, "ticket_id", rname="{name}_said")
    each = each.left_join(moved, "ticket_id", rname="{name}_moved")
    each = each.left_join(known, "ticket_id", rname="{name}_known")
    told = each.commented.fill_null(False)  # its comments are in the history: they decide
    each = each.mutate(
        first_reply_at=told.ifelse(each.replied, each.first_reply_at),
        replies=told.ifelse(each.answers.fill_null(0), each.replies),
        reassignments=each.reassignments.coalesce(each.agents - 1),
    )
    return each.select(*KEPT), {"first_reply_at", "replies", "reassignments"}


def _with_facts(each: ir.Table, has: set[str]) -> ir.Table:
    broken = ibis.or_(*((each[c] < each.created_at).fill_null(False) for c in TIMES.values()))
    broken = broken | (each.last_solved_at < each.first_solved_at).fill_null(False)
    clean = {c: broken.ifelse(ibis.null("timestamp"), each[c]) for c in TIMES.values()}
    solved = each.last_solved_at.coalesce(each.first_solved_at).notnull()
    final = each.last_solved_at.coalesce(each.first_solved_at)
    clean["last_solved_at"] = broken.ifelse(ibis.null("timestamp"), final)
    one = solved & (each.replies <= 1) & (each.reopens.fill_null(0) == 0)
    return each.mutate(
        **clean,
        is_complaint=each.is_complaint.fill_null(False),
        day=each.created_at.date(),
        hour=each.created_at.hour().cast("int64"),
        is_broken=broken,
        is_solved=solved,
        is_open=~solved,
        one_touch=one if "replies" in has else ibis.null("boolean"),
        reopened=(each.reopens > 0),
        reassigned=(each.reassignments > 0),
    )


def _with_business(
    base: CustomerBase,
    each: ir.Table,
    schedules: Sequence[Schedule],
    history: ir.Table | None,
    rule: str,
) -> ir.Table:
    names = [s.name for s in schedules]
    channel = each.channel.lower().strip()
    on = channel.isin(names).fill_null(False).ifelse(channel, ibis.literal(names[0]))
    pairs = [("created_at", column, f"{name}_business_minutes") for name, column in TIMES.items()]
    found = business_minutes(base, each.mutate(schedule=on), schedules, pairs=pairs, zone=base.timezone)
    if history is None:
        return found
    assigned = history.filter(history.kind == "schedule")
    assigned = assigned.select("ticket_id", "at", schedule=assigned.value.lower().strip())
    assigned = assigned.filter(assigned.schedule.isin(names))
    for name, column in TIMES.items():
        spans = each.filter(each[column].notnull()).select("ticket_id", start="created_at", end=column)
        told = by_schedule_history(base, spans, assigned, schedules, rule=rule, zone=base.timezone)
        wanted = f"{name}_business_minutes"
        found = found.left_join(told, "ticket_id").drop("ticket_id_right")
        found = found.mutate(**{wanted: found.business_minutes.coalesce(found[wanted])})
        found = found.drop("business_minutes")
    return found
