"""Events, purchases, tickets, surveys and mentions as rows of one kind, still without an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

SOURCES = ("events", "transactions", "tickets", "survey_responses", "mentions")  # equal times: this order
PURCHASE = "Order Completed"
STAGES = ("pre_purchase", "purchase", "post_purchase")
VISITOR = "visitor "  # before the id of somebody nobody has recognised
COLUMNS = {
    "person": "string",
    "at": "timestamp",
    "source": "int8",
    "event": "string",
    "channel": "string",
    "named_stage": "string",
    "value": "decimal(38, 4)",
    "tie": "string",
}


def _has(table: ir.Table, column: str) -> ir.Value:
    return table[column] if column in table.columns else ibis.null("string")


def _rows(table: ir.Table, source: str, **columns: ir.Value) -> ir.Table:
    given = {"source": ibis.literal(SOURCES.index(source)), **columns}
    return table.select(
        **{name: given.get(name, ibis.null(kind)).cast(kind) for name, kind in COLUMNS.items()}
    ).filter(ibis._.person.notnull())


def recognised(base: CustomerBase) -> ir.Table | None:
    """Visitors by the one customer they were recognised as: seen_as, known_as."""
    if "customer_identities" not in base.snapshot.tables:
        return None
    found = base.tables["customer_identities"]
    found = found.filter(found.id_type == "anonymous_id")
    return found.group_by(seen_as=found.id_value).aggregate(known_as=found.customer_id.min())


def own_events(base: CustomerBase) -> ir.Table:
    """The rows of `events` that customers and visitors made, with `who`: the customer, or else the visitor.

    What was sent to them (direction out) is no step of theirs.
    """
    events = base.tables["events"]
    if "direction" in events.columns:
        events = events.filter(events.direction.fill_null("in") != "out")
    events = events.mutate(who=_has(events, "customer_id"), visitor=_has(events, "anonymous_id"))
    known = recognised(base)
    if known is not None:
        events = events.left_join(known, events.visitor == known.seen_as)
        events = events.mutate(who=ibis.coalesce(events.who, events.known_as))
    return events.mutate(who=ibis.coalesce(events.who, ibis.literal(VISITOR) + events.visitor))


def _events(base: CustomerBase) -> ir.Table:
    events = own_events(base)
    bought = (
        events.is_conversion.fill_null(False) if "is_conversion" in events.columns else ibis.literal(False)
    )
    return _rows(
        events,
        "events",
        person=events.who,
        at=events.timestamp,
        event=bought.ifelse(PURCHASE, events.event),
        channel=_has(events, "channel"),
        named_stage=bought.ifelse(STAGES[1], _has(events, "stage")),
        tie=_has(events, "event_id"),
    )


def _purchases(base: CustomerBase) -> ir.Table:
    """Purchase occasions at the time of their first line; without a time, at the end of their day."""
    lines = base.transactions
    at = lines.transaction_date.cast("timestamp")
    lines = lines.filter(lines.customer_id.notnull()).mutate(time=at, day=at.date())
    if "is_return" in lines.columns:
        lines = lines.filter(~lines.is_return.fill_null(False))
    lines = lines.mutate(place=_has(lines, "channel"))
    timed = lines.group_by("customer_id", "day").aggregate(time=lines.time.min(), place=lines.place.min())
    days = base.exact_occasions.inner_join(timed, ["customer_id", "day"])
    last_second = days.time + ibis.interval(seconds=86_399)
    return _rows(
        days,
        "transactions",
        person=days.customer_id,
        at=(days.time == days.day.cast("timestamp")).ifelse(last_second, days.time),
        event=ibis.literal(PURCHASE),
        channel=days.place,
        named_stage=ibis.literal(STAGES[1]),
        value=days.spend,
    )


def _tickets(base: CustomerBase) -> ir.Table:
    table = base.tables["tickets"]
    complaint = ibis.literal(False)
    if "is_complaint" in table.columns:
        complaint = table.is_complaint.fill_null(False)
    return _rows(
        table,
        "tickets",
        person=table.customer_id,
        at=table.created_at,
        event=complaint.ifelse("Complaint Made", "Ticket Opened"),
        channel=_has(table, "channel"),
        tie=table.ticket_id,
    )


def _answers(base: CustomerBase) -> ir.Table:
    """One step a customer, time and instrument, however many questions it had."""
    table = base.tables["survey_responses"]
    table = table.group_by("customer_id", "responded_at", "instrument").aggregate(n=table.count())
    event = ibis.literal("Survey Answered: ") + table.instrument
    return _rows(
        table,
        "survey_responses",
        person=table.customer_id,
        at=table.responded_at,
        event=event,
        tie=table.instrument,
    )


def _mentions(base: CustomerBase) -> ir.Table:
    table = base.tables["mentions"]
    return _rows(
        table,
        "mentions",
        person=_has(table, "customer_id"),
        at=table.created_timestamp,
        event=ibis.literal("Mentioned Us"),
        channel=table.platform,
        tie=_has(table, "mention_id"),
    )


READERS: Mapping[str, Callable[[CustomerBase], ir.Table]] = {
    "events": _events,
    "transactions": _purchases,
    "tickets": _tickets,
    "survey_responses": _answers,
    "mentions": _mentions,
}


def merged(base: CustomerBase, sources: tuple[str, ...]) -> ir.Table:
    """All rows of the sources; a purchase that was also tracked stands once, as it was tracked."""
    tables = [READERS[name](base) for name in sources]
    rows = tables[0] if len(tables) == 1 else ibis.union(*tables, distinct=False)
    if not {"events", "transactions"} <= set(sources):
        return rows
    return _each_purchase_once(rows)


def _each_purchase_once(rows: ir.Table) -> ir.Table:
    rows = rows.mutate(day=rows["at"].date())
    is_purchase = (rows.event == PURCHASE) & (rows.source <= 1)
    same = ibis.window(group_by=[rows.person, rows.day, is_purchase])
    rows = rows.mutate(
        is_purchase=is_purchase,
        tracked=(rows.source == 0).sum().over(same),
        paid=rows.value.max().over(same),
        place_in_day=ibis.row_number().over(
            group_by=[rows.person, rows.day, is_purchase], order_by=[rows.source, rows["at"], rows.tie]
        ),
    )
    first = rows.place_in_day == 0
    doubled = rows.is_purchase & (rows.source == 1) & (rows.tracked > 0)
    value = (rows.is_purchase & (rows.source == 0) & first).ifelse(rows.paid, rows.value)
    return rows.mutate(value=value).filter(~doubled).select(*COLUMNS)
