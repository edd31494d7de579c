"""Rows set aside: which, where in the source, and why. Asked only where the fast check flagged some."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.tables.checks import STAYS, cast_table, repeats_key, rules_of
from crm_analytics.tables.contract import ROW, TABLES
from crm_analytics.tables.sources import Source

REJECTED_COLUMNS = ("table", "row_number", "column", "rule")
_TORN = "the line has too few or too many fields, or an open quote"
_REPEATED = "repeats a key that another row has"
_HINTS = {
    "is not a date": 'dates in another order need { column = "...", format = "%d/%m/%Y" } in mapping.toml',
    "is not a number": 'decimal commas need decimal = "," in mapping.toml',
    "lies after today": "check the clock of the machine, or the dates",
}


def explain(name: str, source: Source, today: date, *, flagged: bool, repeated: int) -> pd.DataFrame:
    """The rejected rows and unreadable values of one table.

    Parameters
    ----------
    flagged : some row or value broke a rule
    repeated : number of rows that repeat a key

    Returns
    -------
    table, row_number, column, rule; row 1 is the first after the header, rows that could not be read as
    CSV counted along; the number is missing where the engine keeps no order of rows.
    """
    torn = _torn_lines(name, source)
    parts = [torn]
    numbered = source.numbered.get(name)
    rows = source.tables[name] if numbered is None else numbered
    if flagged:
        parts += _broken_rows(name, rows, source, today)
    if repeated:
        parts.append(_repeated_rows(name, rows, source, today))
    parts = [_in_file(part, torn) if part is not torn else part for part in parts if len(part)]
    if not parts:
        return _frame(name, pd.Series([], dtype="Int64"), "", "")
    parts += _torn_lines_of_joins(name, source)
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["row_number", "column"], kind="stable", ignore_index=True)


def drops_row(rejected: pd.DataFrame) -> pd.Series:
    """True for rejected rows, False for values left empty in a row that stays."""
    return ~rejected["rule"].str.endswith(STAYS)


def judge(name: str, good: int, found: pd.DataFrame, max_rejected: float) -> None:
    """Refuse a table of which too much is broken, or nothing is left.

    Raises
    ------
    DataError : says how many rows, by which rules, and the first of them.
    """
    broken = found[drops_row(found)] if len(found) else found
    total = good + len(broken)
    if len(broken) > max_rejected * total or (good == 0 and len(broken)):
        rules = (broken["column"] + " " + broken["rule"]).str.strip().value_counts()
        reasons = "; ".join(f"{count:,} × {rule}" for rule, count in rules.head(3).items())
        first = ", ".join(f"{n}" for n in broken["row_number"].dropna().head(5))
        hints = [hint for says, hint in _HINTS.items() if (broken["rule"] == says).any()]
        raise DataError(
            f"{name}: {len(broken):,} of {total:,} rows are broken ({reasons})"
            + (f", first in rows {first}" if first else "")
            + f". Repair the source or its mapping.toml{': ' if hints else ''}{'; '.join(hints)}"
        )
    if good == 0 and name == "transactions":
        raise DataError("transactions: there is a header but not one row of data")


def _broken_rows(name: str, rows: ir.Table, source: Source, today: date) -> list[pd.DataFrame]:
    row = rows[ROW] if ROW in rows.columns else ibis.null("int64")
    rules = rules_of(TABLES[name], rows, source.mapping.of(name), today)
    dropping = [r for r in rules if r.drops_row]
    first = ibis.cases(*((r.breaks, i) for i, r in enumerate(dropping)), else_=ibis.null("int16"))
    # A row is rejected once, for the first rule it breaks; a value left empty is told for each column.
    asked = [first] + [
        (r.breaks & first.isnull()).ifelse(i, ibis.null("int16"))
        for i, r in enumerate(rules)
        if not r.drops_row
    ]
    parts = []
    for rule in asked:
        found = rows.select(row_number=row, rule=rule)
        frame = found.filter(found.rule.notnull()).to_pyarrow().to_pandas()
        which = frame["rule"].astype("int64")
        parts.append(
            _frame(
                name,
                frame["row_number"].astype("Int64"),
                which.map(lambda i: rules[i].column),
                which.map(lambda i: rules[i].says),
            )
        )
    return parts


def _repeated_rows(name: str, rows: ir.Table, source: Source, today: date) -> pd.DataFrame:
    table = TABLES[name]
    cast = cast_table(table, rows, source.mapping.of(name), today)
    marked = cast.select(
        row_number=cast[ROW] if ROW in cast.columns else ibis.null("int64"), repeats=repeats_key(cast, table)
    )
    frame = marked.filter(marked.repeats).to_pyarrow().to_pandas()
    return _frame(name, frame["row_number"].astype("Int64"), table.key[0], _REPEATED)


def _torn_lines(name: str, source: Source) -> pd.DataFrame:
    files = source.csv.get(name, [])
    return _frame(name, _torn(source, files[0].torn) if files else pd.Series([], dtype="Int64"), "", _TORN)


def _torn_lines_of_joins(name: str, source: Source) -> list[pd.DataFrame]:
    files = source.csv.get(name, [])[1:]
    torn = [(file, _torn(source, file.torn)) for file in files]
    return [_frame(name, lines, "", f"{_TORN} (in {file.name})") for file, lines in torn if len(lines)]


def _torn(source: Source, table: str) -> pd.Series:
    lines = source.connection.table(table).select("line").distinct().order_by("line")
    return lines.to_pyarrow()["line"].to_pandas().astype("Int64") - 1


def _in_file(part: pd.DataFrame, torn: pd.DataFrame) -> pd.DataFrame:
    """Places in the file from places among the lines that could be read."""
    if part["row_number"].isna().all():
        return part
    lines = torn["row_number"].to_numpy("int64")
    readable_before = lines - np.arange(1, len(lines) + 1)
    skipped = np.searchsorted(readable_before, part["row_number"].to_numpy("int64"), side="left")
    return part.assign(row_number=part["row_number"] + skipped)


def _frame(table: str, row_number: pd.Series, column: str | pd.Series, rule: str | pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame({"table": table, "row_number": row_number, "column": column, "rule": rule})
    return frame[list(REJECTED_COLUMNS)].astype({"table": "str", "column": "str", "rule": "str"})
