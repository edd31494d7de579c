"""Whether and how fast mentions are answered, whether a bad one becomes a ticket, and which still wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.clustered_ratio import Ratio, ratio_of, summed
from crm_analytics.analyses.kaplan_meier import kaplan_meier
from crm_analytics.analyses.social.volume import NEGATIVE
from crm_analytics.tables.days import Span, earlier_day

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.social.mentions import Mentions
    from crm_analytics.tables.customer_base import CustomerBase

RIPE_DAYS = 7  # a mention must be so old before it counts as not answered
TICKET_DAYS = 7  # within which a ticket of the same customer counts as following the mention
WAITING_DAYS = 30  # older mentions are past an answer
HOURS = 24 * 90  # beyond, a wait is looked at no further
URGENCIES = ("negative, a customer", "negative", "a customer", "other")


@dataclass(frozen=True, eq=False)
class Response:
    """How mentions of our brand were answered in a period.

    Attributes
    ----------
    answered, negative_answered : share of mentions at least `RIPE_DAYS` old that got a reply; authors are
        the draw
    median_hours, median_lower, median_upper : until half had a reply (Kaplan and Meier; one without a reply
        waits still, it is not zero); None where fewer than half get one
    negative_hours : the same of negative mentions
    to_ticket : share of negative mentions that became a ticket, by the ticket in the row or by one that the
        same known customer opened within `TICKET_DAYS`; of mentions where either can be seen
    """

    answered: Ratio
    negative_answered: Ratio
    median_hours: float | None
    median_lower: float | None
    median_upper: float | None
    negative_hours: float | None
    to_ticket: Ratio


def response(said: Mentions, span: Span = "-13w") -> Response | None:
    """Measure the replies of the last period; None where the source tells no reply."""
    base = said.base
    if "replied_at" not in base.tables["mentions"].columns:
        return None
    end = base.day - timedelta(days=RIPE_DAYS)
    rows = said.ours.filter(said.ours.day > ibis.literal(earlier_day(end, span)))
    ripe = rows.filter(rows.day <= ibis.literal(end)).mutate(one=1, done=rows.replied_at.notnull())
    bad = ripe.filter(ripe.sentiment < NEGATIVE)
    middle = _median(base, rows)
    return Response(
        ratio_of(summed(base, ripe, "writer", "done", "one").iloc[0], is_share=True),
        ratio_of(summed(base, bad, "writer", "done", "one").iloc[0], is_share=True),
        *middle,
        _median(base, rows.filter(rows.sentiment < NEGATIVE))[0],
        _to_ticket(base, bad),
    )


def _median(base: CustomerBase, rows: ir.Table) -> tuple[float | None, float | None, float | None]:
    end = ibis.literal(datetime.combine(base.day + timedelta(days=1), time()))
    until = rows.replied_at.fill_null(end)
    hours = ((until.epoch_seconds() - rows.at.epoch_seconds()).cast("float64") / 3600.0).clip(0.0, HOURS)
    cells = rows.group_by(hours=hours.ceil(), done=rows.replied_at.notnull()).aggregate(n=rows.count())
    found = base.collect(cells.order_by(["hours", "done"]))
    if found.empty or not found.loc[found["done"], "n"].sum():
        return None, None, None
    curve = kaplan_meier(found["hours"], found["done"], found["n"])

    def first(column: str) -> float | None:
        below = curve.loc[curve[column] <= 0.5, "time"]
        return float(below.iloc[0]) if len(below) else None

    return first("survival"), first("lower"), first("upper")


def _to_ticket(base: CustomerBase, bad: ir.Table) -> Ratio:
    tickets = base.tables.get("tickets")
    told = "ticket_id" in base.tables["mentions"].columns
    if tickets is None:
        seen = bad.filter(bad.ticket_id.notnull()) if told else bad.limit(0)
        return ratio_of(summed(base, seen.mutate(hit=True), "writer", "hit", "one").iloc[0], is_share=True)
    own = bad.mutate(number=ibis.row_number().over(order_by=[bad.at, bad.writer, bad.mention_id]))
    own = base.materialise(own)
    opened = tickets.select("customer_id", opened=tickets.created_at)
    both = own.filter(own.customer_id.notnull()).inner_join(opened, "customer_id")
    wait = both.opened.epoch_seconds() - both.at.epoch_seconds()
    both = both.filter((wait >= 0) & (wait <= TICKET_DAYS * 86_400))
    after = both.select("number").distinct().mutate(after=ibis.literal(True))
    cases = own.left_join(after, "number").drop("number_right")
    cases = cases.filter(cases.customer_id.notnull() | cases.ticket_id.notnull())
    cases = cases.mutate(hit=cases.ticket_id.notnull() | cases.after.fill_null(False))
    return ratio_of(summed(base, cases, "writer", "hit", "one").iloc[0], is_share=True)


def waiting(said: Mentions) -> ir.Table | None:
    """Mentions of our brand that wait for an answer: the most urgent first, of these the widest reach.

    Returns
    -------
    None where the source tells no reply; else place (1, 2, ...), mention_id, customer_id (or NULL), platform,
    topic, urgency (of `URGENCIES`), reach (followers, or impressions where more), days (waited), sentiment.
    Counters of reach hold the state of today.
    """
    base = said.base
    if "replied_at" not in base.tables["mentions"].columns:
        return None
    rows = said.ours
    days = ibis.literal(base.day).delta(rows.day, unit="day").cast("int64")
    open_ = rows.mutate(days=days, reach=ibis.greatest(rows.followers, rows.impressions))
    open_ = open_.filter(open_.replied_at.isnull(), open_.ticket_id.isnull(), open_.days < WAITING_DAYS)
    bad, mine = open_.sentiment.fill_null(0.0) < NEGATIVE, open_.customer_id.notnull()
    grade = ibis.cases((bad & mine, 0), (bad, 1), (mine, 2), else_=3)
    words = ibis.cases(*((grade == place, name) for place, name in enumerate(URGENCIES)))
    order = [grade, ibis.desc(open_.reach), ibis.desc(open_.days), open_.at, open_.mention_id]
    return open_.select(
        "mention_id", "customer_id", "platform", "topic", "reach", "days", "sentiment",
        place=ibis.row_number().over(order_by=order) + 1, urgency=words,
    )  # fmt: skip


def waiting_summary(base: CustomerBase, queue: ir.Table) -> pd.DataFrame:
    """urgency, mentions, reach (sum), longest (days), of every urgency in their order."""
    found = base.collect(
        queue.group_by("urgency").aggregate(
            mentions=queue.count(), reach=queue.reach.sum(), longest=queue.days.max()
        )
    )
    return found.set_index("urgency").reindex(URGENCIES).fillna(0).astype("int64").reset_index()
