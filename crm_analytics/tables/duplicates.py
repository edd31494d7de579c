"""Rows that share a key: the newest stays, and what a customer forbade in any of them stays forbidden."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.checks import BROKEN, ROUNDED, UNREAD
from crm_analytics.tables.contract import ROW, Table
from crm_analytics.tables.signs import RETURNED

REPEATED = "repeats a key that another row has"
DIFFERS = "repeats a key that another row has, and differs from it"
REPEATS = "_repeats"
VARIANT = "_variant"
_COMMON = "_common"
_FORBIDS = "do_not_contact"
_ALLOWS = "consent_"
_MARKS = (BROKEN, UNREAD, ROUNDED, RETURNED, ROW)


def count_repeats(cast: ir.Table, table: Table) -> ir.IntegerScalar | None:
    """How many good rows repeat a key: cheap, asked before the windows of `merge`."""
    if not table.key or any(k not in cast.columns for k in table.key):
        return None
    named = cast.filter([~cast[BROKEN], *(cast[k].notnull() for k in table.key)])
    keys = named.group_by(list(table.key)).aggregate(n=named.count())
    return (keys.n - 1).sum()


def merge(cast: ir.Table, table: Table) -> ir.Table:
    """Every row with REPEATS (another row of its key stays) and VARIANT (it differs from those before it).

    Without a key column in the source nothing is a repetition: equal lines are two purchases. Of the rows of
    one key the newest stays, where rows have a time, else the commonest; of equals which one stays is told by
    what they hold, so that the order of rows does not matter. A consent holds only where no row of the key
    denies it, and `do_not_contact` where any row says so.
    """
    contents = [c for c in table.names if c in cast.columns and c not in table.key]
    time = table.row_time
    has_time = time in contents
    if not has_time:
        alone = ibis.window(group_by=[cast[c] for c in (BROKEN, *table.key, *contents)])
        cast = cast.mutate(**{_COMMON: cast[table.key[0]].count().over(alone)})
    complete = ~cast[BROKEN]
    for key in table.key:
        complete &= cast[key].notnull()
    same = ibis.window(group_by=[*table.key, complete, *contents], order_by=list(table.key))
    first = ibis.desc(time, nulls_first=False) if has_time else ibis.desc(_COMMON)
    order: list[Any] = [first, *(c for c in contents if c != time)]
    alike = ibis.window(group_by=[*table.key, complete], order_by=order)
    every = ibis.window(group_by=[*table.key, complete])
    narrow: dict[str, ir.Value] = {}
    for name in contents:
        if name.startswith(_ALLOWS):
            agreed = cast[name].cast("int8").min().over(every).cast("boolean")
            narrow[name] = complete.ifelse(agreed, cast[name])
        elif name == _FORBIDS:
            forbidden = cast[name].cast("int8").max().over(every).cast("boolean")
            narrow[name] = complete.ifelse(forbidden, cast[name])
    marked = cast.mutate(
        **{REPEATS: complete & (ibis.row_number().over(alike) > 0),
           VARIANT: complete & (ibis.row_number().over(same) == 0)},
        **narrow,
    )  # fmt: skip
    return marked.drop(*({_COMMON} & set(marked.columns)))


def once_each(cast: ir.Table, table: Table) -> ir.Table:
    """One row of each key, where rows of another table describe it: purchases name products."""
    named = cast.filter([~cast[BROKEN], *(cast[k].notnull() for k in table.key)])
    merged = merge(named, table)
    return merged.filter(~merged[REPEATS]).drop(REPEATS, VARIANT)


def denied(cast: ir.Table, table: Table) -> int:
    """Keys whose rows disagree on a consent or on `do_not_contact`."""
    named = cast.filter([~cast[BROKEN], *(cast[k].notnull() for k in table.key)])
    asked = [c for c in named.columns if c.startswith(_ALLOWS) or c == _FORBIDS]
    if not asked:
        return 0
    differs = ibis.literal(False)
    for name in asked:
        differs |= named[name].cast("int8").min() != named[name].cast("int8").max()
    keys = named.group_by(list(table.key)).aggregate(differs=differs)
    return int(keys.aggregate(n=keys.differs.sum()).to_pyarrow()["n"][0].as_py() or 0)
