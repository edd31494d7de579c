"""Minutes between two moments, on the clock and within opening hours, computed in the engine.

Openings become one small table with a row per schedule and day of UTC: how long the desk had been open before
that day, and the openings of the day. The open time up to a moment is then an equi-join and a sum, and the
open time of a span is the difference of two: linear in rows, and the same on every engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.service.schedules import Schedule, zone_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ALL_SCHEDULES = "all schedules"  # each stretch of a span counts by the schedule the ticket was on
LAST_SCHEDULE = "last schedule"  # the whole span counts by the last one, as Zendesk reports it
RULES = (ALL_SCHEDULES, LAST_SCHEDULE)
_SECONDS = 24 * 60 * 60


def opening_table(schedules: Sequence[Schedule], first: date, last: date) -> pd.DataFrame:
    """Openings by schedule and day of UTC.

    Returns
    -------
    schedule, day, before (seconds open before the day began), and for each opening of a day open_1, close_1,
    ... in seconds of the day; a day with fewer openings has zeros there
    """
    days = pd.date_range(first - timedelta(days=2), last + timedelta(days=2), freq="D")
    parts = []
    for schedule in schedules:
        spans = _at_midnights(schedule.open_seconds(days[0].date(), days[-1].date()))
        frame = pd.DataFrame(spans, columns=["open", "close"])
        day = frame["open"] // _SECONDS
        frame["number"] = frame.groupby(day).cumcount() + 1
        frame["day"] = pd.to_datetime(day * _SECONDS, unit="s").astype("datetime64[us]")
        frame[["open", "close"]] = frame[["open", "close"]].sub(day * _SECONDS, axis=0)
        wide = frame.pivot(index="day", columns="number", values=["open", "close"])
        wide.columns = wide.columns.map("{0[0]}_{0[1]}".format)
        wide = wide.reindex(days.astype("datetime64[us]")).fillna(0.0)
        length = (frame["close"] - frame["open"]).groupby(frame["day"]).sum()
        open_seconds = length.reindex(wide.index).fillna(0.0)
        wide.insert(0, "before", open_seconds.cumsum() - open_seconds)
        parts.append(wide.rename_axis("day").reset_index().assign(schedule=schedule.name))
    table = pd.concat(parts, ignore_index=True)
    numbers = [str(name) for name in table if name not in ("day", "schedule")]
    table[numbers] = table[numbers].astype("float64").fillna(0.0)
    return table[["schedule", "day", *numbers]]


def _at_midnights(spans: np.ndarray) -> np.ndarray:
    """Openings cut at each midnight of UTC."""
    if not len(spans):
        return spans
    starts, ends = spans[:, 0], spans[:, 1]
    days = (ends - 1) // _SECONDS - starts // _SECONDS + 1
    row = np.repeat(np.arange(len(spans)), days)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(days) - days, days)
    midnight = (starts[row] // _SECONDS + nth) * _SECONDS
    cut = np.column_stack([np.maximum(starts[row], midnight), np.minimum(ends[row], midnight + _SECONDS)])
    return cut[cut[:, 1] > cut[:, 0]]


def in_utc(moment: ir.TimestampValue, zone: str, first: date, last: date) -> ir.TimestampValue:
    """A moment on the shop's clock as UTC. Of the hour that clocks show twice, the first is taken.

    Parameters
    ----------
    zone : of the shop; empty is UTC
    first, last : days between which clocks are looked up
    """
    here = zone_of(zone)
    changes = _clock_changes(here, first - timedelta(days=1), last + timedelta(days=1))
    final = changes[-1][2] if changes else _offset(here, datetime.combine(first, datetime.min.time()))
    if not changes and not final:
        return moment
    branches = [(moment < ibis.literal(until), before) for until, before, _ in changes]
    seconds = ibis.cases(*branches, else_=final) if branches else ibis.literal(final)
    return moment - seconds.cast("int64").as_interval("s")


def _offset(zone: tzinfo, moment: datetime) -> int:
    found = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    return int(found.total_seconds()) if found is not None else 0


def _clock_changes(zone: tzinfo, first: date, last: date) -> list[tuple[datetime, int, int]]:
    """Changes of a zone's clock: the moment on the old clock, the offset before, the offset after."""
    found, quarter = [], timedelta(minutes=15)
    moment = datetime.combine(first, datetime.min.time())
    end, step = datetime.combine(last, datetime.min.time()), timedelta(days=1)
    offset = _offset(zone, moment)
    while moment < end:
        after = _offset(zone, moment + step)
        if after != offset:
            change = moment + quarter
            while _offset(zone, change) == offset:
                change += quarter
            found.append((change + timedelta(seconds=offset), offset, after))
            offset = after
        moment += step
    return found


