"""What was known of each customer on a day: one Ibis expression, from whatever tables there are.

Every part is an aggregate of a table cut at the day, so a row after the day, or a fact that became known
after it, cannot move a feature. Columns that hold only today's state (a consent, a loyalty tier) are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.churn.features.distinct_counts import ByTable, ByText, by_table, levels
from crm_analytics.analyses.margin import with_margin
from crm_analytics.analyses.referral.facts import referral_facts
from crm_analytics.analyses.social.facts import mention_facts

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
    Feature("complaints_recent", "service", f"complaints in the last {RECENT} days"),
    Feature("complaint_days", "service", "days since the last complaint"),
    Feature("open_tickets", "service", "tickets that are not solved"),
    Feature("reopened", "service", "solved tickets that were opened again"),
    Feature("waiting_hours", "service", "mean hours until a ticket was first solved"),
    Feature("satisfaction", "service", "mean satisfaction with solved tickets"),
    Feature("survey_score", "surveys", "mean score of answers, 0 to 1"),
    Feature("nps", "surveys", "last answer to the question of recommendation"),
    Feature("ease", "surveys", "last answer to how easy it was, 0 to 1"),
    Feature("mails", "campaigns", "campaigns that reached the customer"),
    Feature("opened_share", "campaigns", "share of them opened"),
    Feature("responded_share", "campaigns", "share of them answered by a purchase"),
    Feature("unsubscribed", "campaigns", "unsubscribed from campaigns"),
    Feature("invitations", "referrals", "customers they invited"),
    Feature("referrals", "referrals", "customers they brought"),
    Feature("was_referred", "referrals", "was brought by a customer"),
    Feature("mentions", "mentions", "public mentions by the customer"),
    Feature("negative_mentions", "mentions", "negative public mentions by the customer"),
    Feature("mention_days", "mentions", "days since the last public mention"),
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
    Ibis table, one row per customer: customer_id, and those of `FEATURES` whose tables and columns are there.
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
        if more is not None:  # one chain of joins: a select between two of them doubles the time to compile
            found = found.left_join(more, "customer_id", rname=f"{{name}}_{part.__name__}")
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
    "complaints_recent",
    "open_tickets",
    "reopened",
    "mails",
    "unsubscribed",
    "invitations",
    "referrals",
    "was_referred",
    "mentions",
    "negative_mentions",
)


def _ago(past: CustomerBase, day: ir.Value) -> ir.IntegerValue:
    return ibis.literal(past.day).delta(day, unit="day").cast("int64")


def _since(past: CustomerBase, days: int) -> ir.DateScalar:
    """The last day before the `days` that end at the base's day."""
    return ibis.literal(past.day - timedelta(days=days))


def _number(value: ir.Value) -> ir.FloatingValue:
    return value.cast("float64")


def _mean(value: ir.Value, n: ir.Value) -> ir.FloatingValue:
    """Of decimals, whose sum no order of rows changes."""
    return _number(value.cast("decimal(28, 9)").sum()) / _number(n).nullif(0)


def _purchases(past: CustomerBase) -> ir.Table:
    days = past.customer_days.filter(lambda t: t.customer_id.notnull())
    bought = days.is_occasion
    recent, both, year = (days.day > _since(past, n) for n in (RECENT, 2 * RECENT, YEAR))

    def money(where: ir.BooleanValue) -> ir.FloatingValue:
        return _number(days.spend.sum(where=where)).fill_null(0.0)

    one = days.group_by("customer_id").aggregate(
        first=days.day.min(where=bought),
        last=days.day.max(where=bought),
        order_count=days.count(where=bought),
        orders_recent=days.count(where=bought & recent),
        orders_both=days.count(where=bought & both),
        orders_year=days.count(where=bought & year),
        revenue=_number(days.spend.sum()),
        revenue_year=money(year),
        revenue_trend=money(recent) * 2.0 - money(both),
    )
    one = one.filter(one.order_count > 0)
    one = one.mutate(recency_days=_ago(past, one["last"]), tenure_days=_ago(past, one["first"]))
    gap = _number(one.tenure_days - one.recency_days) / _number(one.order_count - 1).nullif(0.0)
    return one.mutate(
        mean_gap_days=gap,
        overdue=_number(one.recency_days) / gap.nullif(0.0),
        order_value=one.revenue / _number(one.order_count),
        orders_trend=one.orders_recent * 2 - one.orders_both,
    ).drop("orders_both", "first", "last")


