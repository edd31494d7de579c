"""Which rows of a source are a table's: cells filled down, defaults for blank cells, `where` and `except`."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.casts import cast_value
from crm_analytics.tables.contract import ID, ROW, TABLES
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.sums import find_column, is_blank

_CELL, _RUN = "_cell", "_run"


def filled(rows: ir.Table, spec: TableMapping, table: str) -> ir.Table:
    """Blank cells take the value above them (`fill_down`), or the one that stands for nothing (`default`)."""
    if spec.fill_down:
        if ROW not in rows.columns:
            raise DataError(f"{table}: fill_down needs rows in order, which only files and frames have")
        group = [] if spec.within is None else [find_column(spec.within, rows.columns, table)]
        above = ibis.window(group_by=group, order_by=ROW, preceding=None, following=0)
        for name in spec.fill_down:
            cell = rows[find_column(name, rows.columns, table)]
            named = is_blank(cell).ifelse(ibis.null(cell.type()), cell)
            rows = rows.mutate(**{_CELL: named, _RUN: named.notnull().cast("int64").sum().over(above)})
            run = ibis.window(group_by=[*group, _RUN])  # a value and the blanks below it
            rows = rows.mutate(**{name: rows[_CELL].max().over(run)}).drop(_CELL, _RUN)
    for name, stands in spec.default.items():
        cell = rows[find_column(name, rows.columns, table)]
        value = ibis.literal(str(stands)) if cell.type().is_string() else ibis.literal(stands)
        rows = rows.mutate(**{name: is_blank(cell).ifelse(value, cell)})
    return rows


def order_heads(rows: ir.Table, spec: TableMapping) -> tuple[str, ...]:
    """Columns of `where` that stand in the first line of an order alone, as Shopify writes them.

    Only where that is plain: no order has two lines with a value, each order's first line has one, and some
    order has lines below it.
    """
    order = spec.fields.get("transaction_id")
    if spec.fill_down or not isinstance(order, str) or order not in rows.columns or ROW not in rows.columns:
        return ()
    found = []
    for name in (*spec.where, *spec.exclude):
        if name not in rows.columns or name == order:
            continue
        lines = rows.select(order=rows[order], place=rows[ROW], blank=is_blank(rows[name]))
        lines = lines.filter(lines.order.notnull())
        orders = lines.group_by("order").aggregate(
            lines=lines.count(), filled=(~lines.blank).sum(), first=lines.place.min(),
            head=lines.place.min(where=~lines.blank),
        )  # fmt: skip
        plain = orders.aggregate(
            odd=((orders.filled != 1) | (orders.first != orders["head"])).fill_null(True).sum(),
            longer=(orders.lines > 1).sum(),
        )
        row = plain.to_pyarrow().to_pylist()[0]
        if not row["odd"] and row["longer"]:
            found.append(name)
    return tuple(found)


def selects(spec: TableMapping, table: str) -> bool:
    """Whether the mapping leaves rows of a table out."""
    return bool(spec.where or spec.exclude or (spec.anonymous and _whose(spec, table)))


def _whose(spec: TableMapping, table: str) -> list[str]:
    """The columns without whose customer a row of the table says nothing: a guest's ticket is nobody's."""
    named = (spec.fields.get(one, one) for one in TABLES[table].required if one.endswith("customer_id"))
    return [one for one in named if isinstance(one, str)]


def kept(rows: ir.Table, spec: TableMapping, table: str) -> ir.BooleanValue:
    """Whether a row has a value wanted in `where`, none of those in `except`, and is not nobody's."""
    keeps = ibis.literal(True)
    for column, values in spec.where.items():
        keeps &= _is_one(rows, column, table, values)
    for column, values in spec.exclude.items():
        keeps &= ~_is_one(rows, column, table, values)
    nobody = [text.strip().lower() for text in spec.anonymous]
    for column in _whose(spec, table) if nobody else ():
        if column in rows.columns:
            keeps &= ~cast_value(rows[column], ID).lower().isin(nobody).fill_null(False)
    return keeps


def _is_one(rows: ir.Table, column: str, table: str, values: tuple[str, ...]) -> ir.BooleanValue:
    """Whether a cell holds one of these values; "" is a blank cell."""
    found = _text_of(rows, column, table).isin(values).fill_null(False)
    return found | is_blank(rows[find_column(column, rows.columns, table)]) if "" in values else found


def nothing_left(where: MappingType[str, tuple[str, ...]], rows: ir.Table, table: str) -> DataError:
    """No row fits `where`: which values there are, where they are few and short."""
    says = []
    for column, values in where.items():
        found = rows.select(v=_text_of(rows, column, table)).distinct().limit(9).to_pyarrow()["v"].to_pylist()
        there = sorted(str(v) for v in found if v)
        few = len(there) < 9 and all(len(v) <= 30 and "@" not in v for v in there)
        listed = f"; the column holds {', '.join(map(repr, there))}" if few and there else ""
        says.append(f"no row has {column} = {' or '.join(map(repr, values))}{listed}")
    return DataError(f"{table}: where leaves nothing: {'; '.join(says)}")


def _text_of(rows: ir.Table, column: str, table: str) -> ir.StringValue:
    value = rows[find_column(column, rows.columns, table)]
    return value.strip() if value.type().is_string() else value.cast("string")
