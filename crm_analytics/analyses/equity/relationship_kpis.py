"""Key figures of the relationship: who stays, who comes, how wide they buy, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ibis

from crm_analytics.analyses.comparison import YEAR as LAG
from crm_analytics.analyses.comparison import compare_periods
from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.kpi import COUNT, DOWN, MONEY, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.tables.contract import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.measured import Measured
    from crm_analytics.tables.customer_base import CustomerBase

YEAR = f"-{LAG // 7}w"
AUDIT, CHANNELS, CHECK, VALUE = "audit", "channels", "strategy", "lifetime_value"
PROFILE = ("first_name", "last_name", "birth_date", "email", "phone", "city", "postal_code", "language",
           "acquisition_channel", "needs_segment")  # fmt: skip
SHORT = "the data do not reach back two years"


def share_of(  # noqa: PLR0917
    name: str, k: int, n: int, explained_in: str, why: str, good: str = UP
) -> Kpi:
    """A share of cases with its Wilson interval; refused without a case."""
    if not n:
        return refused(name, SHARE, good, why, explained_in)
    return Kpi(name, SHARE, good, k / n, n, *wilson(k, n), explained_in=explained_in)


def mean_of(name: str, row: Mapping[str, Any], unit: str, explained_in: str, why: str) -> Kpi:
    """A mean with its interval, from n, mean and sd; refused below two cases."""
    n = int(row["n"] or 0)
    if n < 2 or row["mean"] is None:
        return refused(name, unit, UP, why, explained_in)
    half = Z95 * float(row["sd"] or 0.0) / math.sqrt(n)
    mean = float(row["mean"])
    return Kpi(name, unit, UP, mean, n, mean - half, mean + half, explained_in=explained_in)


def revenue_since(base: CustomerBase, days: int) -> float:
    """Net revenue of known customers in the last days."""
    spans = base.customer_days
    recent = spans.filter(spans.day > ibis.literal(base.day - timedelta(days=days)))
    return float(recent.spend.sum().to_pyarrow().as_py() or 0)


def _buyers(base: CustomerBase, first: int, last: int) -> ir.Table:
    """Customers who bought more than `last` and at most `first` days before the end of the day."""
    days = base.occasions
    inside = days.filter(
        days.day > ibis.literal(base.day - timedelta(days=first)),
        days.day <= ibis.literal(base.day - timedelta(days=last)),
    )
    return inside.select("customer_id").distinct()


def customers_retained(given: Measured) -> Kpi:
    """Share of the buyers of the year before who bought again in the last year."""
    name, base = "customers_retained", given.base
    if base.first_day > base.day - timedelta(days=2 * LAG - 1):
        return refused(name, SHARE, UP, SHORT, AUDIT)
    before = _buyers(base, 2 * LAG, LAG)
    n = int(before.count().to_pyarrow().as_py())
    k = int(before.semi_join(_buyers(base, LAG, 0), "customer_id").count().to_pyarrow().as_py())
    return share_of(name, k, n, AUDIT, "nobody bought in the year before")


def new_customers(given: Measured) -> Kpi:
    """Customers who bought for the first time in the last year."""
    name, base = "new_customers", given.base
    if base.first_day > base.day - timedelta(days=LAG):
        return refused(name, COUNT, UP, "the data do not reach back a year", AUDIT, YEAR)
    history = base.purchase_history
    edge = ibis.literal(base.day - timedelta(days=LAG))
    n = int(history.filter(history.first_day > edge).count().to_pyarrow().as_py())
    half = Z95 * math.sqrt(n)  # counts by chance, at the least
    return Kpi(name, COUNT, UP, n, n, max(n - half, 0.0), n + half, YEAR, explained_in=AUDIT)


def revenue_growth(given: Measured) -> Kpi:
    """Revenue of the last year against the year before, as a relative change."""
    name = "revenue_growth"
    found = compare_periods(given.base, YEAR)
    if found is None or found.revenue.change is None:
        return refused(name, SHARE, UP, SHORT, AUDIT)
    change = found.revenue
    return Kpi(name, SHARE, UP, change.change, round(found.buyers.now), change.lower, change.upper,
               explained_in=AUDIT)  # fmt: skip


def revenue_per_buyer(given: Measured) -> Kpi:
    """Net revenue of the last year per customer who bought in it."""
    return _per_buyer(given, "revenue_per_buyer", MONEY)


def orders_per_buyer(given: Measured) -> Kpi:
    """Orders of the last year per customer who bought in it."""
    return _per_buyer(given, "orders_per_buyer", NUMBER)


def _per_buyer(given: Measured, name: str, unit: str) -> Kpi:
    days = given.base.customer_days
    recent = days.filter(days.day > ibis.literal(given.base.day - timedelta(days=LAG)))
    what = recent.spend.cast("float64").sum() if unit == MONEY else recent.is_occasion.sum().cast("float64")
    each = recent.group_by("customer_id").aggregate(x=what, bought=recent.is_occasion.sum())
    each = each.filter(each.bought > 0)
    row = each.aggregate(n=each.count(), mean=each.x.mean(), sd=each.x.std()).to_pyarrow().to_pylist()[0]
    return mean_of(name, row, unit, AUDIT, "nobody bought in the last year")


def years_a_customer(given: Measured) -> Kpi:
    """Mean years since the first purchase, of customers who bought in the last year."""
    base = given.base
    recent = base.purchase_history.semi_join(_buyers(base, LAG, 0), "customer_id")
    years = (ibis.literal(base.day).epoch_days() - recent.first_day.epoch_days()) / 365.25
    row = recent.aggregate(n=years.count(), mean=years.mean(), sd=years.std()).to_pyarrow().to_pylist()[0]
    return mean_of("years_a_customer", row, NUMBER, AUDIT, "nobody bought in the last year")


def multichannel_share(given: Measured) -> Kpi:
    """Share of the last year's buyers who bought in two or more sales channels."""
    name, base = "multichannel_share", given.base
    lines = base.transactions
    if "channel" not in lines.columns:
        return refused(name, SHARE, UP, "the sales have no channel", CHANNELS)
    day = ibis.literal(base.day - timedelta(days=LAG))
    lines = lines.filter(
        lines.customer_id.notnull(), lines.channel.notnull(), lines.unit_spend >= 0,
        lines.transaction_date.date() > day,
    )  # fmt: skip
    if int(lines.channel.nunique().to_pyarrow().as_py() or 0) == 1:
        return refused(name, SHARE, UP, "the sales name one channel alone", CHANNELS)
    each = lines.group_by("customer_id").aggregate(channels=lines.channel.nunique())
    row = each.aggregate(n=each.count(), wide=(each.channels > 1).sum()).to_pyarrow().to_pylist()[0]
    return share_of(name, int(row["wide"] or 0), int(row["n"]), CHANNELS, "no sale has a channel")


