"""Pictures of products: the calendar of categories, movers, what is bought together, days of habit."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.plots import Picture
from crm_analytics.analyses.products.affinity import Affinity
from crm_analytics.analyses.products.category_months import CategoryMonths
from crm_analytics.analyses.products.cross_shop import CrossShop
from crm_analytics.analyses.products.habitual_day import HabitualDays
from crm_analytics.analyses.products.movers import Movers
from crm_analytics.pages import figures

MOST = 12
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def calendar(found: CategoryMonths, *, most: int = MOST) -> Picture:
    """Index of each category by month of the year: 100 is the category's usual share of orders."""
    busiest = found.cells.groupby("category")["orders"].sum().nlargest(most).index
    frame = found.cells[found.cells["category"].isin(busiest)].reset_index(drop=True)

    def draw(cells: pd.DataFrame) -> figures.go.Figure:
        wide = cells.pivot_table(index="category", columns="month", values="index").reindex(busiest)
        wide.columns = pd.Index([MONTHS[int(month) - 1] for month in wide.columns])
        return figures.heatmap(wide, fmt="number:0")

    return Picture(frame=frame, title="Categories by month, 100 = usual", draw=draw,
                   empty=found.words or "No category has orders.")  # fmt: skip


def movers(found: Movers, *, most: int = MOST) -> Picture:
    """Products against the shop: how many times as many orders as before, with the interval."""
    frame = found.products.head(most)
    return Picture(
        frame=frame,
        title=f"Orders against {found.span_days} days before (1 = as many)",
        draw=lambda f: figures.intervals(f, "product", "ratio", "lower", "upper", 1, fmt="number:2"),
        empty="No product has enough orders.",
    )


def pairs(found: Affinity, *, most: int = MOST) -> Picture:
    """Products bought together: times as often as by chance, with the interval."""
    top = found.pairs.head(most)
    frame = top.assign(pair=top["product_a"].astype(str) + " + " + top["product_b"].astype(str))
    return Picture(
        frame=frame,
        title="Orders with both over what chance would give",
        draw=lambda f: figures.intervals(f, "pair", "within_lift", "lower", "upper", 1, fmt="number:1"),
        empty="No two products are bought together often enough.",
    )


def categories(found: CrossShop, *, most: int = 10) -> Picture:
    """Share of the customers of one category (row) who buy the other, too."""
    named = list(dict.fromkeys([*found.pairs["category_a"], *found.pairs["category_b"]]))[:most]
    one = found.pairs[["category_a", "category_b", "customers", "share"]]
    frame = one[one["category_a"].isin(named) & one["category_b"].isin(named)].reset_index(drop=True)
    return Picture(
        frame=frame,
        title="Share of a category's customers who buy another, too",
        draw=lambda f: figures.heatmap(
            f.pivot_table(index="category_a", columns="category_b", values="share"), fmt="percent:0", top=1.0
        ),
        empty="Nobody buys in two categories.",
    )


def breadth(found: CrossShop) -> Picture:
    """Customers by the number of categories they buy in."""
    return Picture(
        frame=found.breadth,
        title="Customers by number of categories",
        draw=lambda f: figures.columns(
            f.assign(categories=f["categories"].astype(str)), "categories", ["customers"], fmt="count"
        ),
    )


def weekdays(found: HabitualDays) -> Picture:
    """Customers with a weekday of their own."""
    return Picture(
        frame=found.weekdays,
        title="Customers with a habitual weekday",
        draw=lambda f: figures.columns(f, "weekday", ["customers"], fmt="count"),
    )
