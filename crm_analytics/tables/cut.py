"""What was known of a table at the end of a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.tables.contract import Table


def cut(table: ir.Table, contract: Table, start: date | None, day: date, *, newest: bool) -> ir.Table:
    """The rows of ``(start, day]``, without the facts that became known later.

    A row without a time was always there; in a span with a start it belongs to what came before. A late
    fact whose time the source does not give (a ticket's `reopens` without `last_solved_at`) is only known
    to hold at the newest day, and empty before.

    Parameters
    ----------
    start : rows up to the end of this day are left out; None for the whole past
    newest : `day` is the last day of the data, so the state of the source is the state of the day
    """
    end = _end_of(day)
    time = contract.row_time
    if time is not None and time in table.columns:
        moment = table[time].cast("timestamp")
        visible = moment < end
        if start is not None:
            visible &= moment >= _end_of(start)
        elif not contract[time].required:
            visible |= moment.isnull()
        table = table.filter(visible)
    elif start is not None:  # no row has a time: all of it was there before
        table = table.filter(ibis.literal(False))
    late = {}
    for column in contract.columns:
        if column.known_from is None or column.name not in table.columns:
            continue
        if column.known_from in table.columns:
            known = table[column.known_from].cast("timestamp") < end
            late[column.name] = known.ifelse(table[column.name], ibis.null(column.engine_type))
        elif not newest:
            late[column.name] = ibis.null(column.engine_type)
    return table.mutate(**late) if late else table


def _end_of(day: date) -> ir.TimestampScalar:
    return ibis.literal(datetime.combine(day + timedelta(days=1), datetime.min.time()))


def collect(expression: ir.Table) -> pd.DataFrame:
    """An Ibis table as a pandas frame: DECIMAL becomes float64, a date becomes datetime64."""
    money = {c: expression[c].cast("float64") for c, t in expression.schema().items() if t.is_decimal()}
    table = (expression.mutate(**money) if money else expression).to_pyarrow()
    return table.to_pandas(date_as_object=False)


def count_lines(lines: ir.Table) -> dict[str, Any]:
    """Rows, money, customers, anonymous sales, returns and the first and last day of purchase lines."""
    nobody = lines.customer_id.isnull()
    found = lines.aggregate(
        rows=lines.count(),
        anonymous_rows=nobody.sum(),
        anonymous_spend=lines.unit_spend.sum(where=nobody),
        revenue=lines.unit_spend.sum(),
        returns=(lines.unit_spend < 0).sum(),
        customers=lines.customer_id.nunique(),
        first_day=lines.transaction_date.min().date(),
        last_day=lines.transaction_date.max().date(),
    )
    row = found.to_pyarrow().to_pylist()[0]
    whole = {k: int(row[k] or 0) for k in ("rows", "anonymous_rows", "returns", "customers")}
    money = {k: float(row[k] or 0) for k in ("anonymous_spend", "revenue")}
    return {**row, **whole, **money}


def keys_repeat(lines: ir.Table) -> bool:
    """Whether one transaction key stands on two days, or with two customers."""
    if "transaction_id" not in lines.columns:
        return False
    keyed = lines.filter(lines.transaction_id.notnull(), lines.unit_spend >= 0)
    days = keyed.transaction_date.date()
    each = keyed.group_by("transaction_id").aggregate(
        first=days.min(), last=days.max(), one=keyed.customer_id.min(), other=keyed.customer_id.max()
    )
    twice = (each.first != each["last"]) | (each.one != each.other)
    return bool(twice.any().to_pyarrow().as_py() or False)
