"""Key figures: one record and one function each, for every report.

A report names the figures it shows; their values, intervals and changes come from here, and so does what it
records for machines. So one figure has one value on all pages of a base.

>>> sorted(REGISTRY)[:3]
['acquisition_cost', 'bought_again', 'bought_again_soon']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.attribution.kpis import KPIS as ATTRIBUTION
from crm_analytics.analyses.campaigns.kpis import KPIS as CAMPAIGNS
from crm_analytics.analyses.churn.kpis import KPIS as CHURN
from crm_analytics.analyses.collaboration.kpis import KPIS as COLLABORATION
from crm_analytics.analyses.concentration import concentration
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED
from crm_analytics.analyses.equity.kpis import KPIS as EQUITY
from crm_analytics.analyses.identity.kpis import KPIS as IDENTITY
from crm_analytics.analyses.intervals import error_of_sum, wilson
from crm_analytics.analyses.journey.kpis import KPIS as JOURNEY
from crm_analytics.analyses.kpi import (
    COUNT,
    DOWN,
    MONEY,
    NEITHER,
    SHARE,
    UP,
    Kpi,
    Target,
    packed,
    refused,
    unpacked,
)
from crm_analytics.analyses.partners.kpis import KPIS as PARTNERS
from crm_analytics.analyses.products.kpis import KPIS as PRODUCTS
from crm_analytics.analyses.referral.kpis import KPIS as REFERRAL
from crm_analytics.analyses.service.kpis import KPIS as SERVICE
from crm_analytics.analyses.social.kpis import KPIS as SOCIAL
from crm_analytics.analyses.value_to_come import HORIZON
from crm_analytics.analyses.voice.kpis import KPIS as VOICE
from crm_analytics.errors import ParameterError, check_name
from crm_analytics.tables.days import as_day, shift

if TYPE_CHECKING:
    from crm_analytics.analyses.comparison import Change
    from crm_analytics.analyses.measured import Measured
    from crm_analytics.tables.customer_base import CustomerBase

FACTS_VERSION = 2  # recorded with the facts as `facts_version`
SEGMENTS, VALUE = "segments", "lifetime_value"  # reports that explain a figure
NO_FORECAST = "no forecast"
MOST_SHARE = 2.0  # a target of a share beyond it was meant in per cent


def revenue(given: Measured) -> Kpi:
    """Net revenue of the last period from known customers."""
    found = _of_period(given, "revenue", MONEY)
    if found.value is None:
        return found
    period = given.base.between(shift(given.base.day, given.span), given.base.day)
    return replace(found, error=error_of_sum(period.purchase_history.revenue))


def buyers(given: Measured) -> Kpi:
    """Customers who bought in the last period."""
    return _of_period(given, "buyers", COUNT)


def _of_period(given: Measured, what: str, unit: str) -> Kpi:
    previous, year = given.previous, given.year
    if previous is None:
        return refused(what, unit, UP, "the data do not hold two whole periods", SEGMENTS, given.span)
    change: Change = getattr(previous, what)
    now = round(change.now) if unit == COUNT else change.now
    return Kpi(
        what, unit, UP, now, round(previous.buyers.now), period=given.span, explained_in=SEGMENTS,
        against_previous=change, against_year=getattr(year, what) if year else None,
    )  # fmt: skip


def revenue_to_date(given: Measured) -> Kpi:
    """Net of all lines up to the day, those without a customer included."""
    total = revenue_of_known_customers(given).value or 0.0
    value = total + float(given.base.counts["anonymous_spend"] or 0)
    lines = given.base.transactions
    nobody = lines.filter(lines.customer_id.isnull())  # each line is a draw of its own
    error = math.hypot(error_of_sum(given.base.purchase_history.revenue), error_of_sum(nobody.unit_spend))
    n = int(given.base.counts["rows"])
    return Kpi("revenue_to_date", MONEY, UP, value, n, explained_in=SEGMENTS, error=error)


def revenue_of_known_customers(given: Measured) -> Kpi:
    """Net of the lines of known customers up to the day."""
    total = given.base.purchase_history.revenue.sum().to_pyarrow().as_py()
    n = int(given.base.counts["customers"])
    error = error_of_sum(given.base.purchase_history.revenue)
    return Kpi(
        "revenue_of_known_customers", MONEY, UP, float(total or 0), n, explained_in=SEGMENTS, error=error
    )


def customers_bought(given: Measured) -> Kpi:
    """Customers with at least one purchase up to the day."""
    return Kpi("customers_bought", COUNT, UP, given.buyers[0], given.buyers[0], explained_in=SEGMENTS)


def bought_again(given: Measured) -> Kpi:
    """Share of buyers who bought on a second day."""
    people, again = given.buyers
    if not people:
        return refused("bought_again", SHARE, UP, "nobody has bought", SEGMENTS)
    low, high = wilson(again, people)
    return Kpi("bought_again", SHARE, UP, again / people, people, low, high, explained_in=SEGMENTS)


def top_fifth_revenue_share(given: Measured) -> Kpi:
    """Share of revenue to date from the fifth of customers that brought most."""
    history = given.base.purchase_history
    table = history.filter(history.order_count > 0).select(
        "customer_id", revenue=history.revenue.cast("float64")
    )
    if not given.buyers[0] or not revenue_of_known_customers(given).value:
        return refused("top_fifth_revenue_share", SHARE, NEITHER, "there is no revenue", SEGMENTS)
    found = concentration(given.base, table, "revenue")
    return Kpi(
        "top_fifth_revenue_share", SHARE, NEITHER, found.top_share, found.customers,
        found.top_share_lower, found.top_share_upper, explained_in=SEGMENTS,
    )  # fmt: skip


def customers_active(given: Measured) -> Kpi:
    """Buyers who are neither at risk nor lapsed."""
    return _standing(given, "customers_active", ACTIVE, UP)


def customers_at_risk(given: Measured) -> Kpi:
    """Buyers silent for so long that under half buy again within a year, and not yet lapsed."""
    return _standing(given, "customers_at_risk", AT_RISK, DOWN)


def customers_lapsed(given: Measured) -> Kpi:
    """Buyers silent for so long that under a fifth buy again within a year."""
    return _standing(given, "customers_lapsed", LAPSED, DOWN)


def _standing(given: Measured, name: str, standing: str, good: str) -> Kpi:
    if given.definitions.at_risk_days is None:
        return refused(name, COUNT, good, given.definitions.refusal, SEGMENTS)
    n = given.standing_counts.get(standing, 0)
    return Kpi(name, COUNT, good, n, given.buyers[0], explained_in=SEGMENTS)


def value_to_come(given: Measured) -> Kpi:
    """Undiscounted revenue that today's customers will bring over the horizon."""
    if given.outlook is None:
        return refused("value_to_come", MONEY, UP, given.no_outlook or NO_FORECAST, VALUE, _horizon(given))
    total = given.outlook.total
    return _ahead(given, "value_to_come", MONEY, total.mean, total.lower, total.upper)


