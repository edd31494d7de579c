"""What BG/NBD expects of each customer, and MBG/NBD's P(alive), as features beside the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.btyd import BetaGeo, ModifiedBetaGeo, summarize
from crm_analytics.analyses.btyd.fitting.histories import History
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


def with_btyd(past: CustomerBase, table: ir.Table, window: int) -> ir.Table:
    """The features with what BG/NBD expects in the window and MBG/NBD's P(alive), if they can be fitted."""
    summary = summarize(past, "D")
    try:
        model, status = BetaGeo.fit(summary), ModifiedBetaGeo.fit(summary)
    except NotEnoughData:
        return table
    cells = summary.cells
    who = History.of(cells)
    expected = model.purchases(who, np.array([float(window)]))[:, 0]
    keys = {
        "frequency": cells["frequency"],
        **{c: summary.cell_days[c] for c in ("recency_days", "age_days")},
    }
    scores = past.to_engine(
        pd.DataFrame({**keys, "expected_purchases": expected, "probability_alive": status.alive(who)})
    )
    each = summary.history.inner_join(scores, list(keys))
    each = each.select("customer_id", "expected_purchases", "probability_alive")
    return table.left_join(each, "customer_id").drop("customer_id_right")
