"""Service-level targets: whether the first reply came in time, at the priority that applied.

A target is what was promised when it was promised. A ticket that becomes urgent later was not late under the
urgent target before; so the priority is the one that held when the target was set, from the history of the
ticket, and only without a history the one the ticket has now. Of several targets of one ticket the first one
that was missed says when it was breached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.service.business_time import business_minutes
from crm_analytics.analyses.service.tickets import Tickets, known_history
from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_TARGET = re.compile(r"\s*(.+?)\s+(\d+(?:\.\d+)?)\s*(m|min|h|d)\s*", re.IGNORECASE)
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 1440}


def parse_targets(text: str) -> dict[str, float]:
    """Targets by priority: minutes until the first reply.

    >>> parse_targets("urgent 30min, high 4h, normal 1d")
    {'urgent': 30.0, 'high': 240.0, 'normal': 1440.0}

    Raises
    ------
    ParameterError : a target that cannot be read.
    """
    found = {}
    for part in (one for one in text.split(",") if one.strip()):
        match = _TARGET.fullmatch(part)
        if match is None:
            raise ParameterError(f"'{part.strip()[:30]}' is no target; write them like 'high 4h, normal 1d'")
        found[match[1].lower()] = float(match[2]) * _MINUTES[match[3].lower()]
    return found


def sla(
    given: Tickets, targets: Mapping[str, float] | None = None, *, history: ir.Table | None = None
) -> ir.Table:
    """Each ticket that had a target, and whether it was kept.

    Parameters
    ----------
    targets : minutes until the first reply by priority, within opening hours where there are schedules;
        without them the due times of the source count (`sla_due_at`, and "sla_due" in the history)
    history : see `tickets`

    Returns
    -------
    ticket_id, priority (that applied), missed (NULL where it is not due yet), breached_at (the first due time
        that was missed; NULL where targets are minutes). Where the source tells no replies, the first
        solution counts

    Raises
    ------
    DataError : there are neither targets nor due times.
    """
    if history is not None:
        history = known_history(given.base, history)
    each = _at_priority(given.each, history)
    answered = "first_reply_at" if "first_reply_at" in given.has else "first_solved_at"
    if targets:
        return _by_minutes(given, each, targets, answered)
    due = each.filter(each.sla_due_at.notnull())
    due = due.select("ticket_id", due=due.sla_due_at.cast("timestamp"))
    if history is not None:
        more = history.filter(history.kind == "sla_due")
        more = more.select("ticket_id", due=more.value.try_cast("timestamp"))
        due = due.union(more.filter(more.due.notnull()))
    elif "sla_due_at" not in given.has:
        raise DataError("no targets: give some by priority, or a column sla_due_at")
    end = ibis.literal(_end_of(given))
    both = each.filter(~each.is_broken).inner_join(due, "ticket_id")
    moment = both[answered]
    missed = (moment > both.due) | (moment.isnull() & (both.due < end))
    open_ = moment.isnull() & (both.due >= end)
    both = both.mutate(missed=open_.ifelse(ibis.null("boolean"), missed))
    return both.group_by("ticket_id", "priority").aggregate(
        missed=both.missed.any(), breached_at=both.due.min(where=both.missed)
    )


def _end_of(given: Tickets) -> datetime:
    return datetime.combine(given.base.day + timedelta(days=1), datetime.min.time())


def _at_priority(each: ir.Table, history: ir.Table | None) -> ir.Table:
    """Tickets with the priority they had when the target was set: at their opening."""
    if history is None:
        return each
    told = history.filter(history.kind == "priority")
    told = told.inner_join(each.select("ticket_id", "created_at"), "ticket_id")
    told = told.filter(told["at"] <= told.created_at)
    last = ibis.window(group_by="ticket_id", order_by=[ibis.desc("at"), "value"])
    told = told.mutate(back=ibis.row_number().over(last))
    told = told.filter(told.back == 0).select("ticket_id", applied="value")
    found = each.left_join(told, "ticket_id").drop("ticket_id_right")
    return found.mutate(priority=found.applied.coalesce(found.priority)).drop("applied")


def _by_minutes(given: Tickets, each: ir.Table, targets: Mapping[str, float], answered: str) -> ir.Table:
    priority = each.priority.lower().strip()
    target = ibis.cases(*((priority == name, float(m)) for name, m in targets.items()), else_=None)
    name = "reply" if answered == "first_reply_at" else "first_resolution"
    waited = f"{name}_business_minutes" if given.schedules else f"{name}_minutes"
    each = each.mutate(target=target.cast("float64"))
    each = each.filter(each.target.notnull(), ~each.is_broken)
    each = each.mutate(asked=ibis.literal(_end_of(given)))
    if given.schedules:
        names = [s.name for s in given.schedules]
        channel = each.channel.lower().strip()
        on = channel.isin(names).fill_null(False).ifelse(channel, ibis.literal(names[0]))
        pairs = [("created_at", "asked", "so_far")]
        each = business_minutes(
            given.base, each.mutate(schedule=on), given.schedules, pairs=pairs, zone=given.base.timezone
        )
    else:
        each = each.mutate(
            so_far=(each.asked.epoch_seconds() - each.created_at.epoch_seconds()).cast("float64") / 60.0
        )
    late = each[waited] > each.target
    waiting = (each.so_far > each.target).ifelse(True, ibis.null("boolean"))
    missed = each[answered].isnull().ifelse(waiting, late)
    return each.select("ticket_id", "priority", missed=missed, breached_at=ibis.null("timestamp"))


def sla_by_priority(given: Tickets, kept: ir.Table) -> pd.DataFrame:
    """Targets kept, by priority: priority, due, kept, share, lower, upper (95 %, Wilson)."""
    judged = shared(kept.filter(kept.missed.notnull()), "priority", ON_A_PAGE, "ticket_id")
    counted = judged.group_by(priority=judged.priority.fill_null("")).aggregate(
        due=judged.count(), kept=(~judged.missed).sum()
    )
    frame = given.base.collect(counted.order_by(ibis.desc("due"), "priority"))
    frame["share"] = frame["kept"] / frame["due"]
    bounds = [wilson(int(k), int(n)) for k, n in zip(frame["kept"], frame["due"], strict=True)]
    frame["lower"] = [low for low, _ in bounds]
    frame["upper"] = [high for _, high in bounds]
    return frame
