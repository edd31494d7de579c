"""Lists that follow what a customer bought: rewards, refills, favourites, silence, value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.definitions import definitions

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.customer_facts import Known

REWARD_EVERY = 10  # orders
LARGE = 2.0  # times the mean order of the base
SILENT = 1.5  # times the customer's own mean gap
BEST = 0.95  # quantile of the last year's value
CROWD = 2  # times the twentieth: as many at the cut are no longer the best
LIKELY = 0.5  # probability to leave
USUAL = 3  # days of purchase that make a product somebody's usual one
GIVEN_UP = 2.0  # gaps after which a usual product is no longer one
MINIMUM_GAPS = 30  # seen between two purchases of a product, before its cycle is believed


def reward_due(known: Known) -> ir.Table:
    """Whose orders passed a multiple of ten in the wave's days; members only, where there is a programme."""
    now = known.buyers
    passed = (now.order_count // REWARD_EVERY) > ((now.order_count - now.recent_orders) // REWARD_EVERY)
    found = now.filter(passed).select("customer_id")
    people = known.base.tables.get("customers")
    if people is not None and "loyalty_tier" in people.columns:
        found = found.semi_join(people.filter(people.loyalty_tier.notnull()), "customer_id")
    return found


def thank_you(known: Known) -> ir.Table:
    """Whose last order, of the wave's days, was worth at least twice the mean order of all customers."""
    mean = float(known.buyers.order_value.cast("float64").mean().to_pyarrow().as_py() or 0.0)
    now = known.buyers.filter(known.buyers.recency_days < known.recent)
    large = now.last_value.cast("float64") >= LARGE * mean
    return now.filter(large, now.last_value > 0).select("customer_id")


def vip(known: Known) -> ir.Table:
    """The twentieth of the year's buyers who brought most in the last 365 days.

    Where many brought just as much as the last of them, only those above: nobody stands out by what a crowd
    has.
    """
    paid = known.buyers.filter(known.buyers.year_value > 0)
    paid = paid.mutate(value=paid.year_value.cast("float64"))
    least = paid.value.quantile(BEST).to_pyarrow().as_py()
    if least is None:
        return paid.select("customer_id").limit(0)
    (found,) = paid.aggregate(all=paid.count(), best=(paid.value >= least).sum()).to_pyarrow().to_pylist()
    crowded = found["best"] > CROWD * math.ceil(round((1 - BEST) * found["all"], 6))
    return paid.filter(paid.value > least if crowded else paid.value >= least).select("customer_id")


def save(known: Known) -> ir.Table:
    """Who is more likely to leave than to stay, and bought something lately; with the strongest reason."""
    if known.scores is None:
        raise ValueError("the list 'save' needs scores of churn.score")
    likely = known.scores.filter(known.scores.churn_probability >= LIKELY, known.scores.value > 0)
    return likely.select("customer_id", reason=likely.reason_1)


def win_back(known: Known) -> ir.Table:
    """Silent for one and a half times their own mean gap, and longer than half of all gaps take.

    With scores also whoever is no longer active. Before the third purchase nobody has a gap of their own
    worth the name; those are found by the scores alone. Nobody who has lapsed, by the words that every report
    shares, is among them: reports leave those alone.
    """
    typical = known.rhythm.typical if known.rhythm else 0
    now = known.buyers
    silent = (
        (now.order_count >= 3) & (now.recency_days >= SILENT * now.mean_gap) & (now.recency_days > typical)
    )
    found = now.filter(silent).select("customer_id")
    if known.scores is not None:
        gone = known.scores.filter(known.scores.risk == "gone").select("customer_id")
        found = found.union(gone, distinct=True)
    lapsed = definitions(known.base).lapsed_days
    if lapsed is None:
        return found
    return found.semi_join(now.filter(now.recency_days < lapsed), "customer_id")


def replenishment_due(known: Known) -> ir.Table:
    """Whose latest purchase of a product will be used up in the wave's days: the first that will be.

    A product lasts as long as it lasted this customer, from three purchases of it on; else
    `products.replenishment_days`, else the median time until it was bought again.
    """
    bought = _product_days(known)
    last = bought.group_by("customer_id", "product_id").aggregate(
        times=bought.count(), first=bought.day.min(), last=bought.day.max()
    )
    cycles = _cycles(known, bought)
    joined = last.inner_join(cycles, "product_id")
    span = joined["last"].delta(joined["first"], unit="day").cast("float64")
    own = (span / (joined.times - 1).nullif(0)).ceil().cast("int64")
    lasts = (joined.times >= USUAL).ifelse(own, joined.cycle)
    joined = joined.mutate(ahead=lasts - known.since(joined["last"]))
    due = joined.filter(joined.ahead > -known.late, joined.ahead <= known.days)
    order = ibis.window(group_by="customer_id", order_by=["ahead", "product_id"])
    due = due.mutate(place=ibis.row_number().over(order))
    first = due.filter(due.place == 0).select("customer_id", "ahead", item="product_id")
    coming = known.coming().select("ahead", "due_on").distinct()
    return first.inner_join(coming, "ahead").select("customer_id", "due_on", "item")


def usual_product(known: Known) -> ir.Table:
    """Whose usual product, bought on three days or more, is due by its own mean gap, and not yet given up."""
    bought = _product_days(known)
    own = bought.group_by("customer_id", "product_id").aggregate(
        times=bought.count(), first=bought.day.min(), last=bought.day.max()
    )
    own = own.filter(own.times >= USUAL)
    gap = own["last"].delta(own["first"], unit="day").cast("float64") / (own.times - 1)
    own = own.mutate(gap=gap, since=known.since(own["last"]))
    due = own.filter(own.since >= own.gap, own.since <= GIVEN_UP * own.gap)
    order = ibis.window(group_by="customer_id", order_by=[ibis.desc("times"), "product_id"])
    first = due.mutate(place=ibis.row_number().over(order))
    return first.filter(first.place == 0).select("customer_id", item="product_id")


def _product_days(known: Known) -> ir.Table:
    """customer_id, product_id, day: each once."""
    lines = known.base.transactions
    lines = lines.filter(lines.customer_id.notnull(), lines.product_id.notnull(), lines.unit_spend > 0)
    return lines.select("customer_id", "product_id", day=lines.transaction_date.date()).distinct()


def _cycles(known: Known, bought: ir.Table) -> ir.Table:
    """product_id, cycle (days): as the products' table says, else the median of at least 30 gaps."""
    before = bought.day.lag().over(group_by=["customer_id", "product_id"], order_by="day")
    gaps = bought.mutate(before=before)
    gaps = gaps.filter(gaps.before.notnull())
    gaps = gaps.mutate(gap=gaps.day.delta(gaps.before, unit="day").cast("float64"))
    seen = gaps.group_by("product_id").aggregate(n=gaps.count(), cycle=gaps.gap.median())
    seen = seen.filter(seen.n >= MINIMUM_GAPS).select("product_id", cycle=seen.cycle.ceil().cast("int64"))
    products = known.base.tables.get("products")
    if products is None or "replenishment_days" not in products.columns:
        return seen
    cycles = products.filter(products.replenishment_days.notnull())
    cycles = cycles.select("product_id", cycle=cycles.replenishment_days.ceil().cast("int64"))
    return cycles.union(seen.anti_join(cycles, "product_id"))