def margin_to_come(given: Measured) -> Kpi:
    """What is left of it after the cost of goods, at the margin of the past."""
    value = value_to_come(given)
    if value.value is None or given.margin is None:
        return refused(
            "margin_to_come", MONEY, UP, value.refusal or "the margin is not known", VALUE, _horizon(given)
        )
    share = given.margin
    ends = (share * (value.lower or 0.0), share * (value.upper or 0.0))
    return _ahead(given, "margin_to_come", MONEY, share * value.value, *ends)


def value_per_customer(given: Measured) -> Kpi:
    """Undiscounted revenue that a customer will bring over the horizon, on average."""
    value = value_to_come(given)
    if value.value is None or not value.n:
        return refused("value_per_customer", MONEY, UP, value.refusal or NO_FORECAST, VALUE, _horizon(given))
    ends = ((value.lower or 0.0) / value.n, (value.upper or 0.0) / value.n)
    return _ahead(given, "value_per_customer", MONEY, value.value / value.n, *ends)


def value_at_risk(given: Measured) -> Kpi:
    """Undiscounted revenue that customers at risk will still bring over the horizon."""
    rows = {str(row["segment"]): row for row in given.value_by_standing.to_dict("records")}
    if given.outlook is None or given.definitions.at_risk_days is None:
        why = given.definitions.refusal or given.no_outlook or NO_FORECAST
        return refused("value_at_risk", MONEY, NEITHER, why, VALUE)
    if AT_RISK not in rows:
        return _ahead(given, "value_at_risk", MONEY, 0.0, 0.0, 0.0, NEITHER)
    row = rows[AT_RISK]
    return _ahead(
        given, "value_at_risk", MONEY, float(row["value"]), float(row["lower"]), float(row["upper"]), NEITHER
    )