def margin_of_revenue(given: Measured) -> Kpi:
    """What is left of revenue after the cost of the goods."""
    name = "margin_of_revenue"
    if given.margin is None:
        return refused(name, SHARE, UP, "the cost of the goods is not known", VALUE)
    return Kpi(name, SHARE, UP, given.margin, int(given.base.counts["rows"]), explained_in=VALUE)


def profile_completeness(given: Measured) -> Kpi:
    """Share of the fields of a customer's profile that are filled in."""
    name, base = "profile_completeness", given.base
    people = base.tables.get("customers")
    have = [c for c in PROFILE if people is not None and c in people.columns]
    if people is None or not have:
        return refused(name, SHARE, UP, "there is no table of customers with a profile", "profiles")
    filled = sum(((people[c].notnull()).cast("float64") for c in have), ibis.literal(0.0)) / len(PROFILE)
    row = people.aggregate(n=filled.count(), mean=filled.mean(), sd=filled.std()).to_pyarrow().to_pylist()[0]
    return mean_of(name, row, SHARE, "profiles", "there are no customers")


def consent_coverage(given: Measured) -> Kpi:
    """Share of customers who allow at least one way of contact."""
    return _allowed(given, "consent_coverage", CONSENTS)


def contactable_share(given: Measured) -> Kpi:
    """Share of customers with consent and an address for one way of contact, and no objection."""
    return _allowed(given, "contactable_share", CONSENTS, reach=True)


def _allowed(given: Measured, name: str, ways: Mapping[str, str], reach: bool = False) -> Kpi:
    people = given.base.tables.get("customers")
    have = [c for c in ways if people is not None and c in people.columns]
    if people is None or not have:
        return refused(name, SHARE, UP, "the customers have no consent", "identity")
    if reach and not any(ways[consent] in people.columns for consent in have):
        return refused(name, SHARE, UP, "the customers have no addresses", "identity")
    allowed = ibis.literal(False)
    for consent in have:
        may = people[consent].fill_null(False)
        address = ways[consent]
        if reach:
            may &= people[address].notnull() if address in people.columns else ibis.literal(False)
        allowed |= may
    if reach and "do_not_contact" in people.columns:
        allowed &= ~people.do_not_contact.fill_null(False)
    row = people.aggregate(n=people.count(), k=allowed.sum()).to_pyarrow().to_pylist()[0]
    return share_of(name, int(row["k"] or 0), int(row["n"]), "identity", "there are no customers")


CONSENTS = {"consent_email": "email", "consent_phone": "phone", "consent_sms": "phone",
            "consent_post": "postal_code"}  # fmt: skip


def rejected_share(given: Measured) -> Kpi:
    """Share of rows that were set aside as broken."""
    counts = given.base.counts
    n = int(counts["rows"]) + int(counts["rejected"])
    return share_of("rejected_share", int(counts["rejected"]), n, CHECK, "there are no rows", DOWN)


def tables_present(given: Measured) -> Kpi:
    """Share of the tables of the data model that are filled in."""
    have = sum(name in given.base.tables for name in TABLES)
    return share_of("tables_present", have, len(TABLES), CHECK, "there are no tables")


def data_age_days(given: Measured) -> Kpi:
    """Days since the newest row of the table that is furthest behind, of those with a time."""
    base, ages = given.base, []
    for name, table in base.tables.items():
        time = TABLES[name].row_time if name in TABLES else None
        # when a customer, product or partner came to be says nothing of how fresh the table is
        if time is None or name not in _FLOWING or time not in table.columns:
            continue
        newest = table[time].cast("date").max().to_pyarrow().as_py()
        if newest is not None:
            ages.append((base.day - newest).days)
    if not ages:
        return refused("data_age_days", NUMBER, DOWN, "no table has a time", CHECK)
    return Kpi("data_age_days", NUMBER, DOWN, max(0, *ages), len(ages), explained_in=CHECK)


_FLOWING = ("transactions", "events", "channel_spend", "tickets", "survey_responses", "mentions")

KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    customers_retained, new_customers, revenue_growth, revenue_per_buyer, orders_per_buyer, years_a_customer,
    multichannel_share, margin_of_revenue, profile_completeness, consent_coverage, contactable_share,
    rejected_share, tables_present,
    data_age_days,
)  # fmt: skip
