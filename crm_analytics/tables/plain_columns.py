"""Columns of any engine's types as columns the contract can read: flat, without what holds no value."""

from __future__ import annotations

import ibis.expr.types as ir

from crm_analytics.errors import DataError

_LEVELS = 4  # of objects in objects; what lies deeper is left out


def plain_columns(table: ir.Table) -> ir.Table:
    """Objects as columns named by their path (``customer.id``); lists, maps and bytes left out.

    Parameters
    ----------
    table : raw, of any engine

    Returns
    -------
    The same rows. Times of nanoseconds come as such, durations and arrays are not there: the contract has no
    column that could hold one.

    Raises
    ------
    DataError : no column is left.
    """
    if not any(_is_special(kind) for kind in table.schema().values()):
        return table
    taken = {name.lower() for name in table.columns}
    flat = {
        path: value
        for name in table.columns
        for path, value in _flat(name, table[name], _LEVELS)
        if path == name or path.lower() not in taken
    }
    if not flat:
        raise DataError("its columns are lists or deep objects alone: flatten them first, such as into a CSV")
    return table.select(**flat)


def _is_special(kind: object) -> bool:
    asks = ("is_nested", "is_interval", "is_binary", "is_time", "is_geospatial", "is_json", "is_uuid")
    return any(getattr(kind, ask, lambda: False)() for ask in asks)


def _flat(name: str, value: ir.Value, levels: int) -> list[tuple[str, ir.Value]]:
    kind = value.type()
    if kind.is_struct() and levels:
        return [pair for part in kind.names for pair in _flat(f"{name}.{part}", value[part], levels - 1)]
    if kind.is_json():
        return []
    if kind.is_binary():
        return [(name, value.cast("string"))]
    if kind.is_uuid() or kind.is_time():
        return [(name, value.cast("string"))]
    return [] if _is_special(kind) else [(name, value)]