def purchases_to_come(given: Measured) -> Kpi:
    """Purchases that today's customers will make over the horizon."""
    if given.outlook is None:
        return refused(
            "purchases_to_come", COUNT, UP, given.no_outlook or NO_FORECAST, VALUE, _horizon(given)
        )
    found = given.outlook.purchases
    return _ahead(given, "purchases_to_come", COUNT, found.mean, found.lower, found.upper)


def still_customers(given: Measured) -> Kpi:
    """Customers who are still there, expected: the sum of P(alive)."""
    if given.outlook is None or not given.outlook.tells_who_left:
        why = given.no_outlook or "the data do not tell who has left"
        return refused("still_customers", COUNT, UP, why, VALUE)
    value = given.outlook.still_customers
    return Kpi("still_customers", COUNT, UP, value, given.outlook.summary.customer_count, explained_in=VALUE)


def _ahead(  # noqa: PLR0917
    given: Measured, name: str, unit: str, value: float, low: float, high: float, good: str = UP
) -> Kpi:
    assert given.outlook is not None
    n = given.outlook.summary.customer_count
    return Kpi(name, unit, good, value, n, low, high, _horizon(given), explained_in=VALUE)


def _horizon(given: Measured) -> str:
    periods, letter = given.outlook.horizon if given.outlook else HORIZON
    return f"{periods}{letter.lower()}"


OF_THE_BASE: tuple[Callable[[Measured], Kpi], ...] = (
    revenue, buyers, revenue_to_date, revenue_of_known_customers, customers_bought, bought_again,
    top_fifth_revenue_share, customers_active, customers_at_risk, customers_lapsed, value_to_come,
    margin_to_come, value_per_customer, value_at_risk, purchases_to_come, still_customers,
)  # fmt: skip

# A wing with key figures of its own lists them in its module `kpis`; it is named here and nowhere else.
WINGS: tuple[tuple[Callable[[Measured], Kpi], ...], ...] = (
    CHURN, CAMPAIGNS, PRODUCTS, IDENTITY, COLLABORATION, PARTNERS, SOCIAL, REFERRAL, SERVICE, VOICE, EQUITY,
    ATTRIBUTION, JOURNEY,
)  # fmt: skip

REGISTRY: Mapping[str, Callable[[Measured], Kpi]] = MappingProxyType(
    {make.__name__: make for wing in (OF_THE_BASE, *WINGS) for make in wing}
)

