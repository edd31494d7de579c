"""Lists that follow the calendar: birthdays, anniversaries, first purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known


def birthday(known: Known) -> ir.Table:
    """Whose birthday is one of the wave's days, over the turn of the year, too; 29 February on the 28th."""
    people = known.base.tables["customers"]
    born = people.filter(people.birth_date.notnull())
    born = born.select("customer_id", key=born.birth_date.month() * 100 + born.birth_date.day())
    return _due(known, born).select("customer_id", "due_on")


def anniversary(known: Known) -> ir.Table:
    """Who bought for the first time on one of the wave's days, some years ago."""
    first = known.buyers.first_day
    since = known.buyers.select("customer_id", key=first.month() * 100 + first.day(), year=first.year())
    due = _due(known, since)
    return due.filter(due.year < due.due_on.year()).select("customer_id", "due_on")


def welcome(known: Known) -> ir.Table:
    """Who bought for the first time in the last days: as many as the wave has, or all since the last wave."""
    return known.buyers.filter(known.buyers.tenure_days < known.recent).select("customer_id")


def _due(known: Known, table: ir.Table) -> ir.Table:
    coming = known.coming()
    return table.inner_join(coming, table.key == coming.due_key)
