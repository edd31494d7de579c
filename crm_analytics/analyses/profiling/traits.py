"""What sets a group of customers apart: shares of habits in it and elsewhere, corrected for many looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import benjamini_hochberg, share_difference

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

HABITS = ("category", "channel", "weekday", "basket", "price_level", "deal_prone")
MINIMUM = 30  # customers in the group and elsewhere
LEVEL = 0.05  # of false discoveries among the findings


def traits(
    base: CustomerBase,
    groups: ir.Table,
    habits: ir.Table,
    group: str = "segment",
    columns: Sequence[str] = HABITS,
) -> pd.DataFrame:
    """Compare each group with all other customers, habit by habit.

    Parameters
    ----------
    groups : customer_id and the column `group`
    habits : customer_id and columns of habits, e.g. `favourites.favourites`; missing values are left out
    columns : the habits to look at, as far as `habits` has them

    Returns
    -------
    group, attribute, level, customers (of the group with that level), n (of the group whose habit is known),
    share, elsewhere (share among all others), lift, difference, lower, upper (95 %, Newcombe), p_adjusted
    (two-sided, Benjamini & Hochberg 1995 over the whole table), clear; largest clear difference first. Groups
    with fewer than `MINIMUM` customers, here or elsewhere, are left out.
    """
    counts = count_habits(base, groups, habits, group, columns)
    return compare(counts, group)


def count_habits(
    base: CustomerBase, groups: ir.Table, habits: ir.Table, group: str, columns: Sequence[str] = HABITS
) -> pd.DataFrame:
    """Customers by group, attribute and level."""
    known = [c for c in columns if c in habits.columns]
    joined = base.materialise(groups.select("customer_id", group).inner_join(habits, "customer_id"))
    parts = []
    for name in known:
        rows = joined.filter(joined[name].notnull(), joined[group].notnull())
        counted = rows.group_by(group, level=rows[name].cast("string")).aggregate(customers=rows.count())
        parts.append(base.collect(counted.order_by(group, "level")).assign(attribute=name))
    if not parts:
        return pd.DataFrame(columns=[group, "attribute", "level", "customers"])
    return pd.concat(parts, ignore_index=True)[[group, "attribute", "level", "customers"]]


def compare(counts: pd.DataFrame, group: str) -> pd.DataFrame:
    """Each group's shares against those of all others, from counts (group, attribute, level, customers)."""
    n = counts.groupby([group, "attribute"])["customers"].transform("sum")
    total = counts.groupby(["attribute", "level"])["customers"].transform("sum")
    everyone = counts.groupby("attribute")["customers"].transform("sum")
    table = counts.assign(n=n, rest=total - counts["customers"], rest_n=everyone - n)
    table = table[(table["n"] >= MINIMUM) & (table["rest_n"] >= MINIMUM)].reset_index(drop=True)
    table["share"], table["elsewhere"] = table["customers"] / table["n"], table["rest"] / table["rest_n"]
    table["lift"] = table["share"] / table["elsewhere"].where(table["elsewhere"] > 0)
    table["difference"] = table["share"] - table["elsewhere"]
    cells = table[["customers", "n", "rest", "rest_n"]].astype("int64").itertuples(index=False)
    bounds = np.array([share_difference(*cell) for cell in cells]).reshape(-1, 2)
    table["lower"], table["upper"] = bounds[:, 0], bounds[:, 1]
    table["p_adjusted"] = benjamini_hochberg(_p_values(table))
    table["clear"] = table["p_adjusted"] < LEVEL
    order = table.assign(size=-table["difference"].abs(), doubt=~table["clear"]).sort_values(
        ["doubt", "size", group, "attribute", "level"]
    )
    columns = [group, "attribute", "level", "customers", "n", "share", "elsewhere", "lift", "difference"]
    return order[[*columns, "lower", "upper", "p_adjusted", "clear"]].reset_index(drop=True)


def _p_values(table: pd.DataFrame) -> np.ndarray:
    """Two-sided, of two proportions, with the pooled variance."""
    pooled = (table["customers"] + table["rest"]) / (table["n"] + table["rest_n"])
    error = np.sqrt(pooled * (1 - pooled) * (1 / table["n"] + 1 / table["rest_n"]))
    z = (table["difference"].abs() / error.where(error > 0)).fillna(0.0)
    return np.array([math.erfc(value / math.sqrt(2)) for value in z])
