"""The textbook's customer lifetime value: purchase value x purchases a year x years of life, each shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.analyses.btyd.fitting.units import DAYS_PER_YEAR
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

# The longest period of which the data hold two whole ones is taken.
PERIODS = {"half-year": 182, "quarter": 91, "month": 30, "fortnight": 14, "week": 7}
MINIMUM_AT_RISK = 10
LONGEST_YEARS = 10.0


@dataclass(frozen=True, eq=False)
class TextbookValue(ObjectCard):
    """Value of a customer as the textbooks compute it, with what went into it.

    value : average_purchase_value * purchases_per_year * lifespan_years, money; revenue, not profit
    average_purchase_value : money, over `occasions` purchases in the window
    purchases_per_year : of an active customer, over `active_periods` customer-periods
    lifespan_years : 1 / churn, in years
    churn : share of customers active in one period who do not buy in the next; None where too few
        customers were at risk and the observed span was taken instead
    at_risk, retained : customer-periods behind the churn rate
    occasions, active_periods, customers : counts behind the rest
    period, period_days, periods : the period's name, length, and how many whole ones there are
    capped : whether the lifespan was limited
    rule : how the lifespan was found, in plain words
    """

    value: float
    average_purchase_value: float
    purchases_per_year: float
    lifespan_years: float
    churn: float | None
    at_risk: int
    retained: int
    occasions: int
    active_periods: int
    customers: int
    period: str
    period_days: int
    periods: int
    first_day: date
    last_day: date
    capped: bool
    rule: str

    @property
    def ingredients(self) -> pd.DataFrame:
        """One row per ingredient: ingredient, value, unit, n, counted (what n counts)."""
        rows = [
            ("average purchase value", self.average_purchase_value, "money", self.occasions, "purchases"),
            ("purchases a year", self.purchases_per_year, "a year", self.active_periods, "customer-periods"),
            ("lifespan", self.lifespan_years, "years", self.at_risk, "customer-periods at risk"),
            ("lifetime value", self.value, "money", self.customers, "customers"),
        ]
        return pd.DataFrame(rows, columns=["ingredient", "value", "unit", "n", "counted"])


def textbook_value(past: CustomerBase, *, period: str | None = None) -> TextbookValue:
    """Average purchase value x purchases a year x lifespan, from all customers up to the day.

    Time is cut into equal periods counted back from the day, the first partial one left out. A customer
    is *active* in a period with a purchase in it. Churn is the share of active customers who do not buy in
    the next period, over all pairs of neighbouring periods; lifespan = period / churn, at least a period
    and at most ten years. Nobody lost: churn is taken as 3 / n (the rule of three: the most it may be at
    95 % confidence). Fewer than 10 customers at risk: the lifespan is the mean time from first purchase
    to the day.

    It treats all customers alike, does not discount, and calls slow buyers lost: use it where data are
    too thin for a model, and beside a model to show the difference.

    Parameters
    ----------
    past : a base cut at a day
    period : "half-year", "quarter", "month", "fortnight" or "week"; default the longest of which the
        data hold two whole ones

    Raises
    ------
    ParameterError : unknown period.
    NotEnoughData : nobody has bought yet.

    Source
    ------
    Buttle & Maklan, Customer Relationship Management, ch. 2; lifespan = 1 / churn: Reichheld (1996).
    """
    occasions = past.occasions
    whole = past.collect(
        occasions.aggregate(
            first=occasions.day.min(),
            last=occasions.day.max(),
            customers=occasions.customer_id.nunique(),
            since=ibis.literal(past.day).delta(occasions.day, unit="day").mean(),
        )
    ).iloc[0]
    if not whole["customers"]:
        raise NotEnoughData("the textbook value", 0, 1, "customers with a purchase")
    first = pd.Timestamp(whole["first"]).date()
    span = (past.day - first).days + 1
    name, days = _period(period, span)
    count = max(span // days, 1)
    counted = _count(past, occasions, days, count)
    value = float(counted["spend"] / counted["occasions"]) if counted["occasions"] else 0.0
    # With less than one whole period the year is scaled from the days there are.
    years = min(days, span) / DAYS_PER_YEAR
    yearly = float(counted["occasions"] / counted["active"] / years) if counted["active"] else 0.0
    at_risk, retained = int(counted["at_risk"]), int(counted["retained"])
    life, churn, capped, rule = _lifespan(name, days, at_risk, retained, _mean_age(past, occasions))
    return TextbookValue(
        value * yearly * life,
        value,
        yearly,
        life,
        churn,
        at_risk,
        retained,
        int(counted["occasions"]),
        int(counted["active"]),
        int(whole["customers"]),
        name,
        days,
        count,
        first,
        past.day,
        capped,
        rule,
    )


def _period(name: str | None, span: int) -> tuple[str, int]:
    if name is not None:
        if name not in PERIODS:
            raise ParameterError(f"period: expected one of {', '.join(PERIODS)}, got {name!r}")
        return name, PERIODS[name]
    for found, days in PERIODS.items():
        if span >= 2 * days:
            return found, days
    return "week", PERIODS["week"]


def _count(past: CustomerBase, occasions: ir.Table, days: int, count: int) -> pd.Series:
    """Purchases, active customer-periods, and who of one period bought in the next."""
    back = ibis.literal(past.day).delta(occasions.day, unit="day").cast("int64")
    each = occasions.mutate(back=(back / days).floor().cast("int64"))
    each = each.filter(each.back < count)
    active = each.group_by("customer_id", "back").aggregate(
        occasions=each.count(), spend=each.spend.cast("decimal(18, 4)").sum()
    )
    window = ibis.window(group_by="customer_id", order_by=active.back)
    active = active.mutate(later=active.back.lag().over(window))
    return (
        past.collect(
            active.aggregate(
                occasions=active.occasions.sum(),
                spend=active.spend.sum(),
                active=active.count(),
                at_risk=(active.back > 0).sum(),
                retained=((active.back > 0) & (active.later == active.back - 1)).fill_null(False).sum(),
            )
        )
        .iloc[0]
        .fillna(0)
    )


def _mean_age(past: CustomerBase, occasions: ir.Table) -> float:
    """Days from first purchase to the day, the mean over customers."""
    first = occasions.group_by("customer_id").aggregate(first=occasions.day.min())
    age = ibis.literal(past.day).delta(first.first, unit="day").cast("int64")
    row = past.collect(first.aggregate(total=age.sum(), n=first.count())).iloc[0]
    return float(row["total"]) / float(row["n"]) + 1.0


def _lifespan(
    name: str, days: int, at_risk: int, retained: int, mean_age: float
) -> tuple[float, float | None, bool, str]:
    if at_risk < MINIMUM_AT_RISK:
        rule = (
            f"Only {at_risk:,} customers could have come back from one {name} to the next, too few for a "
            "churn rate: the lifespan is the mean time since a customer's first purchase."
        )
        return mean_age / DAYS_PER_YEAR, None, False, rule
    churn = 1 - retained / at_risk
    rule = (
        f"Of {at_risk:,} customers active in a {name}, {retained:,} bought again in the next: a churn of "
        f"{churn:.1%} a {name}; lifespan = one {name} / churn."
    )
    capped = False
    if retained == at_risk:
        churn = min(3 / at_risk, 1.0)
        rule = (
            f"All {at_risk:,} customers active in a {name} bought again in the next. Churn is taken as "
            f"3 / {at_risk:,} = {churn:.1%} a {name}, the most it may be at 95 % confidence."
        )
        capped = True
    years = days / churn / DAYS_PER_YEAR
    if years > LONGEST_YEARS:
        years, capped = LONGEST_YEARS, True
        rule += f" Limited to {LONGEST_YEARS:.0f} years: nobody should plan further on a churn rate."
    return years, churn, capped, rule
