"""What goes before a first purchase: buyers against others who had come as far.

A path that ends with the purchase is cut there, and a path without one is not: held side by side, every step
is rarer among buyers. So each first purchase is compared with all who stood at the same number of steps in
the same week and had not bought: had more of the buyers done a thing by then than of them? Summed over all
purchases this is Mantel and Haenszel's test over sets at risk, as in a Cox model of the next step; customers
who are more active, buying included, are compared with others as active.

Sources: Mantel (1966), Cancer Chemotherapy Reports 50, 163-170; Cox (1972), JRSS B 34, 187-220.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.intervals import Z95, holm
from crm_analytics.analyses.journey.event_log import PURCHASE
from crm_analytics.analyses.journey.steps import Steps
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST = 50  # steps before a purchase: who took more is not looked at beyond
MINIMUM = 30  # first purchases after a step, and paths without one
EXPECTED = 5  # buyers with the event, and without it, that chance alone would give
LEVEL = 0.05  # chance that any event is called clear where none goes with buying


@dataclass(frozen=True)
class BeforePurchase(ObjectCard):
    """What buyers had done at their first purchase, against others at the same step.

    Attributes
    ----------
    events : event, buyers (who had done it), of (buyers compared), share, elsewhere (share that those who had
        come as far would give), difference, lower, upper (95 %), lift, p_adjusted (Holm 1979 over the
        events), clear; clear ones first, then the largest difference
    buyers, paths : first purchases compared, and all paths
    """

    events: pd.DataFrame
    buyers: int
    paths: int


def before_purchase(journey: Steps, source: int | None = 0) -> BeforePurchase:
    """Compare what buyers had done at their first purchase with others who had come as far.

    Parameters
    ----------
    source : steps of this source alone (0: tracked events); None: all. The purchase counts of any source

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM` first purchases after a step, or paths without one.
    """
    base, rows = journey.base, _until_first(journey, source)
    rows = base.materialise(rows)
    standing = rows.select("path", "place", "week", "buys")
    totals = standing.group_by("place", "week").aggregate(
        n=standing.count(), buyers=standing.buys.sum().cast("int64")
    )
    sets = base.collect(totals.order_by("place", "week"))
    sizes = rows.aggregate(paths=rows.path.nunique(), buyers=rows.path.nunique(where=rows.buys == 1))
    size = base.collect(sizes).iloc[0]
    paths, buyers = int(size["paths"]), int(size["buyers"])
    if min(buyers, paths - buyers) < MINIMUM:
        raise NotEnoughData(
            "What goes before a purchase",
            min(buyers, paths - buyers),
            MINIMUM,
            "buyers, and others, with a step",
        )
    firsts = rows.group_by("path", "event").aggregate(since=rows.place.min())
    had = standing.inner_join(firsts, "path")
    had = had.filter(had.since <= had.place)
    counted = had.group_by("event", "place", "week").aggregate(
        had=had.count(), had_buyers=had.buys.sum().cast("int64")
    )
    cells = base.collect(counted).merge(sets, on=["place", "week"])
    return BeforePurchase(_tested(cells, sets), buyers, paths)


def _until_first(journey: Steps, source: int | None) -> ir.Table:
    """Steps before the first purchase: path, event, place (1, 2, ...), week, buys (1: the last before it)."""
    table = journey.table
    bought = table.filter(table.event == PURCHASE)
    firsts = bought.group_by("path").aggregate(first=bought.position.min())
    rows = table.left_join(firsts, "path").drop("path_right")
    rows = rows.filter(rows.first.isnull() | (rows.position < rows.first), rows.event != PURCHASE)
    rows = rows.filter(rows.stage == "pre_purchase")
    if source is not None:
        rows = rows.filter(rows.source == source)
    by = ibis.window(group_by="path", order_by="position")
    rows = rows.mutate(place=ibis.row_number().over(by) + 1, following=rows.position.lead().over(by))
    last = rows.following.isnull() & rows.first.notnull()
    return rows.filter(rows.place <= MOST).select(
        "path", "event", place=rows.place.cast("int64"), week=rows["at"].date().truncate("W"),
        buys=last.cast("int64"),
    )  # fmt: skip


def _tested(cells: pd.DataFrame, sets: pd.DataFrame) -> pd.DataFrame:
    """One row per event: observed buyers who had done it against those expected, over all sets at risk."""
    n, m, d = (cells[c].to_numpy(float) for c in ("n", "buyers", "had"))
    share = d / n
    cells = cells.assign(
        expected=m * share,
        variance=m * share * (1 - share) * (n - m) / np.maximum(n - 1, 1),
    )
    table = cells.groupby("event", as_index=False)[["had_buyers", "expected", "variance"]].sum()
    of = float(sets["buyers"].sum())
    found = pd.DataFrame(
        {
            "event": table["event"],
            "buyers": table["had_buyers"].astype("int64"),
            "of": int(of),
            "share": table["had_buyers"] / of,
            "elsewhere": table["expected"] / of,
        }
    )
    found["difference"] = found["share"] - found["elsewhere"]
    half = Z95 * np.sqrt(table["variance"]) / of
    found["lower"] = (found["difference"] - half).clip(lower=-1)
    found["upper"] = (found["difference"] + half).clip(upper=1)
    found["lift"] = (found["share"] / found["elsewhere"]).where(found["elsewhere"] > 0)
    enough = np.minimum(table["expected"], of - table["expected"]) >= EXPECTED
    error = np.sqrt(table["variance"])
    z = ((table["had_buyers"] - table["expected"]).abs() / error.where(error > 0)).fillna(0.0)
    p = np.where(enough & (error > 0), [math.erfc(x / math.sqrt(2)) for x in z], 1.0)
    found["p_adjusted"] = holm(p)
    found["clear"] = found["p_adjusted"] < LEVEL
    place = pd.DataFrame(
        {"doubt": ~found["clear"], "size": -found["difference"].abs(), "event": found["event"]}
    )
    return found.loc[place.sort_values(["doubt", "size", "event"]).index].reset_index(drop=True)
