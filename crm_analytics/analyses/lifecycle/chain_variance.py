"""How sure the values of a chain are: customers are the draw, not their periods.

A customer who buys often passes the first states again and again, always at a pace of their own; taken one by
one, those periods would make an interval that holds the truth 71 to 90 times of a hundred instead of 95.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.tables.money import square

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Vector = NDArray[np.float64]
_SCALE = "decimal(18, 6)"  # of influences: their sums must not know the order of the rows


def each_gap(bought: ir.Table) -> ir.Table:
    """Each purchase with the periods to the next: customer_id, spend, gap, open (none yet), first."""
    by = ibis.window(group_by="customer_id", order_by=ibis.desc("back"))
    gaps = bought.mutate(following=bought.back.lead().over(by), place=ibis.row_number().over(by))
    return gaps.select(
        "customer_id",
        "spend",
        gap=(gaps.back - gaps.following.fill_null(0)).cast("int64"),
        open=gaps.following.isnull(),
        first=gaps.place == 0,
    )


def clustered_variance(
    base: CustomerBase,
    bought: ir.Table,
    states: pd.DataFrame,
    gradient: Vector,
    *,
    by_money: Vector,
    mean: float,
    purchases: int,
) -> Vector:
    """Variance of each state's value: squares of the sums of each customer's influences.

    A purchase and the gap after it move the chances of the states it passed and the mean spend. Customers buy
    at rates of their own, so all purchases of one are one case (Cameron & Miller 2015, JHR 50, 317-372).
    """
    gaps = each_gap(bought)
    kinds = base.collect(gaps.select("gap", "open").distinct().order_by("gap", "open"))
    p, n = states["p"].to_numpy(float), states["at_risk"].to_numpy(float)
    lost = np.concatenate([np.zeros((len(p), 1)), np.cumsum(-gradient * (p / n), axis=1)], axis=1)
    passed = kinds["gap"].clip(upper=len(p)).to_numpy()
    moved = lost[:, passed]
    closed = (~kinds["open"] & kinds["gap"].between(1, len(p))).to_numpy()
    at = np.where(closed, kinds["gap"], 1).astype(int) - 1
    moved = moved + np.where(closed, gradient[:, at] / n[at], 0.0)
    names = [f"state_{k}" for k in range(len(p))]
    small = base.to_engine(kinds.assign(**dict(zip(names, purchases * moved, strict=True))))
    rows = gaps.inner_join(small, ["gap", "open"])
    apart = rows.spend.cast("float64") - mean
    influence = {
        name: (rows[name] + apart * float(money)).round(6).cast(_SCALE)
        for name, money in zip(names, by_money, strict=True)
    }
    each = rows.select("customer_id", **influence).group_by("customer_id")
    one = each.aggregate(**{name: ibis._[name].sum().cast(_SCALE) for name in names})
    squares = one.aggregate(**{name: square(one[name]).sum() for name in names})
    found = base.collect(squares).iloc[0]
    return np.array([max(0.0, float(found[name])) for name in names]) / float(purchases) ** 2
