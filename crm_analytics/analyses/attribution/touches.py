"""Touches and purchases of each customer and visitor, in order of time, as Ibis expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


def touches(base: CustomerBase) -> ir.Table:
    """Events that are touches: person, at, kind 0, channel, value, tie."""
    events = base.tables["events"]
    events = events.filter(events.channel.notnull())
    if "is_conversion" in events.columns:
        events = events.filter(~events.is_conversion.fill_null(False))
    if "direction" in events.columns:
        events = events.filter(events.direction.fill_null("in") != "out")
    if "stage" in events.columns:  # a review of what was bought leads to no purchase
        events = events.filter(events.stage.fill_null("") != "post_purchase")
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


def purchases(base: CustomerBase) -> ir.Table:
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


def in_paths(rows: ir.Table, lookback: float, gap: float) -> ir.Table:
    """Number the rows and the paths of each person, and mark touches that repeat the one before.

    The rows are put in order once, by texts; what else goes along the order takes the position.
    """
    each = ibis.window(group_by=rows.person, order_by=[rows["at"], rows.kind, rows.channel, rows.tie])
    rows = rows.mutate(
        position=ibis.row_number().over(each),
        before=rows.kind.lag().over(each),
        channel_before=rows.channel.lag().over(each),
        since=rows["at"].epoch_seconds() - rows["at"].lag().over(each).epoch_seconds(),
    )
    same = (rows.kind == 0) & (rows.before == 0) & (rows.channel == rows.channel_before)
    rows = rows.mutate(
        begins=(rows.before.isnull() | (rows.before == 1) | (rows.since > lookback)).cast("int64"),
        repeated=(same & (rows.since <= gap)).fill_null(False),
    ).drop("before", "channel_before", "since")
    so_far = ibis.cumulative_window(group_by=rows.person, order_by=rows.position)
    return rows.mutate(path=rows.begins.sum().over(so_far))
