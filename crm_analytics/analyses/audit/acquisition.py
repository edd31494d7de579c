"""What customers are worth by where they came from, and what it costs to win one against keeping one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import shared
from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.margin import margin_lines, serving_costs
from crm_analytics.analyses.plots import Plots
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.days import shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

YEAR = 365  # days
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval and the customers it rests on."""

    value: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True)
class CostOfWinning:
    """What a new customer costs: the one definition for all pages.

    Attributes
    ----------
    booked : per customer, such as a voucher: mean of the rows that say one; None where none does
    advertising : spend on channels over the customers won; None where it is not known
    won : customers who first bought in the time
    """

    booked: Estimate | None
    advertising: float | None
    won: int

    @property
    def total(self) -> Estimate:
        """Both together; advertising is one sum and no draw, so the interval is that of what was booked."""
        spent, own = self.advertising or 0.0, self.booked
        if own is None:
            return Estimate(spent, spent, spent, self.won)
        return Estimate(own.value + spent, own.lower + spent, own.upper + spent, self.won)


@dataclass(frozen=True)
class Acquisition(ObjectCard):
    """The first year of customers, by source.

    Attributes
    ----------
    sources : source, customers, repeated (with a second order within the year), repeat_share, lower,
        upper, revenue (per customer in the year), revenue_lower, revenue_upper [, margin (per customer)]
        [, cost (mean of the customers whose cost is known)] [, profit (margin less cost, per
        customer)]; most customers first
    days : length of the first year
    followed : customers whose first year lies in the data whole
    winning : cost of a customer won in the last year, see `cost_of_winning`; None where it is not known
    keeping : cost of serving a customer who was won before and bought in the last year; None where no
        table says a cost
    ratio : winning over keeping, or None
    """

    sources: pd.DataFrame
    days: int
    followed: int
    winning: Estimate | None
    keeping: Estimate | None
    ratio: Estimate | None

    plot = Plots("crm_analytics.analyses.audit.pictures", "repeated", "revenue")


def acquisition(base: CustomerBase, days: int = YEAR, minimum: int = 1) -> Acquisition | None:
    """Value and retention in the first year by acquisition channel; None where no channel is recorded.

    Only customers whose first `days` have passed on the base's day are compared, all over the same length
    of time. The costs of winning and keeping are those of the last `days`. Sources of fewer than `minimum`
    customers are called "others".
    """
    people = base.customers
    if people is None or "acquisition_channel" not in people.columns:
        return None
    listed = base.tables["customers"]
    cost = listed.acquisition_cost if "acquisition_cost" in listed.columns else ibis.null(MONEY)
    source = listed.acquisition_channel.fill_null(NOT_KNOWN)
    listed = listed.select("customer_id", source=source, cost=cost.cast(MONEY))
    first = _first_years(base, days).inner_join(listed, "customer_id")
    table = base.materialise(shared(first, "source", minimum))
    sources = _by_source(base, table)
    if sources.empty:
        return None
    since = shift(base.day, f"-{days}d")
    won, keeping = cost_of_winning(base, days), _keeping(base, since)
    winning = None if won is None else won.total
    return Acquisition(
        sources, days, int(sources["customers"].sum()), winning, keeping, _ratio(winning, keeping)
    )


def _first_years(base: CustomerBase, days: int) -> ir.Table:
    """Of each customer whose first year has passed: orders, revenue and margin in it."""
    spans = base.customer_days
    bought = spans.filter(spans.is_occasion)
    first = bought.group_by("customer_id").aggregate(first=bought.day.min())
    first = first.filter(first.first <= ibis.literal(shift(base.day, f"-{days}d")))
    placed = spans.inner_join(first, "customer_id")
    inside = placed.filter(_age(placed.day, placed.first) < days, placed.day >= placed.first)
    table = inside.group_by("customer_id").aggregate(
        orders=inside.is_occasion.sum().cast("int64"), revenue=inside.spend.sum().cast(MONEY)
    )
    lines = margin_lines(base)
    if lines is None:
        return table
    lines = lines.inner_join(first, "customer_id")
    lines = lines.filter(_age(lines.day, lines.first) < days, lines.day >= lines.first)
    margin = lines.group_by("customer_id").aggregate(margin=lines.margin.sum().cast(MONEY))
    return table.left_join(margin, "customer_id").drop("customer_id_right")


def _age(day: ir.DateValue, first: ir.DateValue) -> ir.IntegerValue:
    return day.epoch_days() - first.epoch_days()


