"""`channel_paths`: the touches that led to each purchase, reduced in the engine to distinct paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.attribution.models import attribute
from crm_analytics.analyses.attribution.paths import read_paths
from crm_analytics.analyses.attribution.touches import in_paths, purchases, touches
from crm_analytics.analyses.disclosure import shared
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

needs = {"events": ("timestamp", "channel"), "transactions": ("customer_id", "transaction_date")}
FROM_CONVERSIONS = 30  # purchases after a touch; below, a share is uncertain by 18 points and more
PLACES = 9  # digits of a touch's place in its path
NEXT = "\x1f"  # between touches in a text: the unit separator, which no channel's name holds
TOUCHES = ("person", "path", "place", "channel", "days", "converted", "value")
DAY, ONE_DAY = 86_400.0, timedelta(days=1)


@dataclass(frozen=True)
class ChannelPaths(ObjectCard):
    """Where purchases came from, path by path.

    Attributes
    ----------
    paths : path (list of channels), conversions, nulls, value, new_customers (of the conversions, first
        purchases); distinct paths, as `attribute` takes them
    touches : Ibis table, one row per touch: person, path, place, channel, days (before the path's end),
        converted, value (money of the path's purchase)
    untracked, untracked_value : purchases without a touch in the window, and their money
    open : paths that may still end in a purchase (their last touch lies within the window); left out
    anonymous : of the paths without a purchase, those of visitors nobody has recognised
    lookback : days
    first_day : from which on paths are in it; spend before it can have no touch to show for
    """

    paths: pd.DataFrame
    touches: ir.Table
    untracked: int
    untracked_value: float
    open: int
    anonymous: int
    lookback: float
    first_day: date

    plot = Plots("crm_analytics.analyses.attribution.pictures", "channels", "roles")

    @property
    def conversions(self) -> int:
        """Purchases with a touch in the window."""
        return int(self.paths["conversions"].sum())

    @property
    def value(self) -> float:
        """Their money."""
        return float(self.paths["value"].sum())

    def attribute(self, models: Sequence[str], half_life: float = 7.0, **more: Any) -> pd.DataFrame:
        """As `attribute`; time_decay is weighed in the engine, where the days are."""
        others = [name for name in models if name != "time_decay"]
        tables = [attribute(self.paths, others, **more)] if others else []
        if "time_decay" in models:
            tables.append(self._decayed(half_life))
        return pd.concat(tables, ignore_index=True)

    def roles(self) -> pd.DataFrame:
        """How often each channel begins, assists and ends a path to a purchase.

        Returns
        -------
        channel, purchases (in whose path it is), begins, assists (neither first nor last), ends,
        assist_ratio (purchases it does not end / those it ends)
        """
        paths = read_paths(self.paths[["path", "conversions"]])
        weight = np.repeat(paths.conversions, paths.lengths)
        last = np.repeat(paths.lengths, paths.lengths) - 1
        touch = pd.DataFrame({"channel": paths.steps, "path": paths.path_of_step, "n": weight})
        touch["begins"], touch["ends"] = paths.place == 0, paths.place == last
        each = touch.groupby(["channel", "path"]).agg(
            n=("n", "first"), begins=("begins", "any"), ends=("ends", "any")
        )
        n, begins, ends = each["n"], each["begins"], each["ends"]
        counted = {"begins": begins, "assists": ~begins & ~ends, "ends": ends}
        table = pd.DataFrame({"purchases": n, **{name: n.where(is_it, 0) for name, is_it in counted.items()}})
        table = table.groupby("channel").sum().astype("int64")
        table["assist_ratio"] = (table["purchases"] - table["ends"]) / table["ends"].where(table["ends"] > 0)
        table.insert(0, "channel", [paths.channels[i] for i in table.index])
        table = table.reset_index(drop=True)
        return table.sort_values(["purchases", "channel"], ascending=[False, True], ignore_index=True)

    def new_customers(self, models: Sequence[str]) -> pd.DataFrame:
        """Credit for first purchases alone: model, channel, new_customers. By the paths, not by time."""
        new = self.paths["new_customers"]
        rest = self.paths["conversions"] + self.paths["nulls"] - new
        firsts = self.paths[["path"]].assign(conversions=new, nulls=rest)
        found = attribute(firsts, [name for name in models if name != "time_decay"])
        return found.rename(columns={"conversions": "new_customers"})

    def _decayed(self, half_life: float) -> pd.DataFrame:
        touches = self.touches.filter(self.touches.converted)
        weight = ibis.literal(2.0).pow(touches.days * (-1.0 / half_life))
        share = weight / weight.sum().over(group_by=[touches.person, touches.path])
        exact = touches.mutate(share=share.cast("decimal(38, 12)"))  # a sum that no order of rows changes
        found = exact.group_by("channel").aggregate(
            conversions=exact.share.sum().cast("float64"),
            value=(exact.share * exact.value).cast("decimal(38, 12)").sum().cast("float64"),
        )
        frame = found.to_pyarrow().to_pandas().set_index("channel")
        names = sorted({name for path in self.paths["path"] for name in path})
        frame = frame.reindex(names, fill_value=0.0).round(6).reset_index()
        frame.insert(0, "model", "time_decay")
        return frame


def channel_paths(
    base: CustomerBase,
    *,
    lookback: float = 30.0,
    gap_minutes: float = 30.0,
    since: date | None = None,
    minimum: int = 1,
) -> ChannelPaths:
    """The paths of touches of all customers and visitors, up to each purchase.

    A touch is an event with a channel that the customer made (`direction` is not ``out``) and that is not
    itself the conversion; the same channel again within `gap_minutes` is the same touch. A path ends with a
    purchase occasion, or when nothing follows for `lookback` days. Purchases whose time of day is not known
    count at the end of their day. Visitors who are recognised later (`customer_identities`, id_type
    ``anonymous_id``) belong to the customer's path from their first touch on. Order: time, then channel,
    then event id; a touch comes before a purchase of the same second.

    Parameters
    ----------
    lookback : days before a purchase in which touches get credit, above 0
    gap_minutes : from 0 on
    since : only paths that end after this day; their touches may lie before it
    minimum : channels of fewer customers and visitors are called "others"

    Raises
    ------
    DataError : the source has no events with a channel
    NotEnoughData : fewer than 30 purchases follow a touch
    """
    base_given(base, "channel_paths")
    if not lookback > 0 or gap_minutes < 0:
        raise ParameterError("lookback is a number of days above 0, gap_minutes one of minutes from 0 on")
    base.require(needs)
    begin = None if since is None else datetime.combine(since, datetime.min.time()) + ONE_DAY
    seen, bought = shared(touches(base), "channel", minimum, "person"), purchases(base)
    rows = in_paths(seen.union(bought), lookback * DAY, gap_minutes * 60.0)
    if begin is not None:
        bought = bought.filter(bought["at"] >= ibis.literal(begin))
    kept = base.materialise(_within(rows, lookback, begin))
    still = ibis.literal(datetime.combine(base.day, datetime.min.time()) + timedelta(days=1 - lookback))
    kept = kept.mutate(is_open=~kept.converted & (kept.end >= still))
    each = base.materialise(_each_path(kept))
    paths = _grouped(each)
    if paths["conversions"].sum() < FROM_CONVERSIONS:
        raise NotEnoughData(
            "the comparison of channels",
            int(paths["conversions"].sum()),
            FROM_CONVERSIONS,
            "tracked purchases",
        )
    counted = _counts(bought, each)
    first = base.tables["events"].timestamp.min().date().to_pyarrow().as_py()
    first = first if begin is None else max(first, begin.date())
    shown = kept.filter(~kept.is_open).drop("end", "is_visitor", "is_first", "is_open")
    return ChannelPaths(paths, shown, lookback=lookback, first_day=first, **counted)


def _within(rows: ir.Table, lookback: float, begin: datetime | None) -> ir.Table:
    """The touches of each path that lie within the window before its end, in order, with what came of it."""
    ends = rows.group_by("person", "path").aggregate(
        converted=(rows.kind == 1).any(),
        end=rows.at.max(),
        value=rows.value.sum().fill_null(0),
        is_first=rows.is_first.any(),
    )
    if begin is not None:
        ends = ends.filter(ends.end >= ibis.literal(begin))
    touched = rows.filter((rows.kind == 0) & ~rows.repeated).drop("value", "is_first")
    joined = touched.inner_join(ends, ["person", "path"])
    days = (joined.end.epoch_seconds() - joined["at"].epoch_seconds()) / DAY
    kept = joined.mutate(days=days).filter(lambda t: ~t.converted | (t.days <= lookback))
    place = ibis.row_number().over(group_by=[kept.person, kept.path], order_by=kept.position)
    return kept.mutate(place=place).select(*TOUCHES, "end", "is_visitor", "is_first")


def _each_path(touches: ir.Table) -> ir.Table:
    """One row per path: way (its touches in order, as one text), and what is known of it."""
    # Not every engine collects in an order; all of them sort texts, so the place leads each.
    placed = touches.place.cast("string").lpad(PLACES, "0").concat(touches.channel)
    each = touches.group_by("person", "path").aggregate(
        way=placed.collect(),
        converted=touches.converted.any(),
        value=touches.value.max(),
        is_first=touches.is_first.any(),
        is_open=touches.is_open.any(),
        is_visitor=touches.is_visitor.any(),
    )
    return each.mutate(way=each.way.sort().join(NEXT)).drop("person", "path")


def _grouped(each: ir.Table) -> pd.DataFrame:
    found = (
        each.filter(~each.is_open)
        .group_by("way")
        .aggregate(
            conversions=each.converted.sum().cast("int64"),
            nulls=(~each.converted).sum().cast("int64"),
            value=each.value.sum(where=each.converted).fill_null(0).cast("float64"),
            new_customers=each.is_first.sum().cast("int64"),
        )
    )
    rows = found.to_pyarrow()
    ways = pc.replace_substring_regex(rows["way"], rf"(^|{NEXT})\d{{{PLACES}}}", r"\1")
    frame = rows.drop_columns("way").to_pandas()
    frame.insert(0, "path", pd.Series(pc.split_pattern(ways, NEXT).to_pylist(), dtype="object"))
    order = np.asarray(pc.sort_indices(pc.replace_substring(ways, NEXT, " > ")))
    return frame.take(order).reset_index(drop=True)


def _counts(bought: ir.Table, each: ir.Table) -> dict[str, Any]:
    """What is not in the paths, and what of them has no name; each purchase ends one path."""
    every = bought.aggregate(n=bought.count(), money=bought.value.sum().fill_null(0))
    tracked = each.aggregate(
        n_tracked=each.converted.sum().fill_null(0),
        money_tracked=each.value.sum(where=each.converted).fill_null(0),
        open=each.is_open.sum().fill_null(0),
        anonymous=(each.is_visitor & ~each.is_open).sum().fill_null(0),
    )
    row = every.cross_join(tracked).to_pyarrow().to_pylist()[0]
    return {
        "untracked": int(row["n"] - row["n_tracked"]),
        "untracked_value": float(row["money"] - row["money_tracked"]),
        "open": int(row["open"]),
        "anonymous": int(row["anonymous"]),
    }
