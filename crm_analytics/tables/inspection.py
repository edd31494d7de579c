"""What a base holds and how good it is: the facts behind `crm check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import pandas as pd

from crm_analytics.tables.account import Account
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.days import as_day
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.read_as import ReadAs
from crm_analytics.tables.rejects import drops_row

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Inspection:
    """How many rows, how new, how complete, and what was set aside.

    Attributes
    ----------
    tables : table, rows, rejected, newest (day; missing where the table has no time), age_days
    fields : table, field, filled (share of the rows, 0..1), in contract order
    rejected : table, column, rule, rows, first_row (place in the file), drops_row (False: the value was left
        empty and the row stayed)
    skipped : tables that bear a name of the contract and could not be one, and why
    equal_lines : purchase lines that equal another in every field; they are kept and counted
    accounts : by table, what became of the source's rows and money
    findings : what a reader of the numbers must know, the serious first
    readings : how each text column was read, with examples
    timezone : on whose clock days are counted; empty where the data write no offset
    anonymous_rows, anonymous_spend : purchase lines without a customer, and what they are worth
    returns : lines with a negative amount
    """

    label: str
    currency: str
    day: date
    customers: int
    tables: pd.DataFrame
    fields: pd.DataFrame
    rejected: pd.DataFrame
    skipped: dict[str, str]
    equal_lines: int
    anonymous_rows: int
    anonymous_spend: float
    returns: int
    accounts: Mapping[str, Account]
    findings: list[Finding]
    readings: tuple[ReadAs, ...]
    timezone: str


def inspect(base: CustomerBase, today: str | date) -> Inspection:
    """Look through every table of a base.

    Parameters
    ----------
    today : the day ages are counted from

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", None], "unit_spend": [5, 7],
    ...     "transaction_date": ["2026-01-05", "2026-01-06"]}), today="2026-02-01")
    >>> seen = inspect(base, today="2026-02-01")
    >>> seen.tables[["table", "rows", "age_days"]].to_dict("records")
    [{'table': 'transactions', 'rows': 2, 'age_days': 26}]
    >>> dict(zip(seen.fields["field"], seen.fields["filled"]))["customer_id"]
    0.5
    """
    now = as_day(today, "today")
    lost = base.rejected[drops_row(base.rejected)]["table"].value_counts()
    tables, fields = [], []
    for name, table in base.tables.items():
        row = _completeness(name, table)
        rows, newest = int(row.pop("rows")), row.pop("newest")
        tables.append(
            {
                "table": name,
                "rows": rows,
                "rejected": int(lost.get(name, 0)),
                "newest": newest,
                "age_days": None if newest is None else (now - newest).days,
            }
        )
        fields += [{"table": name, "field": f, "filled": n / rows if rows else 0.0} for f, n in row.items()]
    lines = base.transactions
    counts = base.counts
    return Inspection(
        label=base.label,
        currency=base.currency,
        day=base.day,
        customers=counts["customers"],
        tables=pd.DataFrame(tables).astype({"age_days": "Int64"}),
        fields=pd.DataFrame(fields, columns=["table", "field", "filled"]),
        rejected=_by_rule(base.rejected),
        skipped=dict(base.snapshot.skipped),
        equal_lines=counts["rows"] - int(lines.distinct().count().to_pyarrow().as_py()),
        anonymous_rows=counts["anonymous_rows"],
        anonymous_spend=counts["anonymous_spend"],
        returns=counts["returns"],
        accounts=base.accounts,
        findings=base.findings,
        readings=base.snapshot.readings,
        timezone=base.timezone,
    )


def _completeness(name: str, table: ir.Table) -> dict[str, Any]:
    """Rows, the newest day and the number of filled values of every field, in one pass."""
    time = TABLES[name].row_time
    filled = {c: table[c].notnull().sum() for c in TABLES[name].names if c in table.columns}
    dated = {"newest": table[time].max().cast("date")} if time in filled and time is not None else {}
    row = table.aggregate(rows=table.count(), **dated, **filled).to_pyarrow().to_pylist()[0]
    return {"newest": row.get("newest")} | {k: (v or 0) if k != "newest" else v for k, v in row.items()}


def _by_rule(rejected: pd.DataFrame) -> pd.DataFrame:
    grouped = rejected.assign(drops_row=drops_row(rejected)).groupby(
        ["table", "column", "rule", "drops_row"], sort=False, as_index=False
    )
    found = grouped.agg(rows=("rule", "size"), first_row=("row_number", "min"))
    return found.sort_values("rows", ascending=False, kind="stable", ignore_index=True)[
        ["table", "column", "rule", "rows", "first_row", "drops_row"]
    ]
