"""A ratio of two totals whose rows come in clusters, such as many mentions by one author.

Rows of one cluster are alike, so the clusters are the draw, not the rows. Source: W. G. Cochran (1977),
*Sampling Techniques*, chapter 6, the linearised variance of a ratio; with few clusters Student's t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.intervals import Z95, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir
    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase

EXACT = "decimal(38, 6)"  # sums of decimals, which no order of rows changes


@dataclass(frozen=True)
class Ratio:
    """top / bottom with its 95 % interval over clusters.

    Attributes
    ----------
    value, lower, upper : None where there is nothing below
    error : standard error
    clusters : behind it
    top, bottom : the totals
    """

    value: float | None
    lower: float | None
    upper: float | None
    error: float
    clusters: int
    top: float
    bottom: float

    @property
    def is_known(self) -> bool:
        """Whether there is a value with an interval."""
        return self.value is not None and self.lower is not None and math.isfinite(self.error)


def ratio_of(sums: Mapping[Any, Any] | pd.Series, *, is_share: bool = False) -> Ratio:
    """The ratio of sums over clusters: n, top, bottom, tt, tb, bb.

    Parameters
    ----------
    is_share : top is a count out of bottom; the interval is Wilson's over so many rows as are worth one
        independent row each (the design effect), and stays in 0..1

    Examples
    --------
    >>> rows = {"n": 400, "top": 100, "bottom": 400, "tt": 100, "tb": 100, "bb": 400}
    >>> found = ratio_of(rows, is_share=True)
    >>> round(found.value, 3), round(found.lower, 3), round(found.upper, 3)
    (0.25, 0.21, 0.295)
    """
    n = int(sums["n"] or 0)
    top, bottom, tt, tb, bb = (float(sums[k] or 0) for k in ("top", "bottom", "tt", "tb", "bb"))
    if not n or bottom <= 0:
        return Ratio(None, None, None, math.nan, n, top, bottom)
    value = top / bottom
    if n < 2:
        return Ratio(value, None, None, math.nan, n, top, bottom)
    spread = max(tt - 2 * value * tb + value**2 * bb, 0.0) * n / (n - 1)
    error = math.sqrt(spread) / bottom
    if is_share:
        low, high = _share_bounds(value, bottom, bb, error)
    else:
        from scipy.stats import t

        half = float(t.ppf(0.975, n - 1)) * error
        low, high = value - half, value + half
    return Ratio(value, low, high, error, n, top, bottom)


def _share_bounds(value: float, rows: float, bb: float, error: float) -> tuple[float, float]:
    binomial = value * (1 - value) / rows
    # where all or none answered there is no scatter to go by: clusters of one size are then fully alike
    effect = max(error**2 / binomial, 1.0) if 0 < value < 1 else max(bb / rows, 1.0)
    worth = rows / effect
    return wilson(value * worth, worth)


def summed(  # noqa: PLR0917
    base: CustomerBase, table: ir.Table, cluster: str, top: str, bottom: str, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Sums over clusters, in the engine: one row per group.

    Parameters
    ----------
    table : one row per case
    cluster, top, bottom : its columns; numbers or flags
    by : columns of the groups

    Returns
    -------
    the groups, and n, top, bottom, tt, tb, bb
    """
    each = table.group_by([*by, cluster]).aggregate(
        top=table[top].cast("decimal(28, 6)").sum().cast("decimal(18, 6)"),
        bottom=table[bottom].cast("decimal(28, 6)").sum().cast("decimal(18, 6)"),
    )
    t, b = (each[name].cast("float64") for name in ("top", "bottom"))
    squares = {"tt": t * t, "tb": t * b, "bb": b * b}
    exact = {name: value.round(6).cast(EXACT).sum().cast("float64") for name, value in squares.items()}
    found = each.group_by(list(by)) if by else each
    sums = found.aggregate(
        n=each.count(), top=each.top.sum().cast("float64"), bottom=each.bottom.sum().cast("float64"), **exact
    )
    return base.collect(sums.order_by(list(by)) if by else sums)


def difference(now: Ratio, before: Ratio) -> tuple[float, float, float] | None:
    """Now - before with its 95 % interval, the two drawn apart; None where one of them is not known."""
    if not (now.is_known and before.is_known):
        return None
    assert now.value is not None
    assert before.value is not None
    change = now.value - before.value
    half = Z95 * math.hypot(now.error, before.error)
    return change, change - half, change + half
