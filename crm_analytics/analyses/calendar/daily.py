"""Sales day by day, of the whole base or by a group of products: the small frame calendars are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.order_lines import order_lines
from crm_analytics.errors import check_name

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MEASURES = ("orders", "sales", "units")


def daily(base: CustomerBase, measure: str = "orders") -> pd.Series:
    """One value a day from the first to the last day of the base, 0 where nothing was sold.

    Parameters
    ----------
    measure : "orders" (different orders; a line without customer and key counts as one), "sales" (money of
        all lines that are no returns), "units" (pieces of them). Anonymous sales are in all three

    Returns
    -------
    float64 on a daily DatetimeIndex
    """
    lines = sold_lines(base)
    found = base.collect(lines.group_by("day").aggregate(value=value_of(lines, measure)))
    return _filled(found, base)


def daily_by(base: CustomerBase, lines: ir.Table, group: str, measure: str = "orders") -> pd.DataFrame:
    """As `daily`, with a column for each value of `group` in `lines` (of `sold_lines` with more columns)."""
    check_name("group: unknown column", group, lines.columns)
    known = lines.filter(lines[group].notnull())
    found = base.collect(known.group_by(group, "day").aggregate(value=value_of(known, measure)))
    parts = {name: _filled(rows, base) for name, rows in found.groupby(group, sort=True)}
    return pd.DataFrame(parts)


def hourly(base: CustomerBase) -> pd.DataFrame:
    """Orders by day and hour, where anything was sold: day, hour (0..23), orders."""
    lines = sold_lines(base)
    found = lines.group_by("day", hour=lines["at"].hour()).aggregate(orders=value_of(lines, "orders"))
    return base.collect(found.order_by("day", "hour"))


def sold_lines(base: CustomerBase) -> ir.Table:
    """`order_lines` without returns."""
    lines = order_lines(base)
    return lines.filter(~lines.is_return)


def value_of(lines: ir.Table, measure: str) -> ir.NumericScalar:
    """The sum of a measure over lines, as float64."""
    check_name("unknown measure", measure, MEASURES)
    if measure == "orders":
        return (lines.order.nunique() + lines.order.isnull().sum()).cast("float64")
    if measure == "units":
        return lines.quantity.sum().cast("float64")
    return lines.spend.sum().cast("float64")


def whole_months(series: pd.Series) -> pd.Series:
    """Totals of the calendar months that lie whole inside a daily series."""
    days = pd.DatetimeIndex(series.index)
    months = series.groupby(days.to_period("M")).agg(["sum", "size"])
    whole = months["size"].to_numpy() == pd.PeriodIndex(months.index).days_in_month.to_numpy()
    return months.loc[whole, "sum"].rename(None)


def _filled(found: pd.DataFrame, base: CustomerBase) -> pd.Series:
    start = base.first_day if base.start is None else base.start + pd.Timedelta(days=1)
    days = pd.date_range(max(pd.Timestamp(start), pd.Timestamp(base.first_day)), base.day, freq="D")
    at = pd.DatetimeIndex(pd.to_datetime(found["day"])).astype(days.dtype)
    return pd.Series(found["value"].to_numpy(float), at).reindex(days, fill_value=0.0)
