"""Customers by state on every day: new, current, reactivated, resurrected, at risk, dormant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.journey.event_log import SOURCES, merged
from crm_analytics.analyses.journey.steps import is_visitor

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ACTIVE = ("new", "current", "reactivated", "resurrected")
SILENT = ("at_risk_wau", "at_risk_mau", "dormant")
STATES = (*ACTIVE, *SILENT)
WEEK, MONTH = 7, 30  # days


def daily_states(base: CustomerBase, sources: Sequence[str] = ("events", "transactions")) -> pd.DataFrame:
    """How many customers are in which state, day by day.

    A customer is active on a day with a step. Active: *new* on the first day, *current* when last active at
    most 7 days ago, *reactivated* 8 to 30, *resurrected* more than 30 days ago. Not active: *at_risk_wau*
    when last active at most 7 days ago, *at_risk_mau* 8 to 30, *dormant* longer (retentioneering 5.2,
    to_daily_states).

    Parameters
    ----------
    sources : which tables count as activity; those that the base does not have are passed over

    Returns
    -------
    day (every one from the first step to the base's day), state (all seven), customers, of (all with a step
    so far), share. Visitors nobody has recognised are not in it.
    """
    chosen = tuple(name for name in SOURCES if name in sources and name in base.snapshot.tables)
    rows = merged(base, chosen)
    rows = rows.filter(~is_visitor(rows.person))
    days = rows.select("person", day=rows["at"].date()).distinct()
    each = ibis.window(group_by=days.person, order_by=days.day)
    number = days.day.cast("timestamp").epoch_seconds() // 86_400
    days = days.mutate(number=number.cast("int64"))
    days = days.mutate(before=days.number.lag().over(each), after=days.number.lead().over(each))
    moves = base.collect(_moves(days))
    return _filled(base, moves)


def _moves(days: ir.Table) -> ir.Table:
    """Number of customers who enter (and leave, below zero) a state on a day: number, state, change."""
    since = days.number - days.before
    state = ibis.cases(
        (days.before.isnull(), ACTIVE[0]),
        (since <= WEEK, ACTIVE[1]),
        (since <= MONTH, ACTIVE[2]),
        else_=ACTIVE[3],
    )
    parts = [days.select(number="number", state=state, change=ibis.literal(1, "int64"))]
    parts.append(days.select(number=days.number + 1, state=state, change=ibis.literal(-1, "int64")))
    begins = (1, WEEK + 1, MONTH + 1)
    for name, first, until in zip(SILENT, begins, (*begins[1:], None), strict=True):
        back = days.after  # NULL: not yet
        silent = days.filter((back - days.number > first) | back.isnull())
        back = silent.after
        parts.append(
            silent.select(
                number=silent.number + first, state=ibis.literal(name), change=ibis.literal(1, "int64")
            )
        )
        end = back if until is None else ibis.least(back.fill_null(2**40), silent.number + until)
        left = silent.select(number=end, state=ibis.literal(name), change=ibis.literal(-1, "int64"))
        parts.append(left.filter(left.number.notnull()))
    moves = ibis.union(*parts, distinct=False)
    return moves.group_by("number", "state").aggregate(change=moves.change.sum())


def _filled(base: CustomerBase, moves: pd.DataFrame) -> pd.DataFrame:
    epoch = pd.Timestamp("1970-01-01").date()
    last = (base.day - epoch).days
    inside = moves[moves["number"] <= last]
    wide = inside.pivot_table(index="number", columns="state", values="change", aggfunc="sum", fill_value=0)
    every = range(int(inside["number"].min()), last + 1)
    wide = wide.reindex(index=list(every), columns=list(STATES), fill_value=0).cumsum().astype("int64")
    wide.index = pd.to_datetime([epoch + timedelta(days=int(n)) for n in wide.index])
    table = wide.rename_axis("day").reset_index().melt("day", var_name="state", value_name="customers")
    order = pd.Categorical(table["state"], STATES)
    table = table.assign(_order=order).sort_values(["day", "_order"]).drop(columns="_order")
    table["of"] = table.groupby("day")["customers"].transform("sum")
    table["share"] = table["customers"] / table["of"]
    return table.astype({"state": str}).reset_index(drop=True)
