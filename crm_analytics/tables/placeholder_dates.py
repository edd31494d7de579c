"""Dates that stand for "unknown": nobody is born on the day that a tenth of all customers share."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.contract import Table
from crm_analytics.tables.findings import Finding

OLDEST_BIRTH = date(1910, 1, 1)
# What systems and people write where they do not know: epochs, first days, spreadsheet zeros
USUAL = frozenset(
    date.fromisoformat(day)
    for day in (
        "0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1904-01-01",
        "1950-01-01", "1960-01-01", "1969-12-31", "1970-01-01", "1980-01-01", "1990-01-01", "1999-09-09",
        "1999-12-31", "2000-01-01", "2001-01-01", "9999-12-31",
    )
)  # fmt: skip
SHARE = 0.03  # of one birth date among all; a real one is shared by about one in 25,000
USUAL_SHARE = 0.01
FEWEST = 3
_BIRTH = "birth_date"


def empty_placeholders(rows: ir.Table, contract: Table) -> tuple[ir.Table, list[Finding]]:
    """Birth dates that are stand-ins left empty, and what was found.

    A birth date is a stand-in before 1910; where more than a few per cent of the customers share it; or where
    it is a usual default (1970-01-01, 2000-01-01, ...) that more than one in a hundred share.
    """
    if contract.name != "customers" or _BIRTH not in rows.columns:
        return rows, []
    born = rows[_BIRTH]
    days = rows.filter(born.notnull()).group_by(_BIRTH).aggregate(n=born.count())
    known = int(days.n.sum().to_pyarrow().as_py() or 0)
    often = days.filter((days.n >= FEWEST) & (days.n > USUAL_SHARE * known)).to_pyarrow().to_pylist()
    shared = [
        day[_BIRTH]
        for day in often
        if day[_BIRTH] in USUAL or (day["n"] > SHARE * known and (known >= 20 or day["n"] > known / 2))
    ]
    stands = born < ibis.literal(OLDEST_BIRTH)
    if shared:
        stands |= born.isin(shared)
    stands = stands.fill_null(False)
    emptied = int(rows.aggregate(n=stands.sum()).to_pyarrow()["n"][0].as_py() or 0)
    if not emptied:
        return rows, []
    shown = ", ".join(day.isoformat() for day in sorted(shared)[:3])
    says = (
        f"{emptied:,} of {known:,} birth dates stand for unknown "
        f"({shown or 'before 1910'}): they are left empty."
    )
    listed = ", ".join(f'"{day.isoformat()}"' for day in sorted(shared))
    settles = f"[customers]\nunknown_dates = [{listed}]" if shared else ""
    finding = Finding("placeholder_date", "warning", "customers", _BIRTH, says, emptied, settles=settles)
    return rows.mutate(**{_BIRTH: stands.ifelse(ibis.null("date"), born)}), [finding]
