"""What is counted of purchase lines to find odd ones: by day, by customer, and lines of test orders.

A day depends on no line of another day, and the rest are sums: where rows are kept, only what changed is
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.tables.odd_ids import IdForms

_TEST = r"(^|[^a-z])(test|testing|tester|dummy|probe)([^a-z]|$)"
TEST_TEXTS = ("customer_id", "transaction_id", "coupon", "channel")


@dataclass(frozen=True)
class LineFacts:
    """Counts of purchase lines.

    Attributes
    ----------
    by_id : customer_id, lines, money of known customers, in the engine
    days : by day: lines, money, middle (median size of an amount that is not 0), copied (lines of which an
        even number is equal), copies (their worth once), customers, known (lines with a customer)
    tests : lines, and their money, with a word of a test in an id, a coupon or a channel
    odd : ids among them that may be nobody's (`odd_ids.odd_ids`); None where nobody looked for them
    forms : of the ids; None where nobody looked
    """

    by_id: ir.Table
    days: pd.DataFrame
    tests: tuple[int, float]
    odd: tuple[str, ...] | None = None
    forms: IdForms | None = None


def line_facts(lines: ir.Table) -> LineFacts:
    """All counts, from all lines."""
    known = lines.filter(lines.customer_id.notnull())
    by_id = known.group_by("customer_id").aggregate(lines=known.count(), money=known.unit_spend.sum()).cache()
    row = tests_of(lines).to_pyarrow().to_pylist()[0]
    return LineFacts(by_id, days_of(lines), (int(row["lines"]), float(row["money"] or 0)))


def days_of(lines: ir.Table) -> pd.DataFrame:
    """`LineFacts.days` of some lines, in order."""
    table = lines.mutate(day=lines.transaction_date.date())
    size = table.unit_spend.abs().cast("float64")
    days = table.group_by("day").aggregate(
        lines=table.count(),
        money=table.unit_spend.sum().cast("float64"),
        middle=size.nullif(0.0).median(),
        customers=table.customer_id.nunique(),
        known=table.customer_id.count(),
    )
    columns = [c for c in lines.columns if c != "transaction_line_id"]
    alike = table.group_by("day", *columns).aggregate(n=table.count())
    copies = alike.group_by("day").aggregate(
        copied=alike.n.sum(where=alike.n % 2 == 0),
        copies=(alike.unit_spend * (alike.n // 2)).sum(where=alike.n % 2 == 0).cast("float64"),
    )
    frame = days.join(copies, "day").order_by("day").to_pyarrow().to_pandas(date_as_object=False)
    frame[["copied", "copies"]] = frame[["copied", "copies"]].astype("float64").fillna(0)
    whole = dict.fromkeys(("lines", "customers", "known", "copied"), "int64")
    return frame.astype({**whole, "money": "float64", "middle": "float64", "copies": "float64"})


def tests_of(lines: ir.Table, *by: str) -> ir.Table:
    """`LineFacts.tests` as an aggregate, of all lines or by some columns."""
    trial = is_test(lines, TEST_TEXTS)
    wanted: dict[str, Any] = {"lines": lines.count(where=trial), "money": lines.unit_spend.sum(where=trial)}
    return lines.group_by(*by).aggregate(**wanted) if by else lines.aggregate(**wanted)


def is_test(table: ir.Table, columns: tuple[str, ...]) -> ir.BooleanValue:
    """Whether one of these texts has a word of a test."""
    trial: Any = ibis.literal(False)
    for column in columns:
        if column in table.columns:
            trial |= table[column].lower().re_search(_TEST).fill_null(False)
    return trial