def _by_source(base: CustomerBase, table: ir.Table) -> pd.DataFrame:
    money = table.revenue.cast("float64").round(2)
    sums = {
        "customers": table.count(),
        "repeated": (table.orders > 1).sum(),
        "total": table.revenue.sum(),
        "squares": (money * money).cast("decimal(38, 4)").sum(),
        "cost": table.cost.sum(),
        "costed": table.cost.notnull().sum(),
    }
    if "margin" in table.columns:
        sums["margin"] = table.margin.sum()
    found = base.collect(table.group_by("source").aggregate(**sums))
    n = found["customers"]
    mean = found["total"] / n
    variance = (found["squares"] / n - mean**2).clip(lower=0) * n / (n - 1).clip(lower=1)
    half = Z95 * (variance / n) ** 0.5
    bounds = [wilson(int(k), int(m)) for k, m in zip(found["repeated"], n, strict=True)]
    out = found[["source", "customers", "repeated"]].assign(
        repeat_share=found["repeated"] / n,
        lower=[b[0] for b in bounds],
        upper=[b[1] for b in bounds],
        revenue=mean,
        revenue_lower=mean - half,
        revenue_upper=mean + half,
    )
    if "margin" in found:
        out["margin"] = found["margin"] / n
    if found["cost"].notna().any() and (found["cost"].fillna(0) != 0).any():
        out["cost"] = found["cost"] / found["costed"].where(found["costed"] > 0)
        if "margin" in found:
            out["profit"] = out["margin"] - out["cost"]
    return out.sort_values(["customers", "source"], ascending=[False, True], ignore_index=True)


def _winning(base: CustomerBase, listed: ir.Table, since: date) -> Estimate | None:
    bought = base.customer_days.filter(base.customer_days.is_occasion)
    first = bought.group_by("customer_id").aggregate(first=bought.day.min())
    new = first.filter(first.first > ibis.literal(since)).inner_join(listed, "customer_id")
    return _mean(new.filter(new.cost.notnull()).select(money=lambda t: t.cost))


def _keeping(base: CustomerBase, since: date) -> Estimate | None:
    """Cost of serving, over all who were won before and bought since, also those who cost nothing."""
    costs = serving_costs(base)
    if costs is None:
        return None
    bought = base.customer_days.filter(base.customer_days.is_occasion)
    kept = bought.group_by("customer_id").aggregate(first=bought.day.min(), last=bought.day.max())
    kept = kept.filter(kept.first <= ibis.literal(since), kept.last > ibis.literal(since))
    costs = costs.filter(costs.day > ibis.literal(since))
    costs = costs.group_by("customer_id").aggregate(cost=costs.cost.sum().cast(MONEY))
    joined = kept.left_join(costs, "customer_id")
    return _mean(joined.select(money=joined.cost.fill_null(ibis.literal(0).cast(MONEY))))


def _mean(table: ir.Table) -> Estimate | None:
    rounded = table.money.cast("float64").round(2)
    sums = table.aggregate(
        n=table.count(), total=table.money.sum(), squares=(rounded * rounded).cast("decimal(38, 4)").sum()
    )
    row = sums.to_pyarrow().to_pylist()[0]
    n = int(row["n"])
    if n < 2 or not row["total"] or row["total"] <= 0:
        return None
    mean = float(row["total"]) / n
    error = Z95 * math.sqrt(max(float(row["squares"]) / n - mean**2, 0.0) / (n - 1))
    return Estimate(mean, mean - error, mean + error, n)


def _ratio(winning: Estimate | None, keeping: Estimate | None) -> Estimate | None:
    """Winning over keeping, its interval by the delta method on logarithms."""
    if winning is None or keeping is None:
        return None
    ratio = winning.value / keeping.value
    error = math.hypot(*((e.upper - e.value) / e.value for e in (winning, keeping)))
    return Estimate(ratio, ratio * math.exp(-error), ratio * math.exp(error), min(winning.n, keeping.n))


def cost_of_winning(base: CustomerBase, days: int = YEAR) -> CostOfWinning | None:
    """Cost of a customer won in the last `days`: what was booked for them, and advertising over all of them.

    None where the data say neither. Advertising that reached old customers is in it.
    """
    since = shift(base.day, f"-{days}d")
    people = base.tables.get("customers")
    booked = None
    if people is not None and "acquisition_cost" in people.columns:
        listed = people.select("customer_id", cost=people.acquisition_cost.cast(MONEY))
        booked = _winning(base, listed, since)
    history = base.purchase_history
    new = history.filter(history.first_day > ibis.literal(since), history.order_count > 0)
    won = int(new.count().to_pyarrow().as_py())
    advertising = _advertising(base, since, won)
    if booked is None and advertising is None:
        return None
    return CostOfWinning(booked, advertising, won)


def _advertising(base: CustomerBase, since: date, won: int) -> float | None:
    """Spend on channels after a day and up to the base's, over so many customers."""
    table = base.tables.get("channel_spend")
    if table is None or not won:
        return None
    inside = table.filter(table.date_day > ibis.literal(since), table.date_day <= ibis.literal(base.day))
    spent = inside.spend.sum().to_pyarrow().as_py()
    return float(spent) / won if spent else None
