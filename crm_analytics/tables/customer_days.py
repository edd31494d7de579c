"""Lines merged to one row per customer and day: what the analyses of purchases reduce from."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.money import MONEY

COUNTED = "_lines"  # of a customer-day that is kept: how many lines it is made of


def customer_days(lines: ir.Table, *, counted: bool = False) -> ir.Table:
    """One row per customer and day of purchase lines: spend (net), invoice_count, is_occasion.

    A day depends on no line of another day, so the days of some months can be made from their lines alone.

    Parameters
    ----------
    counted : add the number of lines as COUNTED
    """
    lines = lines.filter(lines.customer_id.notnull()).mutate(
        day=lines.transaction_date.date(), bought=lines.unit_spend >= 0
    )
    if "is_return" in lines.columns:
        lines = lines.mutate(bought=lines.bought & ~lines.is_return.fill_null(False))
    if "transaction_id" in lines.columns:  # two groupings cost less than counting distinct invoices
        lines = lines.group_by("customer_id", "day", "transaction_id").aggregate(
            unit_spend=lines.unit_spend.sum(), bought=lines.bought.any(), n=lines.count()
        )
        days = lines.group_by("customer_id", "day").aggregate(
            spend=lines.unit_spend.sum(),
            bought=lines.bought.any(),
            n=lines.n.sum(),
            # counted, not summed: DuckDB's sum of truths is a type that Parquet does not have
            invoices=lines.count(where=lines.bought & lines.transaction_id.notnull()),
        )
        invoice_count = ibis.greatest(days.invoices, days.bought.cast("int64"))
    else:
        days = lines.group_by("customer_id", "day").aggregate(
            spend=lines.unit_spend.sum(), bought=lines.bought.any(), n=lines.count()
        )
        invoice_count = days.bought.cast("int64")
    return days.select(
        "customer_id",
        "day",
        spend=days.spend.cast(MONEY),  # as narrow as the lines: sums of it are twice as fast
        invoice_count=invoice_count,
        is_occasion=days.bought & (days.spend >= 0),
        **({COUNTED: days.n.cast("float64").cast("int64")} if counted else {}),  # a sum is wider than int64
    )


def customer_history(days: ir.Table) -> ir.Table:
    """One row per customer of their customer-days; whoever only returned has neither first nor last day.

    Columns: customer_id, first_day and last_day of purchase, order_count (purchase occasions), invoice_count,
    revenue (DECIMAL, net of everything), spend (DECIMAL, of the occasions alone), first_spend (of the first);
    COUNTED, the number of lines, where the days have it.
    """
    bought = days.is_occasion
    sums = [name for name in ("invoice_count", COUNTED) if name in days.columns]
    made = days.group_by("customer_id").aggregate(
        first_day=days.day.min(where=bought),
        last_day=days.day.max(where=bought),
        order_count=days.count(where=bought),
        revenue=days.spend.sum(),
        spend=days.spend.sum(where=bought),
        first_spend=days.spend.argmin(days.day, where=bought),
        **{name: days[name].sum() for name in sums},
    )
    made = made.mutate(**{name: made[name].cast("float64").cast("int64") for name in sums})  # as above
    return made.relocate("invoice_count", after="order_count")
