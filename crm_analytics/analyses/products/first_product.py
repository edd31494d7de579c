"""Which first products begin long relations: what customers bring after the day they began with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg, wilson
from crm_analytics.analyses.products.product_lines import LEVELS, product_lines
from crm_analytics.errors import NotEnoughData, ParameterError, check_name
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 100  # customers seen for the whole window
STARTERS = 30  # of a product, and of all others
SETTLING = 90  # days at the start of the data: whoever buys first in them may have bought before them
LEVEL = 0.05  # of false discoveries


@dataclass(frozen=True, eq=False)
class FirstProducts(ObjectCard):
    """First product against value to come.

    Attributes
    ----------
    products : product, customers (who began with it), value (mean revenue of the days after the first, net,
        within the window), difference (to customers who began without it in the same quarter), lower, upper
        (95 %, Welch), p_adjusted (Benjamini & Hochberg), clear, again (share with a repeat purchase),
        again_lower, again_upper (95 %, Wilson); by difference, clear ones first
    customers : seen for the whole window
    window_days : after the first day
    mean : value of them all
    """

    products: pd.DataFrame
    customers: int
    window_days: int
    mean: float

    card_frame = "products"


def first_products(base: CustomerBase, level: str = "product", window: int = 365) -> FirstProducts:
    """Compare customers by what their first day of purchase held.

    A comparison, no effect: who begins with a product may differ in other ways. The quarter in which they
    began is held equal. Customers first seen in the first `SETTLING` days of the data are left out.

    Parameters
    ----------
    level : "product", "category", "subcategory" or "brand"
    window : days after the first day

    Raises
    ------
    DataError : the source has no products.
    NotEnoughData : fewer than `MINIMUM` customers were seen so long.
    """
    check_name("unknown level", level, LEVELS)
    if window < 1:
        raise ParameterError(f"window is {window}: it must be a day or more")
    began = _began(base, window)
    n = int(began.count().to_pyarrow().as_py())
    if n < MINIMUM:
        raise NotEnoughData(f"first products, with {window} days after them,", n, MINIMUM)
    lines = product_lines(base, level)
    lines = lines.filter(~lines.is_return, ~lines.is_free, lines.customer_id.notnull())
    rows = lines.select("customer_id", "product", "day").distinct()
    rows = rows.inner_join(began, [rows.customer_id == began.customer_id, rows.day == began.first_day])
    sums = base.collect(
        rows.group_by("product").aggregate(
            customers=rows.count(),
            value=rows.value.mean(),
            rest=rows.rest.sum(),
            squares=(rows.rest * rows.rest).sum(),
            again=rows.again.sum(),
        )
    )
    whole = began.aggregate(mean=began.value.mean(), squares=(began.rest * began.rest).sum())
    (row,) = whole.to_pyarrow().to_pylist()
    return FirstProducts(_compared(sums, n, float(row["squares"])), n, window, float(row["mean"]))


def _began(base: CustomerBase, window: int) -> ir.Table:
    """customer_id, first_day, value and again (0/1) of the window, rest: value less its quarter's mean."""
    start = base.first_day + timedelta(days=SETTLING)
    end = base.day - timedelta(days=window)
    first = base.purchase_history
    first = first.filter(
        first.first_day.notnull(),
        first.first_day >= ibis.literal(start),
        first.first_day <= ibis.literal(end),
    ).select("customer_id", "first_day")
    days = base.customer_days
    later = days.inner_join(first, "customer_id")
    since = later.day.delta(later.first_day, unit="day")
    later = later.filter(since > 0, since <= window)
    came = later.group_by("customer_id").aggregate(
        value=later.spend.sum().cast("float64"), again=later.is_occasion.any().cast("int64")
    )
    joined = first.left_join(came, "customer_id").drop("customer_id_right")
    joined = joined.mutate(value=joined.value.fill_null(0.0), again=joined.again.fill_null(0))
    quarter = joined.first_day.year() * 4 + joined.first_day.quarter()
    joined = joined.mutate(quarter=quarter)
    return base.materialise(
        joined.mutate(rest=joined.value - joined.value.mean().over(group_by="quarter")).drop("quarter")
    )


def _compared(sums: pd.DataFrame, n: int, squares: float) -> pd.DataFrame:
    table = sums[(sums["customers"] >= STARTERS) & (n - sums["customers"] >= STARTERS)]
    table = table.sort_values("product").reset_index(drop=True)
    k = table["customers"].to_numpy(float)
    own = table["rest"].to_numpy() / k
    others = -table["rest"].to_numpy() / (n - k)  # all rests add up to 0
    spread = np.maximum(table["squares"].to_numpy() - k * own**2, 0.0) / (k - 1)
    spread_others = np.maximum(squares - table["squares"].to_numpy() - (n - k) * others**2, 0.0) / (n - k - 1)
    error = np.sqrt(spread / k + spread_others / (n - k))
    difference = own - others
    p = 2 * stats.norm.sf(np.abs(difference) / np.maximum(error, 1e-300))
    adjusted = benjamini_hochberg(p) if len(p) else p
    bounds = [wilson(int(a), int(c)) for a, c in zip(table["again"], table["customers"], strict=True)]
    found = pd.DataFrame(
        {
            "product": table["product"],
            "customers": table["customers"],
            "value": table["value"],
            "difference": difference,
            "lower": difference - Z95 * error,
            "upper": difference + Z95 * error,
            "p_adjusted": adjusted,
            "clear": adjusted < LEVEL,
            "again": table["again"] / table["customers"],
            "again_lower": [low for low, _ in bounds],
            "again_upper": [high for _, high in bounds],
        }
    )
    order = found.assign(doubt=~found["clear"]).sort_values(
        ["doubt", "difference", "product"], ascending=[True, False, True]
    )
    return found.loc[order.index].reset_index(drop=True)
