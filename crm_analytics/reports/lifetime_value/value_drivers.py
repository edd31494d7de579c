"""The forecast taken apart: by segment, by place today and to come, against an earlier fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import btyd, rfm
from crm_analytics.analyses.btyd.forecasts.dert import residual
from crm_analytics.analyses.portfolio.value_grid import ValueGrid, value_grid
from crm_analytics.reports.lifetime_value.forecast import Forecast
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.report import attempt

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.value_to_come import Plain, ValueToCome
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True, eq=False)
class Carriers:
    """The forecast taken apart, and held against an earlier fit.

    segments : RFM segment, customers, value, lower, upper; None where segments cannot be told
    grid : today against to come
    past : revenue so far
    beyond : share of the endless (discounted) value that lies beyond the horizon; None without a discount,
        as then it has no bound
    margin : share of the revenue, or None
    drift : of the models fitted at the earlier day; None without one
    """

    segments: pd.DataFrame | None
    grid: ValueGrid
    past: float
    beyond: float | None
    margin: float | None
    drift: btyd.Drift | None


def carriers(
    base: CustomerBase,
    found: Forecast,
    outlook: ValueToCome,
    before: Plain | None,
    wanted: dict[str, Any],
) -> Carriers:
    """Take the forecast apart.

    Parameters
    ----------
    outlook : the forecast that every page prints
    before : what was fitted at an earlier day
    wanted : horizon, rate, timing
    """
    moved = None
    if before is not None:
        then = btyd.freeze(before.summary, before.model, before.spend)
        moved = attempt({}, "drift", lambda: btyd.drift(then, base))
    cells = found.summary.cells.astype(float)
    each = pd.Series(
        found.spend.expected(
            cells["frequency"].to_numpy(), found.summary.cell_days["monetary_value"].to_numpy(float)
        ),
        cells.index,
    )
    ahead = (wanted["horizon"], wanted["rate"], wanted["timing"])
    rest = residual(found.model, cells, *ahead, worth=each).share_beyond if wanted["rate"] > 0 else None
    share = margin_of(base).share
    history = base.purchase_history
    past = float(history.revenue.sum().to_pyarrow().as_py() or 0)
    segments = attempt({}, "segments", lambda: outlook.of_groups(_segments(base)))
    return Carriers(segments, value_grid(base, found.scored, margin=share), past, rest, share, moved)


def _segments(base: CustomerBase) -> ir.Table:
    return rfm.score(base).customers.select("customer_id", "segment")
