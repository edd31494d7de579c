"""What was known of each customer on a day: one Ibis expression, from whatever tables there are.

Every part is an aggregate of a table cut at the day, so a row after the day, or a fact that became known
after it, cannot move a feature. Columns that hold only today's state (a consent, a loyalty tier) are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.margin import margin_lines
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
RECENT, YEAR = 90, 365  # days


@dataclass(frozen=True)
class Feature:
    """A column of `features`: its name, its group, and what it says."""

    name: str
    group: str
    words: str
    kind: str = "number"  # or "text"


FEATURES = (
    Feature("recency_days", "recency", "days since the last purchase"),
    Feature("overdue", "recency", "days since the last purchase over the own mean gap"),
    Feature("order_count", "frequency", "purchases so far"),
    Feature("orders_recent", "frequency", f"purchases in the last {RECENT} days"),
    Feature("orders_year", "frequency", f"purchases in the last {YEAR} days"),
    Feature("mean_gap_days", "frequency", "mean days between purchases"),
    Feature("revenue", "value", "money so far"),
    Feature("revenue_year", "value", f"money of the last {YEAR} days"),
    Feature("order_value", "value", "mean money a purchase"),
    Feature("margin_share", "value", "margin as a share of the money"),
    Feature(
        "orders_trend", "trend", f"purchases of the last {RECENT} days less those of the {RECENT} before"
    ),
    Feature("revenue_trend", "trend", f"money of the last {RECENT} days less that of the {RECENT} before"),
    Feature("products", "breadth", "different products bought"),
    Feature("categories", "breadth", "different categories bought"),
    Feature("returned_share", "breadth", "share of the lines that were returns"),
    Feature("coupon_share", "discounts", "share of the lines bought with a coupon"),
    Feature("discount_share", "discounts", "discount as a share of the price"),
    Feature("channels", "channels", "different sales channels used"),
    Feature("acquired_by", "channels", "the channel that won the customer", "text"),
    Feature("visits_recent", "channels", f"visits and clicks in the last {RECENT} days"),
    Feature("tickets", "service", "tickets so far"),
    Feature("complaints", "service", "complaints so far"),
    Feature("complaint_days", "service", "days since the last complaint"),
    Feature("waiting_hours", "service", "mean hours until a ticket was first solved"),
    Feature("satisfaction", "service", "mean satisfaction with solved tickets"),
    Feature("survey_score", "surveys", "mean score of answers, 0 to 1"),
    Feature("nps", "surveys", "last answer to the question of recommendation"),
    Feature("mails", "campaigns", "campaigns that reached the customer"),
    Feature("opened_share", "campaigns", "share of them opened"),
    Feature("responded_share", "campaigns", "share of them answered by a purchase"),
    Feature("unsubscribed", "campaigns", "unsubscribed from campaigns"),
    Feature("tenure_days", "tenure", "days since the first purchase"),
)
BTYD = (
    Feature("expected_purchases", "btyd", "purchases expected in the window"),
    Feature("probability_alive", "btyd", "probability of being still there"),
)
WORDS = {feature.name: feature.words for feature in (*FEATURES, *BTYD)}


def features(past: CustomerBase) -> ir.Table:
    """Features of every customer who has bought, as known at the end of the base's day.

    Parameters
    ----------
    past : a base cut at the day

    Returns
    -------
    Ibis table, one row a customer: customer_id, and those of `FEATURES` whose tables and columns are there.
    Counts without anything to count are 0; means without anything are NULL.

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [10, 30, 5],
    ...     "transaction_date": ["2026-01-01", "2026-03-02", "2026-03-01"]}), today="2026-04-01")
    >>> found = features(base.as_of("2026-03-02")).order_by("customer_id").to_pandas()
    >>> found[["recency_days", "order_count", "mean_gap_days", "orders_trend"]].values.tolist()
    [[0.0, 2.0, 60.0, 2.0], [1.0, 1.0, nan, 1.0]]
    """
    past.require(NEEDS)
    found = _purchases(past)
    for part in _PARTS:
        more = part(past)
        if more is not None:
            found = found.left_join(more, "customer_id").drop("customer_id_right")
    zero = {f: found[f].fill_null(0) for f in _COUNTS if f in found.columns}
    names = [f.name for f in FEATURES if f.name in found.columns]
    return found.mutate(**zero).select("customer_id", *names)


_COUNTS = (
    "products",
    "categories",
    "channels",
    "visits_recent",
    "tickets",
    "complaints",
    "mails",
    "unsubscribed",
)


def _ago(past: CustomerBase, day: ir.Value) -> ir.IntegerValue:
    return ibis.literal(past.day).delta(day, unit="day").cast("int64")


def _number(value: ir.Value) -> ir.FloatingValue:
    return value.cast("float64")


def _mean(value: ir.Value, n: ir.Value) -> ir.FloatingValue:
    """Of decimals, whose sum no order of rows changes."""
    return _number(value.cast("decimal(28, 9)").sum()) / _number(n).nullif(0)


def _purchases(past: CustomerBase) -> ir.Table:
    days = past.customer_days.filter(lambda t: t.customer_id.notnull())
    ago = _ago(past, days.day)
    bought = days.is_occasion
    recent, before = ago < RECENT, (ago >= RECENT) & (ago < 2 * RECENT)
    nothing = ibis.literal(0).cast(MONEY)

    def money(where: ir.BooleanValue) -> ir.FloatingValue:
        return _number(days.spend.sum(where=where).fill_null(nothing))

    one = days.group_by("customer_id").aggregate(
        recency_days=ago.min(where=bought),
        tenure_days=ago.max(where=bought),
        order_count=bought.sum().cast("int64"),
        orders_recent=(bought & recent).sum().cast("int64"),
        orders_before=(bought & before).sum().cast("int64"),
        orders_year=(bought & (ago < YEAR)).sum().cast("int64"),
        revenue=_number(days.spend.sum()),
        revenue_year=money(ago < YEAR),
        revenue_trend=money(recent) - money(before),
    )
    one = one.filter(one.order_count > 0)
    gap = _number(one.tenure_days - one.recency_days) / _number(one.order_count - 1).nullif(0.0)
    return one.mutate(
        mean_gap_days=gap,
        overdue=_number(one.recency_days) / gap.nullif(0.0),
        order_value=one.revenue / _number(one.order_count),
        orders_trend=one.orders_recent - one.orders_before,
    ).drop("orders_before")


def _lines(past: CustomerBase) -> ir.Table | None:
    lines = past.transactions.filter(lambda t: t.customer_id.notnull())
    have = set(lines.columns)
    wanted: dict[str, ir.Value] = {}
    if "product_id" in have:
        wanted["products"] = lines.product_id.nunique()
        products = past.tables.get("products")
        if products is not None and "category_0_name" in products.columns:
            named = products.select("product_id", category=products.category_0_name)
            lines = lines.left_join(named, "product_id").drop("product_id_right")
            wanted = {"products": lines.product_id.nunique(), "categories": lines.category.nunique()}
    wanted["returned_share"] = _number((lines.unit_spend < 0).sum()) / _number(lines.count())
    if "coupon" in have:
        wanted["coupon_share"] = _number(lines.coupon.notnull().sum()) / _number(lines.count())
    if "discount" in have:
        off, paid = (
            lines.discount.fill_null(0).cast(MONEY).sum(),
            lines.unit_spend.sum(where=lines.unit_spend > 0),
        )
        whole = _number(paid.fill_null(ibis.literal(0).cast(MONEY))) + _number(off)
        wanted["discount_share"] = _number(off) / whole.nullif(0.0)
    if "channel" in have:
        wanted["channels"] = lines.channel.nunique()
    return lines.group_by("customer_id").aggregate(**wanted)


def _margin(past: CustomerBase) -> ir.Table | None:
    lines = margin_lines(past)
    if lines is None:
        return None
    one = lines.group_by("customer_id").aggregate(margin=lines.margin.sum(), costed=lines.costed.sum())
    return one.select("customer_id", margin_share=_number(one.margin) / _number(one.costed).nullif(0.0))


def _acquired(past: CustomerBase) -> ir.Table | None:
    customers = past.tables.get("customers")
    if customers is None or "acquisition_channel" not in customers.columns:
        return None
    return customers.select("customer_id", acquired_by=customers.acquisition_channel)


def _visits(past: CustomerBase) -> ir.Table | None:
    events = past.tables.get("events")
    if events is None or "customer_id" not in events.columns:
        return None
    own = events.customer_id.notnull() & (_ago(past, events.timestamp.date()) < RECENT)
    if "direction" in events.columns:
        own &= events.direction.fill_null("in") != "out"
    seen = events.filter(own)
    return seen.group_by("customer_id").aggregate(visits_recent=seen.count())


def _service(past: CustomerBase) -> ir.Table | None:
    tickets = past.tables.get("tickets")
    if tickets is None:
        return None
    wanted: dict[str, ir.Value] = {"tickets": tickets.count()}
    if "is_complaint" in tickets.columns:
        complained = tickets.is_complaint.fill_null(False)
        wanted["complaints"] = complained.sum().cast("int64")
        wanted["complaint_days"] = _ago(past, tickets.created_at.date()).min(where=complained)
    if "first_solved_at" in tickets.columns:
        waited = tickets.first_solved_at.epoch_seconds() - tickets.created_at.epoch_seconds()
        wanted["waiting_hours"] = _number(waited.sum()) / _number(waited.count()).nullif(0.0) / 3600.0
    if "satisfaction_score" in tickets.columns:
        wanted["satisfaction"] = _mean(tickets.satisfaction_score, tickets.satisfaction_score.count())
    return tickets.group_by("customer_id").aggregate(**wanted)


def _surveys(past: CustomerBase) -> ir.Table | None:
    answers = past.tables.get("survey_responses")
    if answers is None or not {"customer_id", "score"} <= set(answers.columns):
        return None
    answers = answers.filter(answers.customer_id.notnull() & answers.score.notnull())
    wanted: dict[str, ir.Value] = {}
    if {"scale_min", "scale_max"} <= set(answers.columns):
        share = (answers.score - answers.scale_min) / (answers.scale_max - answers.scale_min).nullif(0)
        wanted["survey_score"] = _mean(share, share.count())
    asked = answers.instrument == "nps"
    # of two answers at the same moment the lower one: something must decide
    last = answers.responded_at.max(where=asked)
    one = answers.group_by("customer_id").aggregate(last=last, **wanted)
    at = answers.filter(asked).inner_join(one.select("customer_id", "last"), "customer_id")
    at = at.filter(at.responded_at == at.last)
    nps = at.group_by("customer_id").aggregate(nps=at.score.min())
    return one.drop("last").left_join(nps, "customer_id").drop("customer_id_right")


def _campaigns(past: CustomerBase) -> ir.Table | None:
    members = past.tables.get("campaign_members")
    if members is None:
        return None
    reached = members.filter(members.treatment == "treated")
    n, have = reached.count(), set(reached.columns)
    wanted: dict[str, ir.Value] = {"mails": n}
    for feature, column in (("opened_share", "opened_at"), ("responded_share", "responded_at")):
        if column in have:
            wanted[feature] = _number(reached[column].notnull().sum()) / _number(n)
    if "unsubscribed_at" in have:
        wanted["unsubscribed"] = reached.unsubscribed_at.notnull().any().cast("int64")
    return reached.group_by("customer_id").aggregate(**wanted)


_PARTS: tuple[Callable[[CustomerBase], ir.Table | None], ...] = (
    _lines, _margin, _acquired, _visits, _service, _surveys, _campaigns,
)  # fmt: skip