# report -> name of a fact in earlier versions -> what it is called now; only where the meaning is the same
ALIASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        SEGMENTS: {
            "buyers": "customers_bought",
            "revenue": "revenue_of_known_customers",
            "top_fifth_share": "top_fifth_revenue_share",
        },
        VALUE: {
            "value": "value_discounted",
            "value_lower": "value_discounted_lower",
            "value_upper": "value_discounted_upper",
            "purchases": "purchases_to_come",
            "alive": "still_customers",
            "top_fifth_share": "top_fifth_value_share",
        },
        "channels": {"tracked_revenue": "tracked_sales", "spend": "channel_spend"},
    }
)


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that no key figure has.

    Raises
    ------
    ParameterError : no such figure.
    """
    for name in names:
        check_name("no key figure", name, REGISTRY)


def read_targets(given: Iterable[Mapping[str, Any]], day: date = date.max) -> dict[str, Target]:
    """Targets by key figure that hold on a day, as ``[[target]]`` of `crm.toml` says them.

    Of several targets of one figure that one holds whose `since` came last up to the day; before the first
    of them there is none.

    >>> read_targets([{"kpi": "bought_again", "at_least": 0.4}])
    {'bought_again': Target(value=0.4, at_least=True)}
    >>> moves = [{"kpi": "buyers", "at_least": 80, "since": "2026-01-01"},
    ...     {"kpi": "buyers", "at_least": 120, "since": "2026-11-01"}]
    >>> [read_targets(moves, date(2026, month, 5)) for month in (6, 12)]
    [{'buyers': Target(value=80.0, at_least=True)}, {'buyers': Target(value=120.0, at_least=True)}]

    Raises
    ------
    ParameterError : no such figure, a figure twice since the same day, `since` is no day, or not exactly one
        of `at_least` and `at_most`, a number.
    """
    found: dict[str, Target] = {}
    begins: set[tuple[str, date]] = set()
    for one in sorted(given, key=lambda one: str(one.get("since") or "")):
        name = str(one.get("kpi", ""))
        check_names([name])
        since = as_day(one["since"], "target: since") if one.get("since") else date.min
        if (name, since) in begins:
            raise ParameterError(
                f"target: {name} has two targets; one figure has one, or several, each with its own "
                'since = "2026-04-01"'
            )
        begins.add((name, since))
        ends = {way: one[way] for way in ("at_least", "at_most") if one.get(way) is not None}
        if len(ends) != 1:
            raise ParameterError(f"target: {name}: write at_least = or at_most =, one of them")
        ((way, value),) = ends.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ParameterError(f"target: {name}: {way} must be a number")
        if since <= day:
            found[name] = Target(float(value), way == "at_least")
    return found


def measure(given: Measured, names: Iterable[str]) -> dict[str, Kpi]:
    """The key figures of these names, in their order, each with its target where there is one.

    Raises
    ------
    ParameterError : no such figure; or the target of a share is written in per cent.
    """
    wanted = tuple(names)
    check_names(wanted)
    return with_targets(given.base, (_counted(name, given) for name in wanted))


def _counted(name: str, given: Measured) -> Kpi:
    """A key figure, counted once for every page of a night."""
    horizon = given.outlook and given.outlook.horizon
    key = ("kpi", name, given.span, given.margin, given.no_outlook, horizon)
    return given.base.remember(key, lambda: REGISTRY[name](given), packed, unpacked)


def with_targets(base: CustomerBase, found: Iterable[Kpi]) -> dict[str, Kpi]:
    """Key figures by name, each with its target where the base has one.

    Raises
    ------
    ParameterError : the target of a share is written in per cent.
    """
    targets = targets_of(base)
    return {kpi.id: _aimed(kpi, targets.get(kpi.id)) for kpi in found}


def targets_of(base: CustomerBase) -> dict[str, Target]:
    """The targets of a base, by key figure."""
    return read_targets(base.rules.get("targets", ()), base.day)


def _aimed(kpi: Kpi, target: Target | None) -> Kpi:
    if target is None:
        return kpi
    if kpi.unit == SHARE and abs(target.value) > MOST_SHARE:
        raise ParameterError(
            f"target: {kpi.id} is a share, so {target.value:g} is {target.value:.0%}: write 0.4 for 40 %"
        )
    return replace(kpi, target=target)


def present_names(report: str, facts: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Facts of a run under the names of today.

    Parameters
    ----------
    report : that recorded them
    facts : by name
    version : of the record, 1 before key figures had one function each

    >>> present_names("segments", {"revenue": 5.0, "gini": 0.4}, 1)
    {'revenue_of_known_customers': 5.0, 'gini': 0.4}
    """
    if version >= FACTS_VERSION:
        return dict(facts)
    names = ALIASES.get(report, {})
    return {names.get(name, name): value for name, value in facts.items()}
