"""Which rows of a source are a table's: cells filled down, defaults for blank cells, `where` and `except`."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.contract import ROW
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.sums import find_column, is_blank


def select_rows(rows: ir.Table, spec: TableMapping, table: str) -> ir.Table:
    """The rows that belong to a table, in the mapping's order: fill down, defaults, where, except.

    Parameters
    ----------
    rows : with ROW, the place in the source, where rows have one

    Raises
    ------
    DataError : a column is not there, or cells are to be filled down where rows have no order.
    """
    rows = filled(rows, spec, table)
    if spec.where or spec.exclude:
        rows = rows.filter(kept(rows, spec, table))
    return rows


def filled(rows: ir.Table, spec: TableMapping, table: str) -> ir.Table:
    """Blank cells take the value above them (`fill_down`), or the one that stands for nothing (`default`)."""
    if spec.fill_down:
        if ROW not in rows.columns:
            raise DataError(f"{table}: fill_down needs rows in order, which only files and frames have")
        group = [] if spec.within is None else [find_column(spec.within, rows.columns, table)]
        above = ibis.window(group_by=group, order_by=ROW, preceding=None, following=0)
        values = {}
        for name in spec.fill_down:
            cell = rows[find_column(name, rows.columns, table)]
            named = is_blank(cell).ifelse(ibis.null(cell.type()), cell)
            values[name] = named.last(include_null=False).over(above)
        rows = rows.mutate(**values)
    for name, stands in spec.default.items():
        cell = rows[find_column(name, rows.columns, table)]
        value = ibis.literal(str(stands)) if cell.type().is_string() else ibis.literal(stands)
        rows = rows.mutate(**{name: is_blank(cell).ifelse(value, cell)})
    return rows


def kept(rows: ir.Table, spec: TableMapping, table: str) -> ir.BooleanValue:
    """Whether a row has one of the values wanted in `where`, and none of those in `except`."""
    keeps = ibis.literal(True)
    for column, values in spec.where.items():
        keeps &= _text_of(rows, column, table).isin(values).fill_null(False)
    for column, values in spec.exclude.items():
        keeps &= ~_text_of(rows, column, table).isin(values).fill_null(False)
    return keeps


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
