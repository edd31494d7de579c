"""Key figures of service: of the last period, against the period before and the same a year ago."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.clustered_ratio import Ratio, ratio_of, summed
from crm_analytics.analyses.comparison import YEAR, Change
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.kpi import COUNT, DOWN, MONEY, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.analyses.order_lines import order_lines
from crm_analytics.analyses.service.cost_to_serve import cost_of
from crm_analytics.analyses.service.sla import sla
from crm_analytics.analyses.service.summary import (
    Share,
    Summary,
    rate_interval,
    ratio_change,
    summarise,
)
from crm_analytics.analyses.service.tickets import Tickets, tickets
from crm_analytics.errors import DataError
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "service"
NO_TICKETS = "there are no tickets"


def tickets_opened(given: Measured) -> Kpi:
    """Tickets opened in the last period."""
    found = _summary(given)
    if found is None:
        return refused("tickets_opened", COUNT, DOWN, NO_TICKETS, REPORT, given.span)
    changes = [_ratio(found.opened, before) for before in _earlier(given, lambda s: s.opened)]
    return Kpi("tickets_opened", COUNT, DOWN, found.opened, found.opened, period=given.span,
               against_previous=changes[0], against_year=changes[1], explained_in=REPORT)  # fmt: skip


def tickets_open(given: Measured) -> Kpi:
    """Tickets that are not solved at the day."""
    known = _tickets(given)
    if known is None or not {"first_solved_at", "last_solved_at"} & known.has:
        return refused("tickets_open", COUNT, DOWN, NO_TICKETS, REPORT)
    n = int(known.each.count(where=known.each.is_open & ~known.each.is_broken).to_pyarrow().as_py() or 0)
    return Kpi("tickets_open", COUNT, DOWN, n, known.count, explained_in=REPORT)


def first_reply_hours(given: Measured) -> Kpi:
    """Median hours until the first public reply, of tickets of the last period that were answered."""
    return _hours(given, "first_reply_hours", "reply")


def resolution_hours(given: Measured) -> Kpi:
    """Median hours until a ticket of the last period was solved for the last time."""
    return _hours(given, "resolution_hours", "resolution")


def one_touch_share(given: Measured) -> Kpi:
    """Share of the solved tickets of the last period that took one reply and were not reopened."""
    return _share(given, "one_touch_share", "one_touch", UP)


def reopened_share(given: Measured) -> Kpi:
    """Share of the solved tickets of the last period that were reopened."""
    return _share(given, "reopened_share", "reopened", DOWN)


def ticket_satisfaction(given: Measured) -> Kpi:
    """Share of answers about tickets of the last period that are in the upper quarter of the scale."""
    return _share(given, "ticket_satisfaction", "satisfied", UP)


def sla_kept_share(given: Measured) -> Kpi:
    """Share of the tickets of the last period whose target was kept, of those that are due."""
    known = _tickets(given)
    try:
        kept = sla(known) if known is not None else None
    except DataError:
        kept = None
    if known is None or kept is None:
        return refused("sla_kept_share", SHARE, UP, "no targets are known", REPORT, given.span)
    start = ibis.literal(shift(given.base.day, given.span))
    mine = known.each.filter(known.each.day > start).select("ticket_id")
    kept = kept.semi_join(mine, "ticket_id")
    row = kept.aggregate(n=kept.missed.count(), late=kept.missed.sum()).to_pyarrow().to_pylist()[0]
    n, late = int(row["n"] or 0), int(row["late"] or 0)
    return _of_share("sla_kept_share", Share(n - late, n), UP, given.span)


def contacts_per_100_orders(given: Measured) -> Kpi:
    """Tickets of the last period per 100 orders of the same days; customers are the draw."""
    name, start = "contacts_per_100_orders", shift(given.base.day, given.span)
    now = _asked(given, start, given.base.day)
    if now is None or not now.orders:
        return refused(name, NUMBER, DOWN, NO_TICKETS if now is None else "there are no orders", REPORT,
                       given.span)  # fmt: skip
    spans = given.once("service.spans", lambda: _spans(given))
    earlier = [_rate_change(now, _asked(given, *span)) if span else None for span in spans]
    low, high = rate_interval(now.tickets / now.alike, now.orders / 100 / now.alike)
    return Kpi(name, NUMBER, DOWN, now.per_100, now.tickets, low, high, given.span, earlier[0], earlier[1],
               explained_in=REPORT)  # fmt: skip


def ticket_cost(given: Measured) -> Kpi:
    """What the tickets of the last period cost."""
    known = _tickets(given)
    try:
        money = cost_of(known) if known is not None else None
    except DataError:
        money = None
    if known is None or money is None:
        return refused("ticket_cost", MONEY, DOWN, "what a ticket costs is not known", REPORT, given.span)
    start = ibis.literal(shift(given.base.day, given.span))
    each = known.each.mutate(money=money)
    each = each.filter(each.day > start)
    row = each.aggregate(n=each.money.count(), money=each.money.sum()).to_pyarrow().to_pylist()[0]
    return Kpi("ticket_cost", MONEY, DOWN, float(row["money"] or 0), int(row["n"]), period=given.span,
               explained_in=REPORT)  # fmt: skip


def _tickets(given: Measured) -> Tickets | None:
    """The tickets of the base, made once for all figures; None without any."""

    def make() -> Tickets | None:
        try:
            found = tickets(given.base)
        except DataError:
            return None
        return found if found.count else None

    return given.once("service.tickets", make)


def _summary(given: Measured) -> Summary | None:
    known = _tickets(given)
    if known is None:
        return None
    start = shift(given.base.day, given.span)
    return given.once("service.last", lambda: summarise(known, start, given.base.day))


def _spans(given: Measured) -> tuple[tuple[date, date] | None, tuple[date, date] | None]:
    """The period before and the same a year ago, where tickets reach back so far."""
    known = _tickets(given)
    day, middle = given.base.day, shift(given.base.day, given.span)
    first = known.each.day.min().to_pyarrow().as_py() if known is not None else None
    length = day - middle
    before, year = middle, day - timedelta(days=YEAR)
    return (
        (before - length, before) if first is not None and first <= before - length else None,
        (year - length, year) if first is not None and first <= year - length else None,
    )


def _earlier(given: Measured, what: Callable[[Summary], float | None]) -> list[float | None]:
    """A figure of the period before and of the same a year ago."""
    known = _tickets(given)
    assert known is not None
    spans = given.once("service.spans", lambda: _spans(given))
    found = []
    for span in spans:
        then = given.once(f"service.{span}", partial(summarise, known, *span)) if span else None
        found.append(what(then) if then is not None else None)
    return found


def _ratio(now: float, before: float | None) -> Change | None:
    if before is None:
        return None
    change = ratio_change(now, before)
    return Change(now, before, *(change or (None, None, None)))


@dataclass(frozen=True)
class _Asked:
    """Tickets and orders of a span; `alike` tickets (1 or more) tell as much as one of its own."""

    tickets: int
    orders: int
    alike: float

    @property
    def per_100(self) -> float:
        return 100 * self.tickets / self.orders


def _asked(given: Measured, start: date, end: date) -> _Asked | None:
    """Tickets and orders of ``(start, end]``: some customers ask again and again, so they are the draw."""
    known = _tickets(given)
    if known is None:
        return None
    lines, each = order_lines(given.base), known.each
    lines = lines.filter(~lines.is_return, lines.order.notnull())
    orders = lines.select("order", "day", who=ibis.coalesce(lines.customer_id, lines.order)).distinct()
    orders = orders.group_by("order").aggregate(who=orders.who.max(), day=orders.day.min())
    orders = orders.select("who", "day", asked=ibis.literal(0), ordered=ibis.literal(1))
    each = each.select(
        who=ibis.coalesce(each.customer_id, each.ticket_id), day=each.day, asked=ibis.literal(1),
        ordered=ibis.literal(0),
    )  # fmt: skip
    both = orders.union(each)
    both = both.filter(both.day > ibis.literal(start), both.day <= ibis.literal(end))
    return _alike(ratio_of(summed(given.base, both, "who", "asked", "ordered").iloc[0]))


def _alike(found: Ratio) -> _Asked:
    """How much wider the interval over customers is than that of tickets that stand each for itself."""
    tickets, orders = round(found.top), round(found.bottom)
    alike = (found.error * orders) ** 2 / tickets if tickets and math.isfinite(found.error) else 1.0
    return _Asked(tickets, orders, max(alike, 1.0))


def _rate_change(now: _Asked, then: _Asked | None) -> Change | None:
    """Change of tickets per 100 orders, on the log scale; few customers who ask again give few cases."""
    from scipy.stats import t

    if then is None or not then.orders:
        return None
    if not now.tickets or not then.tickets:
        return Change(now.per_100, then.per_100, None, None, None)
    ratio = now.per_100 / then.per_100
    cases = now.tickets / now.alike, then.tickets / then.alike
    error = float(t.ppf(0.975, max(min(cases) - 1, 1))) * math.sqrt(sum(1 / n for n in cases))
    bounds = (ratio * math.exp(-error) - 1, ratio * math.exp(error) - 1)
    return Change(now.per_100, then.per_100, ratio - 1, *bounds)


def _hours(given: Measured, name: str, time: str) -> Kpi:
    found = _summary(given)
    minutes = found.median(time) if found is not None else None
    if found is None or minutes is None:
        why = NO_TICKETS if found is None else "no ticket of the period tells it"
        return refused(name, NUMBER, DOWN, why, REPORT, given.span)
    earlier = [_then(minutes / 60, m, 60) for m in _earlier(given, lambda s: s.median(time))]
    low, high = _median_bounds(given, f"{time}_minutes")
    rows = found.times[(found.times["time"] == time) & (found.times["clock"] == "calendar")]
    return Kpi(name, NUMBER, DOWN, minutes / 60, int(rows.iloc[0]["tickets"]), low / 60, high / 60,
               given.span, earlier[0], earlier[1], explained_in=REPORT)  # fmt: skip


def _then(now: float, before: float | None, unit: float = 1.0) -> Change | None:
    """What it was, without a claim about the difference."""
    return None if before is None else Change(now, before / unit, None, None, None)


def _median_bounds(given: Measured, column: str) -> tuple[float, float]:
    """95 % interval of a median: the values at the ranks between which it lies (Conover 1999, ch. 3.2)."""
    known = _tickets(given)
    assert known is not None
    start = ibis.literal(shift(given.base.day, given.span))
    value = known.each.filter(known.each.day > start)[column]
    n = int(value.count().to_pyarrow().as_py() or 0)
    half = Z95 * 0.5 / math.sqrt(max(n, 1))
    ends = [value.quantile(min(max(q, 0.0), 1.0)).to_pyarrow().as_py() for q in (0.5 - half, 0.5 + half)]
    return float(ends[0]), float(ends[1])


def _share(given: Measured, name: str, what: str, good: str) -> Kpi:
    found = _summary(given)
    share = found.shares[what] if found is not None else Share(0, 0)
    kpi = _of_share(name, share, good, given.span)
    if kpi.value is None:
        return kpi
    earlier = [_then(kpi.value, then) for then in _earlier(given, lambda s: s.shares[what].value)]
    return replace(kpi, against_previous=earlier[0], against_year=earlier[1])


def _of_share(name: str, share: Share, good: str, span: str) -> Kpi:
    if share.value is None:
        return refused(name, SHARE, good, "no ticket of the period tells it", REPORT, span)
    return Kpi(name, SHARE, good, share.value, share.n, *share.interval, span, explained_in=REPORT)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    tickets_opened, tickets_open, first_reply_hours, resolution_hours, one_touch_share, reopened_share,
    ticket_satisfaction, sla_kept_share, contacts_per_100_orders, ticket_cost,
)  # fmt: skip
