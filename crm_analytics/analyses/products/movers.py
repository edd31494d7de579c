"""Which products sell more or less than before, beyond chance, the shop as a whole, and the season."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.products import ratios
from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.days import Span, earlier_day
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

YEAR = 364  # days: whole weeks
BUYERS = (
    10  # customers (or anonymous orders) with the product in the periods compared, below which none moves
)
LEVEL = 0.05  # of false discoveries
VERDICTS = ("moves", "the season's", "not told apart", "as before")


@dataclass(frozen=True, eq=False)
class Movers(ObjectCard):
    """Products against the period before, and against how they moved a year ago.

    Attributes
    ----------
    products : product, buyers, now, before (orders with it), ratio (of now to before), lower, upper (95 %),
        shop (ratio of all orders), relative (ratio over shop), p_adjusted (of no difference to the shop;
        Benjamini & Hochberg over all products), last_year (the same relative ratio a year ago; missing
        without data), verdict; clear movers first, by orders gained or lost against the shop
    verdict : "moves": differs from the shop beyond chance, and from what it did a year ago. "the season's":
        it moved so a year ago, too. "not told apart": a year ago is too thin to say, or not in the data.
        "as before"
    span_days : of each period
    has_last_year : whether the data reach back a year more
    """

    products: pd.DataFrame
    span_days: int
    has_last_year: bool

    card_frame = "products"
    plot = Plots("crm_analytics.analyses.products.pictures", "movers")


def movers(
    base: CustomerBase, span: Span = "-13w", level: str = "product", *, exclude: Collection[str] = ()
) -> Movers:
    """Compare the last period of length `span` with the one before.

    Customers are the draw, so one customer's large order makes no mover; the interval is Fieller's (1954) for
    a ratio of two totals, and the test its numerator's.

    Raises
    ------
    DataError : the source has no products.
    NotEnoughData : the data do not hold two periods.
    """
    middle = earlier_day(base.day, span)
    days = (base.day - middle).days
    start = middle - timedelta(days=days)
    have = (base.day - base.first_day).days + 1
    if days <= 0 or have < 2 * days:
        raise NotEnoughData("movers", have, 2 * max(days, 1), "days")
    lines = product_lines(base, level, exclude=exclude)
    lines = lines.filter(~lines.is_return, ~lines.is_free)
    now = _periods(base, lines, start, middle, base.day)
    if now.empty:
        raise NotEnoughData("movers", 0, BUYERS, "orders in the last two periods")
    back = timedelta(days=YEAR)
    has_last_year = base.first_day <= start - back + timedelta(days=1)
    table = _tested(now)
    table["last_year"] = np.nan
    verdict = np.where(table["p_adjusted"] < LEVEL, "moves", "as before")
    if not has_last_year:  # garlands before Christmas move beyond the shop, and so they do every year
        verdict = np.where(verdict == "moves", "not told apart", verdict)
    else:
        then = _tested(_periods(base, lines, start - back, middle - back, base.day - back))
        verdict = _against_last_year(table, then, verdict)
    table["verdict"] = verdict
    table = table.rename(columns={"top": "now", "bottom": "before"})
    gained = (table["now"] - table["shop"] * table["before"]).abs()
    order = table.assign(place=[VERDICTS.index(v) for v in verdict], gained=-gained)
    table = table.loc[order.sort_values(["place", "gained", "product"]).index]
    columns = [
        "product", "buyers", "now", "before", "ratio", "lower", "upper", "shop", "relative", "p_adjusted",
        "last_year", "verdict",
    ]  # fmt: skip
    return Movers(table[columns].reset_index(drop=True), days, has_last_year)


def _periods(base: CustomerBase, lines: ir.Table, start: date, middle: date, end: date) -> pd.DataFrame:
    """By product, over customers: buyers, and the sums of `ratios` (top: now, bottom: before)."""
    late = (lines.day > ibis.literal(middle)) & (lines.day <= ibis.literal(end))
    early = (lines.day > ibis.literal(start)) & (lines.day <= ibis.literal(middle))
    rows = lines.filter(late | early, lines.order.notnull())
    rows = rows.select(
        "product",
        "order",
        who=rows.customer_id.fill_null(rows.order),
        late=(rows.day > ibis.literal(middle)).cast("int64"),
    ).distinct()
    each = rows.group_by("product", "who").aggregate(
        now=rows.late.sum().cast("float64"), before=(1 - rows.late).sum().cast("float64")
    )
    found = base.collect(
        each.group_by("product").aggregate(
            buyers=each.count(),
            top=each.now.sum(),
            bottom=each.before.sum(),
            tt=(each.now * each.now).sum(),
            tb=(each.now * each.before).sum(),
            bb=(each.before * each.before).sum(),
        )
    )
    whole = rows.select("order", "late").distinct()
    sums = whole.aggregate(late=whole.late.sum(), all=whole.count()).to_pyarrow().to_pylist()[0]
    late_orders, early_orders = float(sums["late"] or 0), float((sums["all"] or 0) - (sums["late"] or 0))
    return found.assign(shop=late_orders / early_orders if early_orders else np.nan)


def _tested(sums: pd.DataFrame) -> pd.DataFrame:
    table = sums[sums["buyers"] >= BUYERS].sort_values("product").reset_index(drop=True)
    now, before, shop = (table[c].to_numpy(float) for c in ("top", "bottom", "shop"))
    table["ratio"] = np.divide(now, before, out=np.full(len(now), np.inf), where=before > 0)
    table["relative"] = table["ratio"] / shop
    table["lower"], table["upper"] = ratios.fieller(table)
    p = ratios.p_of(table, shop)
    table["p_adjusted"] = benjamini_hochberg(p) if len(p) else p
    return table


def _against_last_year(table: pd.DataFrame, then: pd.DataFrame, verdict: np.ndarray) -> np.ndarray:
    """Whether a mover moved so a year ago: the two relative ratios, compared on logarithms."""
    past = then.set_index("product").reindex(table["product"])
    table["last_year"] = past["relative"].to_numpy()
    one, other = ratios.log_error(table), ratios.log_error(past)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.log(table["relative"].to_numpy(float)) - np.log(past["relative"].to_numpy(float))
        z = np.abs(gap) / np.hypot(one, other)
    moved = verdict == "moves"
    # one of many movers differs from its last year by chance (Bonferroni)
    sure = stats.norm.isf(LEVEL / 2 / max(int(moved.sum()), 1))
    thin = ~np.isfinite(z) | (other > 0.5)
    same = ~thin & (z < Z95)
    verdict = np.where(moved & (thin | (z < sure)), "not told apart", verdict)
    return np.where(moved & same, "the season's", verdict)
