"""Paths of touches from a base: events in order, up to each purchase, reduced in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.attribution.models import attribute
from crm_analytics.errors import NotEnoughData, ParameterError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

needs = {"events": ("timestamp", "channel"), "transactions": ("customer_id", "transaction_date")}
FROM_CONVERSIONS = 30  # purchases after a touch; below, a share is uncertain by 18 points and more
DAY = 86_400.0


@dataclass(frozen=True)
class ChannelPaths:
    """Where purchases came from, path by path.

    Attributes
    ----------
    paths : path (list of channels), conversions, nulls, value, new_customers (of the conversions, first
        purchases); distinct paths, as `attribute` takes them
    touches : Ibis table, one row a touch: person, path, place, channel, days (before the path's end),
        converted, value (money of the path's purchase)
    untracked, untracked_value : purchases without a touch in the window, and their money
    open : paths that may still end in a purchase (their last touch lies within the window); left out
    anonymous : of the paths without a purchase, those of visitors nobody has recognised
    lookback : days
    first_day : of the events; spend before it can have no touch to show for
    """

    paths: pd.DataFrame
    touches: ir.Table
    untracked: int
    untracked_value: float
    open: int
    anonymous: int
    lookback: float
    first_day: date

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


def channel_paths(base: CustomerBase, *, lookback: float = 30.0, gap_minutes: float = 30.0) -> ChannelPaths:
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

    Raises
    ------
    DataError : the source has no events with a channel
    NotEnoughData : fewer than 30 purchases follow a touch
    """
    if not lookback > 0 or gap_minutes < 0:
        raise ParameterError("lookback is a number of days above 0, gap_minutes one of minutes from 0 on")
    base.require(needs)
    rows = _in_paths(_touches(base).union(_purchases(base)), lookback * DAY, gap_minutes * 60.0)
    ends = rows.group_by("person", "path").aggregate(
        converted=(rows.kind == 1).any(),
        end=rows.at.max(),
        value=rows.value.sum().fill_null(0),
        is_first=rows.is_first.any(),
    )
    joined = (
        rows.filter((rows.kind == 0) & ~rows.repeated)
        .drop("value", "is_first")
        .inner_join(ends, ["person", "path"])
    )
    days = (joined.end.epoch_seconds() - joined["at"].epoch_seconds()) / DAY
    kept = joined.mutate(days=days).filter(lambda t: ~t.converted | (t.days <= lookback))
    order = [kept["at"], kept.channel, kept.tie]
    place = ibis.row_number().over(group_by=[kept.person, kept.path], order_by=order)
    kept = kept.mutate(place=place)
    touches = base.materialise(
        kept.select(
            "person",
            "path",
            "place",
            "channel",
            "days",
            "converted",
            "value",
            "end",
            "is_visitor",
            "is_first",
        )
    )
    still = ibis.literal(datetime.combine(base.day, datetime.min.time()) + timedelta(days=1 - lookback))
    is_open = ~touches.converted & (touches.end >= still)
    whole = touches.filter(~is_open)
    paths = _grouped(whole)
    if paths["conversions"].sum() < FROM_CONVERSIONS:
        raise NotEnoughData(
            "the comparison of channels",
            int(paths["conversions"].sum()),
            FROM_CONVERSIONS,
            "tracked purchases",
        )
    counted = _counts(base, ends, whole, touches.filter(is_open))
    first = base.tables["events"].timestamp.min().date().to_pyarrow().as_py()
    shown = whole.drop("end", "is_visitor", "is_first")
    return ChannelPaths(paths, shown, lookback=lookback, first_day=first, **counted)


def _touches(base: CustomerBase) -> ir.Table:
    """Events that are touches: person, at, kind 0, channel, value, tie."""
    events = base.tables["events"]
    events = events.filter(events.channel.notnull())
    if "is_conversion" in events.columns:
        events = events.filter(~events.is_conversion.fill_null(False))
    if "direction" in events.columns:
        events = events.filter(events.direction.fill_null("in") != "out")
    nobody = ibis.null("string")
    events = events.mutate(
        who=events.customer_id if "customer_id" in events.columns else nobody,
        visitor=events.anonymous_id if "anonymous_id" in events.columns else nobody,
    )
    known = _recognised(base)
    if known is not None:
        events = events.left_join(known, events.visitor == known.seen_as)
        events = events.mutate(who=ibis.coalesce(events.who, events.known_as))
    events = events.mutate(
        who=ibis.coalesce(events.who, ibis.literal("visitor ") + events.visitor),
        is_visitor=events.who.isnull(),
    )
    events = events.filter(events.who.notnull())
    return events.select(
        person=events.who,
        at=events.timestamp.cast("timestamp"),
        kind=ibis.literal(0),
        channel=events.channel,
        value=ibis.null("decimal(38, 4)"),
        tie=events.event_id if "event_id" in events.columns else ibis.literal(""),
        is_visitor=events.is_visitor,
        is_first=ibis.literal(False),
    )


def _recognised(base: CustomerBase) -> ir.Table | None:
    """Visitors by the one customer they were recognised as."""
    if "customer_identities" not in base.snapshot.tables:
        return None
    found = base.tables["customer_identities"]
    found = found.filter(found.id_type == "anonymous_id")
    return found.group_by(seen_as=found.id_value).aggregate(known_as=found.customer_id.min())


def _purchases(base: CustomerBase) -> ir.Table:
    """Purchase occasions at the time of their last line: person, at, kind 1, channel, value, tie."""
    lines = base.transactions
    at = lines.transaction_date.cast("timestamp")
    day = at.truncate("D")
    last = lines.filter(lines.customer_id.notnull()).mutate(at=at, day=day.date())
    timed = last.group_by("customer_id", "day").aggregate(at=last["at"].max())
    occasions = base.exact_occasions.inner_join(timed, ["customer_id", "day"])
    first = occasions.day.min().over(group_by="customer_id")
    occasions = occasions.mutate(is_first=occasions.day == first)
    midnight = occasions["at"] == occasions.day.cast("timestamp")
    end = occasions["at"] + ibis.interval(seconds=86_399)
    return occasions.select(
        person="customer_id",
        at=midnight.ifelse(end, occasions["at"]),
        kind=ibis.literal(1),
        channel=ibis.null("string"),
        value=occasions.spend.cast("decimal(38, 4)"),
        tie=ibis.literal(""),
        is_visitor=ibis.literal(False),
        is_first=occasions.is_first,
    )


def _in_paths(rows: ir.Table, lookback: float, gap: float) -> ir.Table:
    """Number the paths of each person, and mark touches that repeat the one before."""
    order = [rows["at"], rows.kind, rows.channel, rows.tie]
    each = ibis.window(group_by=rows.person, order_by=order)
    since = rows["at"].epoch_seconds() - rows["at"].lag().over(each).epoch_seconds()
    before = rows.kind.lag().over(each)
    rows = rows.mutate(
        begins=((before.isnull()) | (before == 1) | (since > lookback)).cast("int64"),
        repeated=((rows.kind == 0) & (before == 0) & (rows.channel == rows.channel.lag().over(each))
                  & (since <= gap)).fill_null(False),
    )  # fmt: skip
    order = [rows["at"], rows.kind, rows.channel, rows.tie]
    path = rows.begins.sum().over(ibis.cumulative_window(group_by=rows.person, order_by=order))
    return rows.mutate(path=path)


def _grouped(touches: ir.Table) -> pd.DataFrame:
    each = touches.group_by("person", "path").aggregate(
        way=touches.channel.collect(order_by=[touches.place]),
        converted=touches.converted.any(),
        value=touches.value.max(),
        is_first=touches.is_first.any(),
    )
    found = each.group_by("way").aggregate(
        conversions=each.converted.sum().cast("int64"),
        nulls=(~each.converted).sum().cast("int64"),
        value=each.value.sum(where=each.converted).fill_null(0).cast("float64"),
        new_customers=each.is_first.sum().cast("int64"),
    )
    frame = found.to_pyarrow().to_pandas().rename(columns={"way": "path"})
    frame["path"] = [list(path) for path in frame["path"]]
    frame["key"] = [" > ".join(path) for path in frame["path"]]
    return frame.sort_values("key", ignore_index=True).drop(columns="key")


def _counts(base: CustomerBase, ends: ir.Table, whole: ir.Table, still: ir.Table) -> dict[str, Any]:
    """What is not in the paths, and what of them has no name."""
    tracked = whole.filter(whole.converted).select("person", "path").distinct()
    bought = ends.filter(ends.converted)
    bare = bought.anti_join(tracked, ["person", "path"])
    found = bare.aggregate(n=bare.count(), money=bare.value.sum().fill_null(0).cast("float64"))
    row = found.to_pyarrow().to_pylist()[0]
    alone = whole.filter(whole.is_visitor).select("person", "path").distinct()
    return {
        "untracked": int(row["n"]),
        "untracked_value": float(row["money"]),
        "open": int(still.select("person", "path").distinct().count().to_pyarrow().as_py()),
        "anonymous": int(alone.count().to_pyarrow().as_py()),
    }
