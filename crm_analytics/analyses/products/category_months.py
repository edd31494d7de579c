"""In which months each category sells above its usual share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.products.product_lines import product_lines
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MONTHS = 12
ORDERS = 30  # in a month, below which its shares are not looked at
DAYS = 20  # of a month, below which it is left out: two days of January are no January
CATEGORIES = 30  # the largest
LEVEL = 0.05  # of false discoveries
FIRM = 2  # years
AHEAD = 8  # weeks in which a peak is looked for
WORTHWHILE = 110.0  # index of a month, from which it is a peak worth a mail


@dataclass(frozen=True, eq=False)
class CategoryMonths(ObjectCard):
    """Category by month of the year.

    Attributes
    ----------
    cells : category, month (1..12), orders (with the category), of (orders of the month), share, usual (share
        over all months), index (100 * share / usual), lower, upper (95 %, customers taken as the draw),
        years (in which the month was seen), agreeing (of them, in which the share was on the same side of
        usual), p_adjusted (Benjamini & Hochberg over the table), clear (beyond chance, and agreeing in every
        year of two or more), once (beyond chance in the only year seen)
    years : calendar months seen, over 12
    words : what to know when reading it
    """

    cells: pd.DataFrame
    years: float
    words: str

    plot = Plots("crm_analytics.analyses.products.pictures", "calendar")


def category_months(base: CustomerBase, level: str = "category") -> CategoryMonths:
    """Share of a month's orders that hold a category, against its share of all orders.

    What the whole shop sells more of in December is not in it: that is the `calendar`.

    Raises
    ------
    DataError : products have no category.
    NotEnoughData : fewer than 12 calendar months were seen.
    """
    lines = product_lines(base, level)
    lines = lines.filter(~lines.is_return, ~lines.is_free, lines.order.notnull())
    month = (lines.day.year() * MONTHS + lines.day.month() - 1).cast("int64")
    rows = lines.select(
        "order", category="product", who=lines.customer_id.fill_null(lines.order), month=month
    ).distinct()
    rows = base.materialise(rows.filter(rows.month.isin(_covered(base.first_day, base.day))))
    orders = rows.select("order", "who", "month").distinct()
    each = orders.group_by("month", "who").aggregate(n=orders.count().cast("float64"))
    whole = base.collect(each.group_by("month").aggregate(of=each.n.sum(), nn=(each.n * each.n).sum()))
    if len(whole) < MONTHS:
        raise NotEnoughData("categories by month", len(whole), MONTHS, "calendar months")
    mine = rows.group_by("category", "month", "who").aggregate(x=rows.order.nunique().cast("float64"))
    mine = mine.inner_join(each, ["month", "who"])
    sums = base.collect(
        mine.group_by("category", "month").aggregate(
            orders=mine.x.sum(), xx=(mine.x * mine.x).sum(), xn=(mine.x * mine.n).sum()
        )
    )
    cells = _indices(_largest(sums), whole)
    seen = len(whole) / MONTHS
    words = f"From {len(whole)} calendar months."
    if seen < FIRM:
        words += (
            " Most months were seen once: a campaign of that month looks like a season. None is called clear."
        )
    return CategoryMonths(cells, seen, words)


@dataclass(frozen=True)
class Peak:
    """A category's coming month: its first day ahead, and the index with its interval."""

    category: str
    month: int
    start: date
    index: float
    lower: float
    upper: float


def coming_peak(found: CategoryMonths, day: date, weeks: int = AHEAD) -> Peak | None:
    """The strongest clear season among the months that the next weeks touch; None without one.

    Parameters
    ----------
    day : the last known one
    """
    days = pd.date_range(pd.Timestamp(day) + pd.Timedelta(days=1), periods=7 * weeks, freq="D")
    first = {int(one.month): one for one in days[::-1]}
    cells = found.cells
    peaks = cells[cells["clear"] & (cells["index"] >= WORTHWHILE) & cells["month"].isin(first)]
    if peaks.empty:
        return None
    best = peaks.sort_values(["index", "category"], ascending=[False, True]).iloc[0]
    bounds = (float(best["lower"]), float(best["upper"]))
    month = int(best["month"])
    return Peak(str(best["category"]), month, first[month].date(), float(best["index"]), *bounds)


def _covered(first: date, last: date) -> list[int]:
    """Calendar months (12 * year + month - 1) of which the data hold enough days."""
    days = pd.date_range(first, last)
    counts = pd.Series(days.year * MONTHS + days.month - 1).value_counts()
    return [int(month) for month in counts[counts >= DAYS].index]


def _largest(sums: pd.DataFrame) -> pd.DataFrame:
    total = sums.groupby("category")["orders"].sum().sort_values(ascending=False, kind="stable")
    return sums[sums["category"].isin(total.index[:CATEGORIES])]


def _indices(sums: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    grid = whole.merge(pd.DataFrame({"category": np.sort(sums["category"].unique())}), how="cross")
    table = grid.merge(sums, on=["category", "month"], how="left").fillna({"orders": 0, "xx": 0, "xn": 0})
    total = table.groupby("category")[["orders", "of"]].transform("sum")
    table["usual"] = total["orders"] / total["of"]
    above = np.sign(table["orders"] / table["of"] - table["usual"])
    table = table.assign(year=table["month"] // MONTHS, month=table["month"] % MONTHS + 1, above=above)
    found = table.groupby(["category", "month"], as_index=False).agg(
        dict.fromkeys(("orders", "of", "nn", "xx", "xn", "above"), "sum")
        | {"usual": "first", "year": "nunique"}
    )
    found = found[found["of"] >= ORDERS].reset_index(drop=True)
    share = found["orders"] / found["of"]
    # the month is part of all months, so its own weight is taken out of the error of the difference
    spread = found["xx"] - 2 * share * found["xn"] + share**2 * found["nn"]
    error = np.sqrt(np.maximum(spread, 1e-300)) / found["of"]
    # of no order among n customers the rule of three says at most 3 / n; orders repeat, so n is of them
    none = np.where(found["orders"] == 0, 3 * found["nn"] / found["of"] ** 2, 0.0)
    null = found["xx"] - 2 * found["usual"] * found["xn"] + found["usual"] ** 2 * found["nn"]
    z = ((share - found["usual"]).abs() * found["of"]).to_numpy() / np.sqrt(
        np.maximum(null.to_numpy(), 1e-300)
    )
    sure = benjamini_hochberg(2 * stats.norm.sf(z)) if len(found) else np.empty(0)
    many = found["year"] >= FIRM
    agreeing = ((found["year"] + found["above"].abs()) / 2).round().astype("int64")
    return pd.DataFrame(
        {
            "category": found["category"],
            "month": found["month"],
            "orders": found["orders"].astype("int64"),
            "of": found["of"].astype("int64"),
            "share": share,
            "usual": found["usual"],
            "index": 100 * share / found["usual"],
            "lower": 100 * np.maximum(share - Z95 * error, 0) / found["usual"],
            "upper": 100 * np.maximum(share + Z95 * error, none) / found["usual"],
            "years": found["year"],
            "agreeing": agreeing,
            "p_adjusted": sure,
            "clear": (sure < LEVEL) & many & (agreeing == found["year"]),
            "once": (sure < LEVEL) & ~many,
        }
    )