def minutes(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.FloatingValue:
    """Minutes from one moment to another; NULL where one is missing or the end comes first."""
    seconds = _exact_seconds(end) - _exact_seconds(start)
    return (end >= start).ifelse(seconds / 60.0, ibis.null("float64"))


def _exact_seconds(moment: ir.TimestampValue) -> ir.FloatingValue:
    return moment.epoch_seconds().cast("float64") + moment.microsecond().cast("float64") / 1e6


def business_minutes(
    base: CustomerBase,
    spans: ir.Table,
    schedules: Sequence[Schedule],
    *,
    pairs: Sequence[tuple[str, str, str]],
    zone: str = "",
) -> ir.Table:
    """Spans with the minutes of each that a desk was open.

    Parameters
    ----------
    spans : has a column `schedule` and the moments; rows of a schedule that is not known get NULL
    schedules : at least one
    pairs : (start, end, name): columns of two moments, and what the minutes between them are called
    zone : whose clock the moments are on; empty is UTC

    Returns
    -------
    `spans` with the columns named in `pairs`: minutes, NULL where a moment is missing or the end comes first
    """
    moments = list(dict.fromkeys(name for start, end, _ in pairs for name in (start, end)))
    ends = spans.aggregate(
        **{f"a{n}": spans[name].min() for n, name in enumerate(moments)},
        **{f"z{n}": spans[name].max() for n, name in enumerate(moments)},
    )
    known = [day for day in ends.to_pyarrow().to_pylist()[0].values() if day is not None]
    first, last = (min(known).date(), max(known).date()) if known else (base.first_day, base.day)
    frame = opening_table(schedules, first, last)
    clock = base.to_engine(frame)
    clock = clock.mutate(day=clock.day.cast("date"))
    openings = sum(str(name).startswith("open_") for name in frame)
    found, kept = spans, list(spans.columns)
    for n, name in enumerate(moments):
        moment = in_utc(found[name], zone, first, last)
        found = found.mutate(**{f"_day_{n}": moment.date(), f"_at_{n}": _second_of_day(moment)})
        side = clock.rename(**{f"{c}__{n}": c for c in clock.columns})
        found = found.left_join(
            side, [found.schedule == side[f"schedule__{n}"], found[f"_day_{n}"] == side[f"day__{n}"]]
        )
        at = found[f"_at_{n}"]
        total = found[f"before__{n}"]
        for k in range(1, openings + 1):
            opened, closed = found[f"open_{k}__{n}"], found[f"close_{k}__{n}"]
            total = total + ibis.greatest(ibis.least(at, closed) - opened, ibis.literal(0.0))
        done = [f"_open_{m}" for m in range(n)]
        found = found.mutate(**{f"_open_{n}": total}).select(*kept, *done, f"_open_{n}")
    place = {name: n for n, name in enumerate(moments)}
    wanted = {
        name: (found[end] >= found[start]).ifelse(
            (found[f"_open_{place[end]}"] - found[f"_open_{place[start]}"]) / 60.0, ibis.null("float64")
        )
        for start, end, name in pairs
    }
    return found.mutate(**wanted).select(*kept, *wanted)


def _second_of_day(moment: ir.TimestampValue) -> ir.FloatingValue:
    whole = moment.hour() * 3600 + moment.minute() * 60 + moment.second()
    return whole.cast("float64") + moment.microsecond().cast("float64") / 1e6


def by_schedule_history(
    base: CustomerBase,
    spans: ir.Table,
    assigned: ir.Table,
    schedules: Sequence[Schedule],
    *,
    rule: str = ALL_SCHEDULES,
    zone: str = "",
) -> ir.Table:
    """Business minutes of spans of tickets that went from one schedule to another.

    Parameters
    ----------
    spans : ticket_id, start, end; one row per ticket
    assigned : ticket_id, at, schedule: from when on a ticket was on a schedule. The first one also holds
        before, because a ticket is on some schedule from its opening on
    rule : "all schedules" counts each stretch by the schedule of that stretch; "last schedule" counts the
        whole span by the last schedule set before its end, which is what Zendesk's own reports show

    Returns
    -------
    ticket_id, business_minutes; tickets without a schedule are not in it
    """
    named = assigned.select("ticket_id", "schedule", since="at")
    order = ibis.window(group_by="ticket_id", order_by=["since", "schedule"])
    named = named.mutate(until=named.since.lead().over(order), place=ibis.row_number().over(order))
    both = spans.select("ticket_id", "start", "end").inner_join(named, "ticket_id")
    both = both.filter((both.since < both.end) | (both.place == 0))
    if rule == LAST_SCHEDULE:
        last = ibis.window(group_by="ticket_id", order_by=[ibis.desc("place")])
        both = both.mutate(back=ibis.row_number().over(last))
        both = both.filter(both.back == 0)
    else:
        begin = (both.place == 0).ifelse(both.start, ibis.greatest(both.start, both.since))
        end = ibis.least(both.end, both.until.fill_null(both.end))
        both = both.mutate(start=begin, end=end)
        both = both.filter(both.end >= both.start)
    counted = business_minutes(
        base,
        both.select("ticket_id", "schedule", "start", "end"),
        schedules,
        pairs=[("start", "end", "open_minutes")],
        zone=zone,
    )
    return counted.group_by("ticket_id").aggregate(business_minutes=counted.open_minutes.sum())
