"""Rows set aside: which, where in the source, and why. Asked only where the fast check flagged some."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.tables.account import Account
from crm_analytics.tables.checks import STAYS, TOO_LARGE, cast_table, rules_of
from crm_analytics.tables.column_readings import Readings
from crm_analytics.tables.contract import PART, ROW, TABLES
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.duplicates import DIFFERS, REPEATED, REPEATS, VARIANT, merge
from crm_analytics.tables.foreign_calendars import calendar_of, hint
from crm_analytics.tables.mapping import TableMapping
from crm_analytics.tables.number_grammar import BOOKED, PARTED, SHORTENED

REJECTED_COLUMNS = ("table", "row_number", "column", "rule")
TOTAL_ROW = "is the sum of all other rows"
SUBTOTAL = "is the sum of the rows of its block"
_TORN = "the line has too few or too many fields, or an open quote"
_HINTS = {
    _TORN: "a line of more fields than the header may hold a decimal comma, or a comma of a text, outside "
    "quotation marks: export it with quotation marks, or with semicolons between the columns",
    "is not a date": 'days written in a way of their own need { column = "...", format = "%d/%m/%Y" } in '
    "mapping.toml, in the codes of strptime",
    "is not a number": "amounts are read as in 1,234.50, 1.234,50, (12.50), 12.50- or € 12,50",
    "is missing": 'cells that are blank on purpose need default = { "<column>" = 0 } or fill_down',
    "lies after today": "check the clock of the machine, or the dates; years such as 2568 "
    'are of the Buddhist calendar: say calendar = "buddhist" in mapping.toml',
    TOO_LARGE: 'count in thousands: unit_spend = "amount / 1000" in mapping.toml',
}
_FORMATS = {  # of shapes that the grammar leaves alone, since they could mean something else
    "999999": "%y%m%d", "99999999": "%d%m%Y", "9999-99": "%Y-%m", "9999/99": "%Y/%m", "99/9999": "%m/%Y",
    "99.9999": "%m.%Y", "aaa 9999": "%b %Y", "aaa-99": "%b-%y",
    "9999-99-99-99.99.99.999999": "%Y-%m-%d-%H.%M.%S.%f",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """What is asked about the broken rows of one table: its raw rows, and how they are read."""

    name: str
    rows: ir.Table  # with ROW where rows have a place
    spec: TableMapping
    readings: Readings
    today: date
    files: tuple[CsvFile, ...] = ()

    def torn(self, file: CsvFile) -> pd.Series:
        """Places of the torn lines of a file."""
        lines = self.rows.get_backend().table(file.torn).select("line").distinct().order_by("line")
        return lines.to_pyarrow()["line"].to_pandas().astype("Int64") - 1


def explain(table: Table, *, flagged: bool, repeated: int) -> pd.DataFrame:
    """The rejected rows and unreadable values of one table.

    Parameters
    ----------
    flagged : some row or value broke a rule
    repeated : number of rows that repeat a key

    Raises
    ------
    DataError : the header stands there again in another order.

    Returns
    -------
    table, row_number, column, rule; row 1 is the first after the header, rows that could not be read as
    CSV counted along; the number is missing where the engine keeps no order of rows.
    """
    torn = _torn_lines(table)
    parts = [torn]
    if flagged:
        _refuse_other_header(table)
        parts += _broken_rows(table)
    if repeated:
        parts.append(_repeated_rows(table))
    parts = [_in_file(part, torn) if part is not torn else part for part in parts if len(part)]
    if not parts:
        return frame_of(table.name, pd.Series([], dtype="Int64"), "", "")
    parts += _torn_lines_of_joins(table)
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["row_number", "column"], kind="stable", ignore_index=True)


def with_rows(
    found: pd.DataFrame, table: Table, places: Sequence[int], column: str, rule: str
) -> pd.DataFrame:
    """The same with rows that are set aside whole.

    Parameters
    ----------
    places : of the rows in the table; empty for one whose place is not known
    """
    numbers = pd.Series(list(places) if places else [None], dtype="Int64")
    more = _in_file(frame_of(table.name, numbers, column, rule), _torn_lines(table))
    return pd.concat([found, more], ignore_index=True) if len(found) else more


def drops_row(rejected: pd.DataFrame) -> pd.Series:
    """True for rejected rows, False for values left empty in a row that stays."""
    return ~rejected["rule"].str.endswith(STAYS)


def weighs(rejected: pd.DataFrame) -> pd.Series:
    """True for rows whose loss counts: not copies of a row that stays, not sums of other rows."""
    return drops_row(rejected) & ~rejected["rule"].isin([REPEATED, TOTAL_ROW, SUBTOTAL])


def judge(account: Account, found: pd.DataFrame, max_rejected: float, table: Table) -> None:
    """Refuse a table of which too much is broken, by rows or by money, or nothing is left.

    Raises
    ------
    DataError : says how many rows, by which rules, and the first of them.
    """
    readings = table.readings
    broken = found[weighs(found)] if len(found) else found
    total = account.kept + account.broken
    if not account.share <= max_rejected or (account.kept == 0 and len(broken)):
        rules = (broken["column"] + " " + broken["rule"]).str.strip().value_counts()
        reasons = "; ".join(f"{count:,} × {rule}" for rule, count in rules.head(3).items())
        first = ", ".join(f"{n}" for n in broken["row_number"].dropna().head(5))
        known = {says: hint for says, hint in _HINTS.items() if (broken["rule"] == says).any()}
        unknown = [reading.unknown for reading in readings.dates.values() if reading.unknown]
        if unknown and (broken["rule"] == "is not a date").any():
            known["is not a date"] = _of_shape(unknown[0])
        if broken["rule"].isin(["is not a date", "lies before 1900", "lies after today"]).any():
            known |= _of_calendar(table)
        hints = list(known.values())
        if any(reading.mixed for reading in readings.numbers.values()):
            hints.append(
                "some amounts have a decimal point and some a decimal comma: write them in one way, or each "
                "way in a file of its own"
            )
        words = {word for reading in readings.numbers.values() for word in reading.words}
        if words & BOOKED:
            hints.append(
                "amounts end in Dr or Cr, and which of them is money that came in depends on the book: write "
                'a minus in the source, or the word in a column of its own and is_return = { column = "...", '
                'equals = "Dr" } in mapping.toml'
            )
        if words & PARTED:
            hints.append(
                "amounts such as 12€50 have the mark of the currency for a decimal comma: write 12,50 € in "
                "the source"
            )
        if words & SHORTENED:
            hints.append("amounts such as 1.2k or 1,5 Mio are rounded: export them in full")
        if any(reading.serial for reading in readings.dates.values()):
            hints = [
                'days as a spreadsheet counts them need { column = "...", format = "excel" } in mapping.toml'
            ]
        if (language := readings.month_language) is not None:
            hints = [f'months are written in another language: say language = "{language}" in mapping.toml']
        money = f", about {100 * account.share_of_money:.0f} % of the money" if account.lost_money else ""
        raise DataError(
            f"{account.table}: {account.broken:,} of {total:,} rows are broken ({reasons}){money}"
            + (f", first in rows {first}" if first else "")
            + f". Repair the source or its mapping.toml{': ' if hints else ''}{'; '.join(hints)}"
        )
    if account.kept == 0 and account.table == "transactions":
        raise DataError("transactions: there is a header but not one row of data")


def _of_shape(shape: str) -> str:
    """What to do with days of a shape that is not read."""
    if re.search(r"99:99([.,]9+)? ?a{2,5}$", shape):
        return (
            "times end in the short name of a zone, which may mean several zones: export them with an "
            'offset such as -08:00, or give { column = "...", format = "%Y-%m-%d %H:%M:%S PST", '
            'zone = "America/Los_Angeles" } in mapping.toml'
        )
    form = _FORMATS.get(shape, "%d/%m/%Y")
    return (
        f"days such as {shape} (each digit as 9) need "
        f'{{ column = "...", format = "{form}" }} in mapping.toml, in the codes of strptime'
    )


def _of_calendar(table: Table) -> dict[str, str]:
    """A hint on the calendar of the days, by the rule that they break, where it is another one."""
    for column in table.readings.dates:
        if column in table.rows.columns and (name := calendar_of(table.rows[column], table.today)):
            return {"is not a date": hint(name)}
    return {}


def _broken_rows(table: Table) -> list[pd.DataFrame]:
    row = table.rows[ROW] if ROW in table.rows.columns else ibis.null("int64")
    rules = rules_of(TABLES[table.name], table.rows, table.spec, table.today, table.readings)
    dropping = [r for r in rules if r.drops_row]
    first = ibis.cases(*((r.breaks, i) for i, r in enumerate(dropping)), else_=ibis.null("int16"))
    # A row is rejected once, for the first rule it breaks; a value left empty is told for each column.
    asked = [first] + [
        (r.breaks & first.isnull()).ifelse(len(dropping) + i, ibis.null("int16"))
        for i, r in enumerate(r for r in rules if not r.drops_row)
    ]
    rules = [*dropping, *(r for r in rules if not r.drops_row)]
    parts = []
    for rule in asked:
        found = table.rows.select(row_number=row, rule=rule)
        frame = found.filter(found.rule.notnull()).to_pyarrow().to_pandas()
        which = frame["rule"].astype("int64")
        parts.append(
            frame_of(
                table.name,
                frame["row_number"].astype("Int64"),
                which.map(lambda i: rules[i].column),
                which.map(lambda i: rules[i].says),
            )
        )
    return parts


def _refuse_other_header(table: Table) -> None:
    """A second header whose columns stand in another order: what is below it would be read crosswise."""
    rows = table.rows
    texts = [c for c in rows.columns if c not in (ROW, PART) and rows[c].type().is_string()]
    names = {*texts, *(name for file in table.files[:1] for name in file.rows.columns)}
    named = [rows[c].strip().isin(sorted(names)).fill_null(False) for c in texts]
    moved = [flag & (rows[c].strip() != c) for c, flag in zip(texts, named, strict=True)]
    if len(texts) < 2:
        return
    header = (ibis.greatest(*(flag.cast("int8") for flag in moved)) == 1) & (
        sum((flag.cast("int8") for flag in named[1:]), named[0].cast("int8")) >= 2
    )
    place = rows[ROW] if ROW in rows.columns else ibis.null("int64")
    found = rows.select(place=place, header=header).filter(lambda t: t.header).limit(1).to_pyarrow()
    if len(found):
        row = found["place"][0].as_py()
        where = "" if row is None else f" in row {row:,}"
        raise DataError(
            f"{table.name}: the names of the columns stand there again{where}, in another order: what is "
            "below belongs to other columns. Split the file there, and name both parts in mapping.toml"
        )


def _repeated_rows(table: Table) -> pd.DataFrame:
    contract = TABLES[table.name]
    cast = cast_table(contract, table.rows, table.spec, table.today, table.readings)
    place = cast[ROW] if ROW in cast.columns else ibis.null("int64")
    marked = merge(cast.mutate(_place=place), contract)
    marked = marked.filter(marked[REPEATS]).select(row_number="_place", variant=VARIANT)
    frame = marked.to_pyarrow().to_pandas()
    differs = frame["variant"] & (not contract[contract.key[0]].required)
    return frame_of(
        table.name,
        frame["row_number"].astype("Int64"),
        contract.key[0],
        differs.map({True: DIFFERS, False: REPEATED}),
    )


def _torn_lines(table: Table) -> pd.DataFrame:
    none = pd.Series([], dtype="Int64")
    return frame_of(table.name, table.torn(table.files[0]) if table.files else none, "", _TORN)


def _torn_lines_of_joins(table: Table) -> list[pd.DataFrame]:
    torn = [(file, table.torn(file)) for file in table.files[1:]]
    return [
        frame_of(table.name, lines, "", f"{_TORN} (in {file.name})") for file, lines in torn if len(lines)
    ]


def _in_file(part: pd.DataFrame, torn: pd.DataFrame) -> pd.DataFrame:
    """Places in the file from places among the lines that could be read."""
    if part["row_number"].isna().all():
        return part
    lines = torn["row_number"].to_numpy("int64")
    readable_before = lines - np.arange(1, len(lines) + 1)
    skipped = np.searchsorted(readable_before, part["row_number"].to_numpy("int64"), side="left")
    return part.assign(row_number=part["row_number"] + skipped)


def frame_of(
    table: str, row_number: pd.Series, column: str | pd.Series, rule: str | pd.Series
) -> pd.DataFrame:
    """Rejected rows as `CustomerBase.rejected` has them."""
    frame = pd.DataFrame({"table": table, "row_number": row_number, "column": column, "rule": rule})
    return frame[list(REJECTED_COLUMNS)].astype({"table": "str", "column": "str", "rule": "str"})
