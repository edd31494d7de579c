"""Strategically significant customers, each with the reasons why (Buttle)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.margin import serving_costs
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.portfolio.portfolio import Portfolio
    from crm_analytics.tables.customer_base import CustomerBase

TOP = 0.05  # share of the customers that counts as high
AT_RISK = 0.5  # P(alive) below
REASONS = {
    "high future value": "the twentieth of the customers with the highest forecast value",
    "high volume": "the twentieth with the highest revenue of the last 52 weeks",
    "benchmark": "a firm whose group counts three customers or more",
    "inspiration": "praised us in public (sentiment 0.5 or more)",
    "door opener": "two referrals or more who became customers",
    "cost magnet": "the twentieth expected to cost most to serve",
}


@dataclass(frozen=True)
class Significant(ObjectCard):
    """Who matters beyond the average, and why.

    Attributes
    ----------
    reasons : reason, rule, customers, value, cost_to_serve; None in `customers` where the data do not say
    customers : Ibis: customer_id, reasons (joined by ", "), how_many, value, revenue, cost_to_serve,
        probability_alive
    count, value_share : how many have a reason, and their share of the forecast value
    at_risk, value_at_risk : of these, with P(alive) below `AT_RISK`, and their value (money)
    """

    reasons: pd.DataFrame
    customers: ir.Table
    count: int
    value_share: float
    at_risk: int
    value_at_risk: float


def significant(base: CustomerBase, found: Portfolio) -> Significant:
    """Mark customers by each of the `REASONS` that the tables can tell.

    Source: F. Buttle, *Customer Relationship Management* (2004), ch. 4.
    """
    table = found.customers
    n = int(table.count().to_pyarrow().as_py())
    top = max(1, round(TOP * n))
    marks: dict[str, ir.BooleanValue] = {}
    measured = {"high future value": "value", "high volume": "revenue"}
    if serving_costs(base) is not None:
        measured["cost magnet"] = "cost_to_serve"
    for reason, column in measured.items():
        place = ibis.row_number().over(order_by=[ibis.desc(column), "customer_id"])
        marks[reason] = (place < top) & (table[column] > 0)
    for reason, who in _told(base).items():
        named = who.mutate(**{_column(reason): ibis.literal(True)})
        table = table.left_join(named, "customer_id").drop("customer_id_right")
    marks |= {r: table[_column(r)].fill_null(False) for r in REASONS if _column(r) in table.columns}
    table = table.mutate(**{_column(r): mark for r, mark in marks.items()})
    flags = [_column(r) for r in REASONS if r in marks]
    how_many = sum((table[f].cast("int64") for f in flags[1:]), table[flags[0]].cast("int64"))
    words = [
        table[_column(r)].ifelse(ibis.literal(f"{r}, "), ibis.literal("")) for r in REASONS if r in marks
    ]
    reasons = words[0]
    for word in words[1:]:
        reasons = reasons.concat(word)
    table = base.materialise(table.mutate(how_many=how_many, reasons=reasons.rstrip().re_replace(",$", "")))
    return _summed(base, table, [r for r in REASONS if r in marks])


def _column(reason: str) -> str:
    return f"is_{reason.replace(' ', '_')}"


def _told(base: CustomerBase) -> dict[str, ir.Table]:
    """Customers of the reasons that need more than sales, where their tables are there."""
    found, tables = {}, base.tables
    customers = tables.get("customers")
    if customers is not None and "parent_customer_id" in customers.columns:
        firms = customers.select(
            "customer_id", group=customers.parent_customer_id.fill_null(customers.customer_id)
        )
        size = firms.group_by("group").aggregate(size=firms.count())
        large = firms.inner_join(size.filter(size["size"] >= 3), "group")
        found["benchmark"] = large.select("customer_id").distinct()
    mentions = tables.get("mentions")
    if mentions is not None and {"customer_id", "sentiment"} <= set(mentions.columns):
        glad = mentions.filter(mentions.customer_id.notnull(), mentions.sentiment >= 0.5)
        found["inspiration"] = glad.select("customer_id").distinct()
    referrals = tables.get("referrals")
    if referrals is not None and "converted_at" in referrals.columns:
        came = referrals.filter(referrals.converted_at.notnull())
        many = came.group_by(customer_id=came.referrer_customer_id).aggregate(n=came.count())
        found["door opener"] = many.filter(many.n >= 2).select("customer_id")
    return found


def _summed(base: CustomerBase, table: ir.Table, told: list[str]) -> Significant:
    rows: list[tuple[object, ...]] = []
    for reason, rule in REASONS.items():
        if reason not in told:
            rows.append((reason, rule, None, None, None))
            continue
        mine = table.filter(table[_column(reason)])
        money = {c: mine[c].round(2).cast(MONEY).sum() for c in ("value", "cost_to_serve")}
        row = mine.aggregate(n=mine.count(), **money).to_pyarrow().to_pylist()[0]
        rows.append((reason, rule, row["n"], float(row["value"] or 0), float(row["cost_to_serve"] or 0)))
    columns = ["reason", "rule", "customers", "value", "cost_to_serve"]
    marked = table.filter(table.how_many > 0)
    gone = marked.probability_alive < AT_RISK
    value = marked.value.round(2).cast(MONEY)
    sums = marked.aggregate(
        n=marked.count(), value=value.sum(), at_risk=gone.sum(), risked=value.sum(where=gone)
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    total = float(table.value.round(2).cast(MONEY).sum().to_pyarrow().as_py() or 0)
    return Significant(
        pd.DataFrame(rows, columns=columns).astype({"customers": "Int64"}),
        marked.select(
            "customer_id", "reasons", "how_many", "value", "revenue", "cost_to_serve", "probability_alive"
        ),
        int(sums["n"]),
        float(sums["value"] or 0) / total if total else 0.0,
        int(sums["at_risk"] or 0),
        float(sums["risked"] or 0),
    )