def _lines(past: CustomerBase) -> ir.Table:
    lines, counted = _coded(past)
    wanted: dict[str, ir.Value] = {name: one.count(lines) for name, one in counted.items()}
    have, n = set(lines.columns), _number(lines.count())
    wanted["returned_share"] = _number(lines.count(where=lines.unit_spend < 0)) / n
    if "coupon" in have:
        wanted["coupon_share"] = _number(lines.coupon.count()) / n
    if "discount" in have:
        off = _number(lines.discount.sum()).fill_null(0.0)
        paid = _number(lines.unit_spend.sum(where=lines.unit_spend > 0)).fill_null(0.0)
        wanted["discount_share"] = off / (paid + off).nullif(0.0)
    if "margin" in have:
        wanted["margin_share"] = _number(lines.margin.sum()) / _number(lines.costed.sum()).nullif(0.0)
    return lines.group_by("customer_id").aggregate(**wanted)


def _coded(past: CustomerBase) -> tuple[ir.Table, dict[str, ByText | ByTable]]:
    """The lines with their margin, and ready to count products, categories and channels in."""
    bought = past.transactions
    bought = bought.filter(bought.customer_id.notnull())
    costed = with_margin(past, bought)
    lines, counted = bought if costed is None else costed, dict[str, ByText | ByTable]()
    seen, told = past.snapshot.tables["transactions"], {"channel", "product_id"}.intersection(bought.columns)
    if told:  # levels of the whole source, once for all days: one not yet seen on a day counts nothing there
        seen = past.materialise(seen.select(*sorted(told)).distinct())
    if "channel" in bought.columns:
        channels = counted["channels"] = levels(past, seen, "channel", "channels")
        lines = channels.onto(lines)
    if "product_id" in bought.columns:
        products = counted["products"] = by_table(past, seen, "product_id", "products")
        listed = past.tables.get("products")
        if listed is not None and "category_0_name" in listed.columns:
            categories = counted["categories"] = levels(past, listed, "category_0_name", "categories")
            listed = categories.onto(listed.select("product_id", "category_0_name"))
            products = products.beside(listed.drop("category_0_name"))  # one join of the lines for both
        lines = products.onto(lines)
    return lines, counted


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
        wanted["complaints"] = tickets.count(where=complained)
        told = _ago(past, tickets.created_at.date())
        wanted["complaint_days"] = told.min(where=complained)
        wanted["complaints_recent"] = tickets.count(where=complained & (told < RECENT))
    if "reopens" in tickets.columns:
        wanted["reopened"] = tickets.count(where=tickets.reopens > 0)
    if "first_solved_at" in tickets.columns:
        wanted["open_tickets"] = tickets.count(where=tickets.first_solved_at.isnull())
        waited = tickets.first_solved_at.epoch_seconds() - tickets.created_at.epoch_seconds()
        # solved before it was opened: not a time
        waited = (waited >= 0).ifelse(waited, ibis.null("int64"))
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
        easy = ibis.struct({"at": answers.responded_at, "less": -share})
        wanted["easy"] = easy.max(where=(answers.instrument == "ces") & share.notnull())
    # the last answer; of two at the same moment the lower one: something must decide
    answer = ibis.struct({"at": answers.responded_at, "less": -answers.score})
    last = answer.max(where=answers.instrument == "nps")
    one = answers.group_by("customer_id").aggregate(last=last, **wanted)
    found = {"nps": -one["last"]["less"]}
    if "easy" in wanted:
        found["ease"] = -one["easy"]["less"]
    return one.mutate(**found).drop("last", *(name for name in ("easy",) if name in wanted))


def _campaigns(past: CustomerBase) -> ir.Table | None:
    members = past.tables.get("campaign_members")
    if members is None:
        return None
    reached = members.filter(members.treatment == "treated")
    n, have = reached.count(), set(reached.columns)
    wanted: dict[str, ir.Value] = {"mails": n}
    for feature, column in (("opened_share", "opened_at"), ("responded_share", "responded_at")):
        if column in have:
            wanted[feature] = _number(reached[column].count()) / _number(n)
    if "unsubscribed_at" in have:
        wanted["unsubscribed"] = reached.unsubscribed_at.notnull().any().cast("int64")
    return reached.group_by("customer_id").aggregate(**wanted)


_PARTS: tuple[Callable[[CustomerBase], ir.Table | None], ...] = (
    _lines, _acquired, _visits, _service, _surveys, _campaigns, referral_facts, mention_facts,
)  # fmt: skip
