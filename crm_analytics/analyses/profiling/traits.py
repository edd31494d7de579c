"""What sets a group of customers apart: shares of habits in it and elsewhere, corrected for many looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.errors import check_name

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

HABITS = ("category", "channel", "weekday", "basket", "price_level", "deal_prone")
MINIMUM = 30  # customers in the group and elsewhere
EXPECTED = 5  # customers with a level, and without it, that chance alone would give a group
LEVEL = 0.05  # of false discoveries among the findings
BANDS = (13, 16, 21, 31, 51, 101)  # purchases behind a habit; below the first, each number is its own band


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
    as `compare`

    Notes
    -----
    A favourite is the mode, and a level the mean, of so many purchases, and both change with their number
    although the law they are drawn from is one: so customers are compared with others of as many purchases.
    Groups that were made from the same purchases differ by that alone; take groups of an earlier day, and the
    habits of what was bought since.
    """
    check_name("group: unknown column", group, groups.columns)
    for name in columns:
        check_name("columns: unknown habit", name, dict.fromkeys([*HABITS, *habits.columns]))
    counts = count_habits(base, groups, habits, group, columns)
    return compare(counts, group)


def count_habits(
    base: CustomerBase, groups: ir.Table, habits: ir.Table, group: str, columns: Sequence[str] = HABITS
) -> pd.DataFrame:
    """Customers by group, attribute, level and `of` (band of the number of purchases behind the habit)."""
    known = [c for c in columns if c in habits.columns]
    joined = base.materialise(groups.select("customer_id", group).inner_join(habits, "customer_id"))
    parts = []
    for name in known:
        rows = joined.filter(joined[name].notnull(), joined[group].notnull())
        many = rows[f"{name}_of"] if f"{name}_of" in rows.columns else rows["orders"]
        keys = {"level": rows[name].cast("string"), "of": _band(many)}
        counted = rows.group_by(group, **keys).aggregate(customers=rows.count())
        parts.append(base.collect(counted.order_by(group, "level", "of")).assign(attribute=name))
    if not parts:
        return pd.DataFrame(columns=[group, "attribute", "level", "of", "customers"])
    return pd.concat(parts, ignore_index=True)[[group, "attribute", "level", "of", "customers"]]


def _band(many: ir.IntegerValue) -> ir.IntegerValue:
    """Each number up to the first of `BANDS`, then the band's lowest."""
    lowest = many.fill_null(0).cast("int64")
    cases = [(lowest >= start, start) for start in reversed(BANDS)]
    return ibis.cases(*cases, else_=lowest).cast("int64")


def compare(counts: pd.DataFrame, group: str) -> pd.DataFrame:
    """Each group's shares against those of all others of as many purchases.

    Parameters
    ----------
    counts : `group`, attribute, level, customers, and `of`, the band of purchases; without it all are one

    Returns
    -------
    group, attribute, level, customers (of the group with that level), n (of the group whose habit is known),
    share, elsewhere (both averaged over the bands with Mantel and Haenszel's weights), lift, difference,
    lower, upper (95 %), p_adjusted (two-sided, of Cochran's test over the bands; Benjamini & Hochberg 1995
    over the whole table), clear; largest clear difference first. Groups with fewer than `MINIMUM` customers,
    here or elsewhere, are left out, and nothing is clear where chance would give fewer than `EXPECTED`.

    Sources
    -------
    Cochran (1954), Biometrics 10, 417-451; Mantel & Haenszel (1959), JNCI 22, 719-748.
    """
    banded = counts if "of" in counts else counts.assign(of=0)
    cells = _cells(banded, group)
    keys = [group, "attribute", "level"]
    n, rest, of = cells["n"], cells["rest_n"], cells["n"] + cells["rest_n"]
    weight = n * rest / of
    expected = n * (cells["customers"] + cells["rest"]) / of
    chance = (cells["customers"] + cells["rest"]) / of
    parts = cells[[*keys, "customers", "n", "rest_n"]].assign(
        weight=weight,
        share=weight * cells["customers"] / n,
        elsewhere=weight * cells["rest"] / rest.where(rest > 0, 1),
        expected=expected,
        missing=n - expected,
        variance=n * rest * chance * (1 - chance) / (of - 1).clip(lower=1),
    )
    table = parts.groupby(keys, sort=True, as_index=False).sum()
    table = table[
        (table["n"] >= MINIMUM)
        & (table["rest_n"] >= MINIMUM)
        & (table["weight"] > 0)
        & (table["customers"] > 0)
    ]
    table = table.reset_index(drop=True)
    table["share"], table["elsewhere"] = (table[c] / table["weight"] for c in ("share", "elsewhere"))
    table["lift"] = table["share"] / table["elsewhere"].where(table["elsewhere"] > 0)
    table["difference"] = table["share"] - table["elsewhere"]
    error = np.sqrt(table["variance"]) / table["weight"]
    table["lower"] = (table["difference"] - Z95 * error).clip(lower=-1)
    table["upper"] = (table["difference"] + Z95 * error).clip(upper=1)
    z = (table["difference"].abs() / error.where(error > 0)).fillna(0.0)
    enough = table[["expected", "missing"]].min(axis=1) >= EXPECTED
    p = np.where(enough, [math.erfc(value / math.sqrt(2)) for value in z], 1.0)
    table["p_adjusted"] = benjamini_hochberg(p)
    table["clear"] = table["p_adjusted"] < LEVEL
    order = table.assign(size=-table["difference"].abs(), doubt=~table["clear"]).sort_values(
        ["doubt", "size", group, "attribute", "level"]
    )
    columns = [*keys, "customers", "n", "share", "elsewhere", "lift", "difference"]
    whole = order.astype({"customers": "int64", "n": "int64"})
    return whole[[*columns, "lower", "upper", "p_adjusted", "clear"]].reset_index(drop=True)


def _cells(counts: pd.DataFrame, group: str) -> pd.DataFrame:
    """Every group, attribute, level and band with customers, n, and the same of all others (rest, rest_n)."""
    band, level = ["attribute", "of"], ["attribute", "level"]
    sizes = counts.groupby([group, *band])["customers"].sum().rename("n").reset_index()
    every = sizes.merge(counts[level].drop_duplicates(), on="attribute")
    mine = counts.groupby([group, *level, "of"], as_index=False)["customers"].sum()
    cells = every.merge(mine, on=[group, *level, "of"], how="left")
    cells["customers"] = cells["customers"].fillna(0).astype("float64")
    every_level = cells.groupby([*level, "of"])["customers"].transform("sum")
    cells["rest"] = every_level - cells["customers"]
    total = sizes.groupby(band)["n"].sum().rename("total").reset_index()
    cells = cells.merge(total, on=band)
    cells["n"] = cells["n"].astype("float64")
    return cells.assign(rest_n=cells["total"] - cells["n"])
