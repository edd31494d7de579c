"""Key figures of the co-operation. No count of people: those are published once, by `overlap`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.kpi import COUNT, UP, Kpi, refused

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

PARTNERS = "partners"  # the report that explains them


def partners(given: Measured) -> Kpi:
    """Partners who have given records."""
    table = given.base.tables.get("partner_records")
    n = 0 if table is None else int(table.partner_id.nunique().to_pyarrow().as_py() or 0)
    if not n:
        return refused("partners", COUNT, UP, "no partner has given records", PARTNERS)
    return Kpi("partners", COUNT, UP, n, n, explained_in=PARTNERS)


KPIS = (partners,)
