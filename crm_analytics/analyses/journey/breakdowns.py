"""The funnel by device, and which goods are looked at and left."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.intervals import share_difference, wilson
from crm_analytics.analyses.journey.event_log import own_events
from crm_analytics.analyses.journey.funnels import reached
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from crm_analytics.analyses.journey.steps import Steps
    from crm_analytics.tables.customer_base import CustomerBase

FROM = 30  # paths of a group; below, a share is uncertain by 18 points and more
LEVEL = 0.05


def funnel_by_device(
    journey: Steps, steps: Sequence[str], after: date, within: float | None = None
) -> pd.DataFrame:
    """How many of those who begin the funnel come to its end, by the device of their first tracked step.

    Parameters
    ----------
    after : steps after this day count, as in the journey
    within : days from the first step of the funnel to the last

    Returns
    -------
    device, of (began), reached (the last step), share, lower, upper (95 %, Wilson), difference (points of one
    as a fraction, to all other devices), difference_lower, difference_upper (Newcombe, 95 % for all devices
    together), clear (the interval leaves out 0); the most begun first. Devices of fewer than 30 paths are
    left out

    Raises
    ------
    DataError : the events tell no device.
    """
    base = journey.base
    base.require({"events": ("device",)})
    events = own_events(base)
    events = events.filter(events.timestamp.date() > ibis.literal(after), events.device.notnull())
    events = shared(events.select("who", "device", "timestamp"), "device", ON_A_PAGE, "who")
    first = events.group_by("who").aggregate(device=events.device.argmin(events.timestamp))
    each = reached(journey, steps, within).inner_join(first, [("person", "who")])
    done = each[f"reached_{len(steps)}"].notnull()
    found = each.group_by("device").aggregate(of=each.count(), reached=done.sum().cast("int64"))
    table = base.collect(found)
    table = table[table["of"] >= FROM].sort_values(["of", "device"], ascending=[False, True])
    return against_the_rest(table.reset_index(drop=True), "reached", "of")


def looked_at_and_left(base: CustomerBase, after: date, view: str, add: str) -> pd.DataFrame:
    """Of the persons who look at goods of a category, how many also put some of it into the basket.

    Categories come from `products` where it names them; else each product stands for itself. A person counts
    once per category.

    Parameters
    ----------
    after : events after this day count
    view, add : names of the events that look at a product and take it

    Returns
    -------
    goods, of (looked), reached (took), share, lower, upper, difference, difference_lower, difference_upper,
    clear: as in `funnel_by_device`, against all other goods; the most looked at first

    Raises
    ------
    DataError : the events name no products, or neither event does.
    """
    base.require({"events": ("product_id",)})
    events = own_events(base)
    events = events.filter(
        events.timestamp.date() > ibis.literal(after), events.product_id.notnull(),
        events.event.isin([view, add]),
    )  # fmt: skip
    rows = events.select("who", "product_id", taken=events.event == add)
    rows = _named(base, base.materialise(rows))
    each = rows.group_by("goods", "who").aggregate(seen=(~rows.taken).any(), taken=rows.taken.any())
    each = each.filter(each.seen)
    found = each.group_by("goods").aggregate(of=each.count(), reached=each.taken.sum().cast("int64"))
    table = base.collect(found)
    table = table[table["of"] >= FROM].sort_values(["of", "goods"], ascending=[False, True])
    if table.empty:
        raise DataError(f"fewer than {FROM} persons looked at one kind of goods")
    return against_the_rest(table.reset_index(drop=True), "reached", "of")


def _named(base: CustomerBase, rows: ir.Table) -> ir.Table:
    """Rows with `goods`: the category of a product, or else its name, or else its id."""
    products = base.tables.get("products")
    columns = () if products is None else products.columns
    name = next((c for c in ("category_0_name", "product_name") if c in columns), None)
    if products is None or name is None:
        return rows.rename(goods="product_id")
    listed = products.group_by("product_id").aggregate(goods=products[name].min())
    joined = rows.left_join(listed, "product_id")
    return base.materialise(joined.select("who", "taken", goods=joined.goods.fill_null(joined.product_id)))


def against_the_rest(table: pd.DataFrame, reached: str, of: str) -> pd.DataFrame:
    """Shares with their intervals, and each row's difference to all other rows together.

    Every row is looked at, so the differences are corrected for their number (Bonferroni): if no row
    differs, all intervals hold 0 in 95 of 100 bases.

    >>> table = pd.DataFrame({"device": ["mobile", "desktop"], "reached": [100, 200], "of": [1000, 1000]})
    >>> found = against_the_rest(table, "reached", "of")
    >>> found["difference"].tolist(), found["clear"].tolist()
    ([-0.1, 0.1], [True, True])
    """
    table = table.copy()
    bounds = [wilson(k, n) for k, n in table[[reached, of]].to_numpy().tolist()]
    table["share"] = table[reached] / table[of]
    table["lower"], table["upper"] = [b[0] for b in bounds], [b[1] for b in bounds]
    wins, all_ = int(table[reached].sum()), int(table[of].sum())
    level = 1 - LEVEL / max(1, len(table))
    rows = []
    for k, n in table[[reached, of]].to_numpy().tolist():
        rest = all_ - n
        if not rest:
            rows.append((float("nan"),) * 3)
            continue
        low, high = share_difference(int(k), int(n), int(wins - k), int(rest), level)
        rows.append((round(k / n - (wins - k) / rest, 12), low, high))
    table[["difference", "difference_lower", "difference_upper"]] = pd.DataFrame(rows, index=table.index)
    table["clear"] = (table["difference_lower"] > 0) | (table["difference_upper"] < 0)
    return table
