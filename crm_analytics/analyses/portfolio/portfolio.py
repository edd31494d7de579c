"""Most valuable, most growable and below-zero customers: the *differentiate* of IDIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.concentration import concentration
from crm_analytics.analyses.margin import margin_share, serving_costs
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.days import shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

VALUABLE, GROWABLE, BELOW_ZERO, REST = "Most valuable", "Most growable", "Below zero", "The rest"
GROUPS = (VALUABLE, GROWABLE, BELOW_ZERO, REST)
PLAYS = {
    VALUABLE: "keep them, service before offers",
    GROWABLE: "ask what they now buy elsewhere, and offer it",
    BELOW_ZERO: "serve cheaper, charge for extras, or let them go",
    REST: "serve well by machine",
}
TOP = 0.2  # share of the customers that is called most valuable, and most growable
YEAR = "-52w"
YEAR_DAYS = 364


@dataclass(frozen=True)
class Portfolio(ObjectCard):
    """The base in four groups by what customers will bring and could bring.

    Attributes
    ----------
    groups : group, customers, value (forecast margin less cost to serve), value_share, gap (what they
        would bring more in another year like their own best), cost_to_serve (expected), revenue (last
        year), play
    customers : Ibis, one row per customer: customer_id, group, value, gap, cost_to_serve, revenue,
        probability_alive
    margin : share of revenue taken as margin; 1 where no unit cost is known, and then value is revenue
    has_margin : whether it is known
    top_share : share of the value of the fifth with the highest, lower, upper (95 %, customers as the
        draw; what the forecast may be off by is not in it, see `ValueToCome.share_of`); None where the whole
        value is not positive
    """

    groups: pd.DataFrame
    customers: ir.Table
    margin: float
    has_margin: bool
    top_share: tuple[float, float, float] | None


def portfolio(base: CustomerBase, scored: ir.Table, *, margin: float | None = None) -> Portfolio:
    """Put each scored customer into one of four groups, by these rules in order.

    *Below zero*: forecast margin of the horizon less the expected cost to serve is negative; expected is
    the cost of the last 52 weeks weighted with P(alive), because who has left costs nothing any more.
    *Most valuable*: the fifth of the customers with the highest value. *Most growable*: of the others, as
    many with the largest gap between their own best 52 weeks, weighted with P(alive), and the forecast.
    A best year, not a best quarter: whoever buys before Christmas only has no other three to win.

    Source: D. Peppers & M. Rogers, *The One to One Future* (1993); MVC, MGC and BZ.

    Parameters
    ----------
    scored : what `btyd.score` gives for a horizon of 52 weeks
    margin : share of revenue left after the cost of the goods, 0..1; by default that of the unit costs

    Raises
    ------
    ParameterError : the margin lies outside 0..1.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> sales = pd.DataFrame({"customer_id": list("abbcde"), "unit_spend": [90, 5, 60, 4, 2, 1],
    ...     "transaction_date": ["2026-12-01", "2026-11-01", "2025-03-01", *["2026-06-01"] * 3]})
    >>> base = CustomerBase.open(sales, today="2026-12-31")
    >>> forecast = {"customer_id": list("abcde"), "lifetime_value": [80.0, 9.0, 4.0, 2.0, 1.0]}
    >>> scored = base.to_engine(pd.DataFrame({**forecast, "probability_alive": 0.9}))
    >>> portfolio(base, scored).groups["customers"].tolist()  # the most growable is b: once 60, now 9
    [1, 1, 0, 3]
    """
    share = margin_share(base) if margin is None else margin
    if share is not None and not 0 <= share <= 1:
        raise ParameterError(f"margin is a share between 0 and 1, got {share}")
    kept = 1.0 if share is None else share
    table = base.materialise(_grouped(base.materialise(_measured(base, scored, kept))))
    return Portfolio(_groups(base, table), table, kept, share is not None, _top_share(base, table))


def _measured(base: CustomerBase, scored: ir.Table, kept: float) -> ir.Table:
    """Value, gap, cost and revenue of each scored customer."""
    table = scored.select("customer_id", "lifetime_value", "probability_alive")
    table = table.left_join(_best_year(base), "customer_id").drop("customer_id_right")
    table = table.left_join(_last_year(base), "customer_id").drop("customer_id_right")
    zero = ibis.literal(0.0)
    alive = table.probability_alive
    cost = table.cost_to_serve.cast("float64").fill_null(zero) * alive
    value = table.lifetime_value * kept - cost
    best = table.best_year.cast("float64").fill_null(zero) * kept * alive - cost
    return table.select(
        "customer_id",
        "probability_alive",
        value=value,
        gap=(best - value).clip(lower=0.0),
        cost_to_serve=cost,
        revenue=table.revenue.cast("float64").fill_null(zero),
    )


def _grouped(table: ir.Table) -> ir.Table:
    """The group of each customer by the first rule that fits."""
    n = int(table.count().to_pyarrow().as_py())
    place = ibis.row_number().over(order_by=[ibis.desc("value"), "customer_id"])
    table = table.mutate(is_top=place < round(TOP * n))
    lost, other = table.value < 0, ~table.is_top & (table.value >= 0)
    growing = ibis.row_number().over(
        order_by=[ibis.desc(other.ifelse(table.gap, ibis.literal(-1.0))), table.customer_id]
    )
    group = ibis.cases(
        (lost, BELOW_ZERO),
        (table.is_top, VALUABLE),
        (other & (table.gap > 0) & (growing < round(TOP * n)), GROWABLE),
        else_=REST,
    )
    return table.mutate(group=group).drop("is_top")


def _top_share(base: CustomerBase, table: ir.Table) -> tuple[float, float, float] | None:
    try:
        found = concentration(base, table, "value")
    except NotEnoughData:
        return None
    return found.top_share, found.top_share_lower, found.top_share_upper


def _best_year(base: CustomerBase) -> ir.Table:
    """The most a customer brought in one of the 52-week years counted back from the day."""
    days = base.customer_days
    ago = ibis.literal(base.day).delta(days.day, unit="day").cast("int64")
    spent = days.group_by("customer_id", year=ago // YEAR_DAYS).aggregate(spend=days.spend.sum())
    return spent.group_by("customer_id").aggregate(best_year=spent.spend.max())


def _last_year(base: CustomerBase) -> ir.Table:
    """Revenue and cost to serve of the last 52 weeks, of whoever had either."""
    since = ibis.literal(shift(base.day, YEAR))
    days = base.customer_days
    sales = days.filter(days.day > since)
    nothing = ibis.literal(0).cast(MONEY)
    rows = sales.select("customer_id", revenue=sales.spend.cast(MONEY), cost=nothing)
    costs = serving_costs(base)
    if costs is not None:
        costs = costs.filter(costs.day > since)
        rows = rows.union(costs.select("customer_id", revenue=nothing, cost=costs.cost))
    return rows.group_by("customer_id").aggregate(revenue=rows.revenue.sum(), cost_to_serve=rows.cost.sum())


def _groups(base: CustomerBase, table: ir.Table) -> pd.DataFrame:
    sums = table.group_by("group").aggregate(
        customers=table.count(),
        **{
            name: table[name].round(2).cast(MONEY).sum()
            for name in ("value", "gap", "cost_to_serve", "revenue")
        },
    )
    found = base.collect(sums).set_index("group").reindex(GROUPS).fillna(0).reset_index()
    found.insert(3, "value_share", found["value"] / found["value"].sum())
    found["play"] = found["group"].map(PLAYS)
    return found.astype({"customers": "int64"})
