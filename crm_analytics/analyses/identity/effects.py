"""What merging changes: buyers, repeat purchases, standing, segments and value, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.value_to_come import HORIZON, value_to_come
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.identity.who_is_who import WhoIsWho
    from crm_analytics.analyses.kpi import Kpi
    from crm_analytics.analyses.value_to_come import ValueToCome
    from crm_analytics.tables.customer_base import CustomerBase

FIGURES = (
    "customers_bought", "bought_again", "top_fifth_revenue_share", "customers_active", "customers_at_risk",
    "customers_lapsed", "value_to_come", "still_customers", "revenue_to_date",
)  # fmt: skip


def effects(found: WhoIsWho) -> pd.DataFrame:
    """Key figures without and with the records of a customer merged.

    Returns
    -------
    id, unit, before, after (NaN where a figure is refused); of `FIGURES`. Revenue is among them because it
    must not change
    """
    before, after = (_figures(base) for base in (found.before, found.after))
    rows = [
        (name, before[name].unit, before[name].value, after[name].value)
        for name in FIGURES
        if before[name].value is not None and after[name].value is not None
    ]
    return pd.DataFrame(rows, columns=["id", "unit", "before", "after"])


def _figures(base: CustomerBase) -> dict[str, Kpi]:
    outlook, why = _outlook(base)
    return measure(Measured(base, outlook=outlook, no_outlook=why), FIGURES)


def _outlook(base: CustomerBase) -> tuple[ValueToCome | None, str]:
    try:
        return value_to_come(base, HORIZON), ""
    except DataError as error:
        return None, str(error)


def segment_moves(found: WhoIsWho) -> pd.DataFrame:
    """Customers by RFM segment: segment, before, after; both by the rules of the merged base.

    Raises
    ------
    DataError : segments cannot be told.
    """
    after = rfm.score(found.after)
    before = rfm.score(found.before, rules=after.rules)
    one, two = (s.segments.set_index("segment")["customers"] for s in (before, after))
    table = pd.DataFrame({"before": one, "after": two}).fillna(0).astype("int64")
    table = table[(table > 0).any(axis=1)].rename_axis("segment").reset_index()
    return table.reindex(columns=["segment", "before", "after"])
