"""Whose buying changed otherwise than that of all others: by account manager, channel, region, first product.

Everybody's buying changes with season, trend and age. So each group's change between two spans is held
against the change of all other customers over the same days: what all share drops out. Customers are the
draw, and the groups are many, so the intervals and p-values are of all groups together.

Source: a difference in differences of logarithms of ratio estimates (Cochran 1977, *Sampling Techniques*,
ch. 6), clustered by customer.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.intervals import holm
from crm_analytics.analyses.profiling.favourites import purchase_lines
from crm_analytics.errors import DataError, check_name
from crm_analytics.tables.contract import MONEY, TABLES
from crm_analytics.tables.days import Span, earlier_day

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ATTRIBUTES = ("account_manager", "acquisition_channel", "region", "customer_type")  # of the customers table
FIRST = {"category": "first product category", "channel": "first channel"}
MINIMUM = 30  # customers with a purchase in either span, of the group and of the others
LEVEL = 0.05  # chance that any group is called clear where all change alike
COLUMNS = [
    "attribute", "group", "measure", "customers", "before", "now", "change", "others_change", "ratio",
    "lower", "upper", "p_adjusted", "clear",
]  # fmt: skip


def by_attribute(
    base: CustomerBase, span: Span = "-26w", attributes: tuple[str, ...] = ATTRIBUTES
) -> pd.DataFrame:
    """Groups whose orders or spend changed otherwise than those of all other customers.

    Parameters
    ----------
    span : length of the last span and of the one before it, e.g. ``"-26w"``
    attributes : columns of the customers table, as far as it has them; the category and the channel of the
        first purchase are looked at, too

    Returns
    -------
    attribute, group, measure ("orders", "spend"), customers (who had bought before both spans), before, now
    (of a customer, in each span), change, others_change (now over before, less 1), ratio (of the group's now
    over before to the others'), lower, upper (of the ratio, 95 % for all rows together), p_adjusted (Holm),
    clear; clear ones first, then the largest change. Groups of fewer than `MINIMUM` buyers, here or
    elsewhere, are left out, and names that fewer than 5 customers share are "others".

    Raises
    ------
    DataError : the data do not reach back two spans.
    """
    then = earlier_day(base.day, span)
    length = base.day - then
    start = then - length
    if start <= base.first_day:
        raise DataError(f"drivers need data before {start + timedelta(days=1)}; these begin {base.first_day}")
    people = _customers(base, then, start)
    groups = [(name, table) for name, table in groups_of(base, attributes).items()]
    rows = [row for name, table in groups for row in _compared(base, people, table, name)]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:9], "error", "p"])
    table["p_adjusted"] = holm(table["p"])
    table["clear"] = table["p_adjusted"] < LEVEL
    z = float(stats.norm.ppf(1 - LEVEL / 2 / max(1, len(table))))
    table["lower"], table["upper"] = (table["ratio"] * np.exp(s * z * table["error"]) for s in (-1, 1))
    size = np.log(table["ratio"]).abs()
    order = table.assign(doubt=~table["clear"], size=-size).sort_values(
        ["doubt", "size", "attribute", "group", "measure"]
    )
    return order[COLUMNS].reset_index(drop=True)


def _customers(base: CustomerBase, then: object, start: object) -> ir.Table:
    """Customers who had bought before both spans: customer_id, orders and spend of each."""
    days = base.exact_occasions
    firsts = days.group_by("customer_id").aggregate(first_day=days.day.min())
    known = firsts.filter(firsts.first_day <= ibis.literal(start)).select("customer_id")
    now = days.day > ibis.literal(then)
    before = (days.day > ibis.literal(start)) & ~now
    sums = {}
    for name, where in (("now", now), ("before", before)):
        sums[f"orders_{name}"] = where.sum().cast("int64")
        sums[f"spend_{name}"] = days.spend.sum(where=where).fill_null(0).cast(MONEY)
    return base.materialise(days.semi_join(known, "customer_id").group_by("customer_id").aggregate(**sums))


def groups_of(base: CustomerBase, attributes: tuple[str, ...]) -> dict[str, ir.Table]:
    """By attribute: customer_id and `group`."""
    found, listed = {}, base.tables.get("customers")
    for name in attributes if listed is not None else ():
        if listed is not None and name not in TABLES["customers"].names:
            check_name("unknown attribute", name, listed.columns)
        if listed is not None and name in listed.columns:
            known = listed.filter(listed[name].notnull())
            found[name] = known.select("customer_id", group=known[name].cast("string"))
    lines = purchase_lines(base, ON_A_PAGE)
    for column, name in FIRST.items():
        if column in lines.columns:
            known = lines.filter(lines[column].notnull())
            place = ibis.row_number().over(group_by="customer_id", order_by=["day", column])
            first = known.select("customer_id", "day", column).mutate(place=place)
            found[name] = first.filter(first.place == 0).select("customer_id", group=first[column])
    return {name: shared(table, "group", ON_A_PAGE) for name, table in found.items()}


def _compared(
    base: CustomerBase, people: ir.Table, table: ir.Table, attribute: str
) -> list[tuple[object, ...]]:
    rows = people.inner_join(table, "customer_id")
    parts, measures = {}, ("orders", "spend")
    parts["customers"] = rows.count()
    parts["buyers"] = ((rows.orders_now + rows.orders_before) > 0).sum().cast("int64")
    for m in measures:
        a, b = rows[f"{m}_now"].cast("float64"), rows[f"{m}_before"].cast("float64")
        parts |= {f"{m}_a": a.sum(), f"{m}_b": b.sum(), f"{m}_aa": (a * a).sum(), f"{m}_bb": (b * b).sum()}
        parts[f"{m}_ab"] = (a * b).sum()
    found = base.collect(rows.group_by("group").aggregate(**parts).order_by("group"))
    numbers = found.drop(columns="group").round(6)
    others = numbers.sum() - numbers
    made: list[tuple[object, ...]] = []
    for k, group in enumerate(found["group"]):
        mine, rest = numbers.iloc[k], others.iloc[k]
        if min(mine["buyers"], rest["buyers"]) < MINIMUM:
            continue
        for m in measures:
            sides = [log_ratio(side, m) for side in (mine, rest)]
            if any(side is None for side in sides):
                continue
            (own, error_own), (other, error_other) = sides  # type: ignore[misc]
            error = math.hypot(error_own, error_other)
            p = math.erfc(abs(own - other) / error / math.sqrt(2)) if error > 0 else 1.0
            n = float(mine["customers"])
            values = (mine[f"{m}_b"] / n, mine[f"{m}_a"] / n, math.expm1(own), math.expm1(other))
            made.append((attribute, group, m, int(n), *values, math.exp(own - other), error, p))
    return made


def log_ratio(side: pd.Series, m: str) -> tuple[float, float] | None:
    """Logarithm of now over before, and its standard error over customers; None where either is nothing."""
    a, b = float(side[f"{m}_a"]), float(side[f"{m}_b"])
    if min(a, b) <= 0:
        return None
    spread = side[f"{m}_aa"] / a**2 + side[f"{m}_bb"] / b**2 - 2 * side[f"{m}_ab"] / (a * b)
    return math.log(a / b), math.sqrt(max(0.0, float(spread)))
