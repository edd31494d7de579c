"""Who customers are, in groups large enough that none tells of a person."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.disclosure import OTHERS, publishable
from crm_analytics.analyses.profiling.traits import HABITS, LEVEL, MINIMUM, compare, count_habits
from crm_analytics.errors import check_name
from crm_analytics.tables.contract import TABLES

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

BANDS = (30, 45, 60)  # years of age
UNKNOWN = "not known"
REST = (OTHERS, UNKNOWN)
ATTRIBUTES = ("customer_type", "gender", "age", "region")


def demography(base: CustomerBase, attributes: tuple[str, ...] = ATTRIBUTES) -> ir.Table | None:
    """customer_id and those of the attributes that the customers table has; `age` in bands by birth_date.

    The age is that on the base's day, in whole years. None where no attribute is known.
    """
    people = base.customers
    if people is None:
        return None
    chosen = {}
    for name in attributes:
        if name not in (*ATTRIBUTES, *TABLES["customers"].names):
            check_name("unknown attribute", name, dict.fromkeys([*ATTRIBUTES, *people.columns]))
        if name == "age" and "birth_date" in people.columns:
            chosen["age"] = _age_band(people.birth_date, base)
        elif name in people.columns:
            chosen[name] = people[name]
    return people.select("customer_id", **chosen) if chosen else None


def age_in_years(born: ir.DateValue, day: date) -> ir.IntegerValue:
    """Whole years on a day."""
    had = (born.month() < day.month) | ((born.month() == day.month) & (born.day() <= day.day))
    return day.year - born.year() - had.ifelse(0, 1)


def _age_band(born: ir.DateValue, base: CustomerBase) -> ir.StringValue:
    years = age_in_years(born, base.day)
    low, middle, high = BANDS
    return ibis.cases(
        (born.isnull() | (years < 0) | (years > 110), None),
        (years < low, f"under {low}"),
        (years < middle, f"{low}–{middle - 1}"),
        (years < high, f"{middle}–{high - 1}"),
        else_=f"{high} or older",
    )


def habits_by_demography(
    base: CustomerBase,
    habits: ir.Table,
    attributes: tuple[str, ...] = ATTRIBUTES,
    minimum: int = 5,
    *,
    before: tuple[CustomerBase, ir.Table] | None = None,
) -> dict[str, pd.DataFrame]:
    """For each attribute: its groups' habits against those of all others, as `traits.compare` gives them.

    Whatever is not known is a level of its own, and groups and levels are merged into "others" until every
    count is of nobody or of at least `minimum` customers (`disclosure.publishable`), so that no difference of
    two rows tells of fewer. Groups of fewer than `traits.MINIMUM` are not compared.

    Parameters
    ----------
    before : the base and habits that an earlier page was made of; groups that were merged there stay merged
    """
    earlier = _cells(*before, attributes, minimum) if before is not None else None
    found = {}
    for name, cells in _cells(base, habits, attributes, minimum, earlier).items():
        merged = pd.concat([cell for cell in cells.values() if len(cell)], ignore_index=True)
        table = compare(merged[merged["level"] != UNKNOWN], name)
        table = table[~table[name].isin(REST) & (table["level"] != OTHERS)].reset_index(drop=True)
        if table[name].nunique() > 1:
            found[str(name)] = table
    return found


def _cells(
    base: CustomerBase,
    habits: ir.Table,
    attributes: tuple[str, ...],
    minimum: int,
    before: dict[str, dict[str, pd.DataFrame]] | None = None,
) -> dict[str, dict[str, pd.DataFrame]]:
    """By attribute and habit the cells that may be shown; of groups merged earlier none stands alone."""
    people = demography(base, attributes)
    if people is None:
        return {}
    known = [h for h in HABITS if h in habits.columns]
    filled = habits.mutate(**{h: habits[h].cast("string").fill_null(UNKNOWN) for h in known})
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for name in people.columns[1:]:
        who = people.select("customer_id", people[name].fill_null(UNKNOWN).name(name))
        counts = count_habits(base, who, filled, name, HABITS)
        cells = {}
        for habit, part in counts.groupby("attribute", sort=False):
            shown = None if before is None else before.get(name, {}).get(str(habit))
            kept = _without_unknown(part.drop(columns="attribute"), name)
            sums = kept.groupby([name, "level"], sort=False)["customers"].sum().reset_index()
            made = publishable(sums, [name, "level"], minimum=minimum, before=shown)
            cells[str(habit)] = _merged(kept, made, name).assign(attribute=habit)
        if any(len(cell) for cell in cells.values()):
            found[str(name)] = cells
    return found


def _merged(kept: pd.DataFrame, shown: pd.DataFrame, name: str) -> pd.DataFrame:
    """The counts by band of purchases, with the groups and levels merged as in what may be shown."""
    if shown.empty:
        return kept.iloc[:0]
    rows = kept.assign(**{c: kept[c].where(kept[c].isin(set(shown[c])), OTHERS) for c in (name, "level")})
    return rows.groupby([name, "level", "of"], sort=False)["customers"].sum().reset_index()


def _without_unknown(counts: pd.DataFrame, name: str) -> pd.DataFrame:
    """Counts without the customers of whom the attribute is not known, where these are many.

    They are other customers than the rest (firms have no age). A few of them must stay: left out, they
    would be told by the difference to the total.
    """
    unknown = counts[name] == UNKNOWN
    return counts[~unknown] if counts.loc[unknown, "customers"].sum() >= MINIMUM else counts


def composition(base: CustomerBase, attributes: tuple[str, ...] = ATTRIBUTES) -> pd.DataFrame:
    """Who the buyers are: shares of customers and of revenue by attribute, in groups of 30 or more.

    Smaller groups are "others", with the smallest of the larger ones where they are too few even together.

    Returns
    -------
    attribute, group, customers, share (of buyers), revenue_share, clear (whether the group brings another
    share of revenue than of buyers, beyond chance, for all groups together: Bonferroni; customers are the
    draw); empty where nothing is known of anybody
    """
    people, history = demography(base, attributes), base.purchase_history
    columns = ["attribute", "group", "customers", "share", "revenue_share", "z"]
    if people is None:
        return pd.DataFrame(columns=[*columns[:-1], "clear"])
    bought = history.filter(history.order_count > 0).select("customer_id", "revenue")
    joined = base.materialise(bought.left_join(people, "customer_id").drop("customer_id_right"))
    found = []
    for name in (a for a in attributes if a in people.columns):
        known = joined[name].cast("string").fill_null(UNKNOWN)
        squares = (joined.revenue.cast("float64") ** 2).sum()
        sums = joined.group_by(group=known).aggregate(
            customers=joined.count(), revenue=joined.revenue.sum(), squares=squares
        )
        table = base.collect(sums).sort_values(["customers", "group"], ascending=[False, True])
        small = table["customers"] < MINIMUM
        if 0 < table.loc[small, "customers"].sum() < MINIMUM and (~small).any():
            small |= table.index == table.index[(~small).sum() - 1]
        merged = table.assign(group=table["group"].where(~small, OTHERS))
        merged = merged.groupby("group", sort=False)[["customers", "revenue", "squares"]].sum().reset_index()
        whole = merged[["customers", "revenue", "squares"]].astype("float64").sum()
        merged["share"] = merged["customers"] / whole["customers"]
        merged["revenue_share"] = merged["revenue"].astype("float64") / whole["revenue"]
        merged["z"] = _apart(merged, whole)
        if len(merged) > 1:
            found.append(merged.assign(attribute=name)[columns])
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    limit = NormalDist().inv_cdf(1 - LEVEL / 2 / max(1, len(table)))
    return table.assign(clear=table["z"].astype("float64").abs() > limit).drop(columns="z")


def _apart(groups: pd.DataFrame, whole: pd.Series) -> pd.Series:
    """Share of revenue less share of customers of each group, in standard errors.

    The larger of two: that of the ratio (linearised; Cochran 1977), and that of a group drawn by lot, which a
    group without any of the few large customers does not understate.
    """
    n, total, square = (float(whole[name]) for name in ("customers", "revenue", "squares"))
    if total <= 0:
        return pd.Series(0.0, index=groups.index)
    spent, people = groups["revenue_share"], groups["share"]
    own = groups["squares"].astype("float64") / total**2, spent / n, groups["customers"] / n**2
    rest = square / total**2 - own[0], (1 - spent) / n, (n - groups["customers"]) / n**2
    one, two = (
        a**2 * side[0] - 2 * a * b * side[1] + b**2 * side[2]
        for a, b, side in ((1 - spent, 1 - people, own), (spent, people, rest))
    )
    lot = people * (1 - people) * (n * square / total**2 - 1) / max(n - 1, 1)
    variance = (one + two).where(one + two > lot, lot)
    return (spent - people) / np.sqrt(variance.where(variance > 0))
