"""Orders with a coupon or a discount against the same customers' orders without one.

Who uses coupons differs from who does not, so each customer is compared with themselves: the ratio of the
means is that of a Poisson regression with an effect for every customer, whose likelihood, given a customer's
total, does not hold that effect. It asks no more of the data than that the mean is a product; the variance is
that between customers, so counts and money serve alike. Both need only sums over customers with equally many
orders of either kind, which the engine makes.

Source: Wooldridge (1999), "Distribution-free estimation of some nonlinear panel data models", Journal of
Econometrics 90, 77-97.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import optimize, stats

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.outcomes import days_with_margin
from crm_analytics.analyses.campaigns.measurement.treatment_effects import TOO_LITTLE, product
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MINIMUM = 30  # customers with orders of both kinds, from which their ratio is shown
SAME, MORE, FEWER = "no effect shown", "more", "less"


def deal_orders(base: CustomerBase, margin: float | None = None) -> ir.Table | None:
    """Purchase occasions with what was taken off: None where the lines tell neither coupon nor discount.

    Returns
    -------
    customer_id, day, deal (0/1: a coupon was used, or something taken off), code (of the coupon), lines,
    further_lines (beyond the first of each invoice), spend, discount (money taken off), list_value (spend and
    discount), and margin where it is known
    """
    lines = base.transactions
    if not {"coupon", "discount"} & set(lines.columns):
        return None
    lines = lines.filter(lines.customer_id.notnull(), lines.unit_spend >= 0)
    if "is_return" in lines.columns:
        lines = lines.filter(~lines.is_return.fill_null(False))
    off = lines.discount.fill_null(0) if "discount" in lines.columns else ibis.literal(0).cast(MONEY)
    code = lines.coupon if "coupon" in lines.columns else ibis.null("string")
    lines = lines.mutate(off=off.cast(MONEY), code=code, day=lines.transaction_date.date())
    daily = lines.group_by("customer_id", "day").aggregate(
        code=lines.code.max(), discount=lines.off.sum().cast(MONEY), lines=lines.count()
    )
    days = days_with_margin(base, margin)[0]
    orders = days.filter(days.is_occasion).inner_join(daily, ["customer_id", "day"])
    worth = {"margin": orders.margin} if "margin" in orders.columns else {}
    return orders.select(
        "customer_id",
        "day",
        "code",
        "lines",
        "spend",
        "discount",
        deal=(orders.code.notnull() | (orders.discount > 0)).cast("int64"),
        further_lines=ibis.greatest(orders.lines - orders.invoice_count, 0).cast("int64"),
        list_value=(orders.spend + orders.discount).cast(MONEY),
        **worth,
    )


def within_customers(base: CustomerBase, orders: ir.Table, *, level: float = 0.95) -> pd.DataFrame:
    """What a deal does to a basket: the ratio of the same customers' orders with and without one.

    Returns
    -------
    outcome (further_lines, list_value, spend, margin), ratio, lower, upper, customers (with both kinds),
    orders, deals, verdict; empty below `MINIMUM` customers
    """
    arguments.level(level)
    outcomes = [c for c in ("further_lines", "list_value", "spend", "margin") if c in orders.columns]
    with_deal = orders.deal == 1
    each = orders.group_by("customer_id").aggregate(
        deals=orders.deal.sum().cast("int64"),
        plain=(1 - orders.deal).sum().cast("int64"),
        **{f"{y}_all": _sum(orders[y]) for y in outcomes},
        **{f"{y}_deal": _sum(orders[y], with_deal) for y in outcomes},
    )
    each = each.filter(each.deals > 0, each.plain > 0)
    sums: dict[str, ir.Value] = {"customers": each.count()}
    for y in outcomes:
        deal, whole = each[f"{y}_deal"].fill_null(0), each[f"{y}_all"].fill_null(0)
        sums |= {f"{y}_deal": deal.sum(), f"{y}_all": whole.sum(), f"{y}_dd": product(deal, deal).sum()}
        sums |= {f"{y}_da": product(deal, whole).sum(), f"{y}_aa": product(whole, whole).sum()}
    cells = base.collect(each.group_by("deals", "plain").aggregate(**sums)).astype("float64")
    cells = cells.sort_values(["deals", "plain"], ignore_index=True)
    n = int(cells["customers"].sum())
    rows = [] if n < MINIMUM else [_ratio(cells, y, level) for y in outcomes]
    facts = {
        "customers": n,
        "orders": int((cells["customers"] * (cells["deals"] + cells["plain"])).sum()),
        "deals": int((cells["customers"] * cells["deals"]).sum()),
    }
    table = pd.DataFrame(rows, columns=["outcome", "ratio", "lower", "upper", "verdict"])
    return table.assign(**facts)[["outcome", "ratio", "lower", "upper", *facts, "verdict"]]


def _sum(value: ir.Value, where: ir.BooleanValue | None = None) -> ir.Value:
    total = value.sum(where=where)
    return total.cast(MONEY) if value.type().is_decimal() else total.cast("int64")


def _ratio(cells: pd.DataFrame, y: str, level: float) -> tuple[str, float, float, float, str]:
    """Root of the sum of ``deal - all * p`` with ``p = b n1 / (b n1 + n0)``, and its sandwich variance."""
    n1, n0 = cells["deals"].to_numpy(), cells["plain"].to_numpy()
    deal, whole = cells[f"{y}_deal"].to_numpy(), cells[f"{y}_all"].to_numpy()

    def score(log_ratio: float) -> float:
        p = _share(n1, n0, log_ratio)
        return float((deal - whole * p).sum())

    if not whole.sum() > 0 or score(-10) <= 0 or score(10) >= 0:
        return (y, np.nan, np.nan, np.nan, TOO_LITTLE)
    found = float(optimize.brentq(score, -10, 10, xtol=1e-12))
    p = _share(n1, n0, found)
    meat = (cells[f"{y}_dd"] - 2 * p * cells[f"{y}_da"] + p**2 * cells[f"{y}_aa"]).sum()
    error = float(np.sqrt(max(0.0, float(meat)))) / float((whole * p * (1 - p)).sum())
    half = float(stats.norm.ppf(0.5 + level / 2)) * error
    low, high = found - half, found + half
    verdict = MORE if low > 0 else FEWER if high < 0 else SAME
    return (y, float(np.exp(found)), float(np.exp(low)), float(np.exp(high)), verdict)


def _share(n1: np.ndarray, n0: np.ndarray, log_ratio: float) -> np.ndarray:
    return np.asarray(n1 / (n1 + n0 * np.exp(-log_ratio)))
