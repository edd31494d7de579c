"""Money of more than four decimals: refused where rounding changes what a table is about, else told."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.fields import fields_of
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.money import ROUNDING
from crm_analytics.tables.rejects import Table

_AMOUNT = "unit_spend"
_HALF_UNIT = 5e-5  # of the fourth decimal, the most that rounding moves an amount


def rounded(table: Table, amounts: int) -> list[Finding]:
    """What rounding to four decimals does to the money of a table.

    Parameters
    ----------
    amounts : purchase lines whose amount is another one after rounding

    Raises
    ------
    DataError : a required column would be off by more than one part in ten thousand.
    """
    moved = _moved(table, amounts)
    notes = []
    for column, share in moved.items():
        if share <= ROUNDING:
            continue
        count = f"{amounts:,} amounts" if column == _AMOUNT else f"the amounts of {column}"
        says = (
            f"{count} need more than the four decimals that money has; rounded, they would be "
            f"{100 * share:.1f} % off"
        )
        unit = f'{column} = "<your column> * 1000000" in mapping.toml'.replace(
            "<your column>", column if column in table.rows.columns else "<your column>"
        )
        if TABLES[table.name][column].required:
            raise DataError(f"{table.name}: {says}. Count in a smaller unit: {unit}, and say so in the label")
        says = f"{says[0].upper()}{says[1:].replace('would be', 'are')}."
        notes.append(Finding("rounded_amounts", "serious", table.name, column, says))
    if amounts and moved.get(_AMOUNT, 1.0) <= ROUNDING:
        says = f"{counted(amounts, 'amount')} of more than four decimals, rounded to four."
        notes.append(Finding("rounded_amounts", "note", table.name, _AMOUNT, says, amounts))
    return notes


def _moved(table: Table, amounts: int) -> dict[str, float]:
    """By column of money that may have more decimals: the share of it that rounding changes."""
    fields = fields_of(TABLES[table.name], table.rows, table.spec, table.readings)
    asked = {
        name: field.number.cast("float64").abs()
        for name, field in fields.items()
        if field.number is not None and not field.exact and (name != _AMOUNT or amounts)
    }
    sizes = _row(table, {name: size.mean() for name, size in asked.items()})
    wanted: dict[str, ir.Value] = {}
    for name, size in asked.items():  # half a unit of the last decimal is little of a larger amount
        if sizes[name] is not None and (name == _AMOUNT or ROUNDING * sizes[name] < _HALF_UNIT):
            kept = fields[name].value.cast("float64")
            wanted[f"moved {name}"] = (size - kept.abs()).abs().sum()
            wanted[f"whole {name}"] = size.sum(where=kept.notnull())
    row = _row(table, wanted)
    names = [key.removeprefix("whole ") for key in row if key.startswith("whole ")]
    return {n: row[f"moved {n}"] / row[f"whole {n}"] for n in names if row[f"whole {n}"]}


def _row(table: Table, wanted: dict[str, ir.Value]) -> dict[str, Any]:
    return dict(table.rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]) if wanted else {}
