"""Key figures of what is bought: what comes next, what comes back, what is bought again, how much at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.calendar.daily import daily
from crm_analytics.analyses.calendar.outlook import Outlook, outlook
from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.kpi import DOWN, MONEY, NEITHER, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.analyses.products import ratios
from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.measured import Measured

REPORT = "products"  # that explains them
WEEKS = 8  # of the outlook
LEAST = 30  # of what a share is of, below which it says nothing
Counted = Callable[["ir.Table"], "ir.Table"]


def sales_to_come(given: Measured) -> Kpi:
    """Money that all lines of the next eight weeks will bring, returned goods not taken off."""
    period = f"{WEEKS}w"
    try:
        found = outlook(daily(given.base, "sales"), WEEKS)
    except NotEnoughData as error:
        return refused("sales_to_come", MONEY, UP, str(error), REPORT, period)
    trials = int(found.trials["trials"].iloc[0])
    return Kpi(
        "sales_to_come", MONEY, UP, found.expected, trials, float(found.lower), float(found.upper), period,
        against_year=_against(found), explained_in=REPORT,
    )  # fmt: skip


def _against(found: Outlook) -> Change | None:
    ago = found.year_ago
    if not math.isfinite(ago) or ago <= 0 or found.misses_season:
        return None  # a forecast without the season, held against weeks that had it, would compare seasons
    return Change(found.expected, ago, found.expected / ago - 1, found.lower / ago - 1, found.upper / ago - 1)


def returned_share(given: Measured) -> Kpi:
    """Of all units sold in the last period, how many came back in it."""

    def counted(lines: ir.Table) -> ir.Table:
        paid = lines.filter(~lines.is_free)
        return paid.group_by("who").aggregate(
            top=(-paid.quantity.sum(where=paid.is_return)).fill_null(0.0),
            bottom=paid.quantity.sum(where=~paid.is_return).fill_null(0.0),
        )

    return _share(given, "returned_share", DOWN, counted)


def bought_before_share(given: Measured) -> Kpi:
    """Of the products that known customers bought in the last period, those they had bought before."""

    def counted(lines: ir.Table) -> ir.Table:
        rows = lines.filter(lines.customer_id.notnull())
        return rows.group_by("who").aggregate(
            top=(rows.nth > 0).sum().cast("float64"), bottom=rows.count().cast("float64")
        )

    return _share(given, "bought_before_share", NEITHER, counted, _product_days)


def products_per_order(given: Measured) -> Kpi:
    """How many different products an order of the last period held, on average."""

    def counted(lines: ir.Table) -> ir.Table:
        rows = lines.filter(~lines.is_return, ~lines.is_free, lines.order.notnull())
        orders = rows.group_by("who", "order").aggregate(size=rows["product"].nunique().cast("float64"))
        return orders.group_by("who").aggregate(
            top=orders["size"].sum(), bottom=orders.count().cast("float64")
        )

    return _share(given, "products_per_order", UP, counted, unit=NUMBER)


def _product_days(lines: ir.Table) -> ir.Table:
    """Each customer, product and day once, with nth: how often the customer had bought it before."""
    kept = lines.filter(~lines.is_return, ~lines.is_free)
    rows = kept.select("customer_id", "who", "product", "day").distinct()
    window = ibis.window(group_by=["who", "product"], order_by="day")
    return rows.mutate(nth=ibis.row_number().over(window))


def _share(  # noqa: PLR0917
    given: Measured,
    name: str,
    good: str,
    counted: Counted,
    prepared: Counted | None = None,
    unit: str = SHARE,
) -> Kpi:
    """A ratio of two totals over customers in the last period, against the same weeks a year ago."""
    try:
        lines = product_lines(given.base)
    except DataError as error:
        return refused(name, unit, good, str(error), REPORT, given.span)
    lines = lines.mutate(who=lines.customer_id.fill_null(lines.order))
    lines = lines if prepared is None else prepared(lines)
    end, start = given.base.day, shift(given.base.day, given.span)
    now = _sums(given, counted, lines, start, end)
    n = int(now["bottom"].iloc[0])
    if n < LEAST:
        why = f"{n} of {LEAST} are there to take a share of"
        return refused(name, unit, good, why, REPORT, given.span)
    (low,), (high,) = ratios.fieller(now)
    value = float(now["top"].iloc[0] / now["bottom"].iloc[0])
    most = 1.0 if unit == SHARE and value <= 1 else math.inf
    bounds = (float(max(low, 0.0)), float(min(high, most)))
    if not all(map(math.isfinite, bounds)):
        bounds = (value, value)
    year = _change(now, _sums(given, counted, lines, start - _YEAR, end - _YEAR))
    if given.base.first_day > start - _YEAR + timedelta(days=1):
        year = None
    return Kpi(
        name, unit, good, value, n, *bounds, given.span, against_year=year, explained_in=REPORT
    )  # fmt: skip


_YEAR = timedelta(days=YEAR)


def _sums(given: Measured, counted: Counted, lines: ir.Table, start: date, end: date) -> pd.DataFrame:
    """One row of `ratios.SUMS` over the customers of a period."""
    each = counted(lines.filter(lines.day > ibis.literal(start), lines.day <= ibis.literal(end)))
    sums = each.aggregate(
        top=each.top.sum(),
        bottom=each.bottom.sum(),
        tt=(each.top * each.top).sum(),
        tb=(each.top * each.bottom).sum(),
        bb=(each.bottom * each.bottom).sum(),
    )
    return given.base.collect(sums).astype("float64").fillna(0.0)


def _change(now: pd.DataFrame, then: pd.DataFrame) -> Change | None:
    """The ratio of two ratios, on logarithms; None where one of them is nothing."""
    if not (now["top"].iloc[0] > 0 and then["top"].iloc[0] > 0 and then["bottom"].iloc[0] >= LEAST):
        return None
    one, other = (float(s["top"].iloc[0] / s["bottom"].iloc[0]) for s in (now, then))
    error = float(np.hypot(ratios.log_error(now)[0], ratios.log_error(then)[0]))
    ratio = one / other
    return Change(
        one, other, ratio - 1, ratio * math.exp(-Z95 * error) - 1, ratio * math.exp(Z95 * error) - 1
    )


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    sales_to_come, returned_share, bought_before_share, products_per_order,
)  # fmt: skip
