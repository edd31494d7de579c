"""Before anything is cast: the columns that are needed, how they are read, and on whose clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.account import Account
from crm_analytics.tables.collected_rows import Files
from crm_analytics.tables.column_readings import AmbiguousColumn, Readings, read_columns
from crm_analytics.tables.contract import PART, ROW, TABLES
from crm_analytics.tables.csv_files import CsvFile
from crm_analytics.tables.currencies import may_name_currency
from crm_analytics.tables.date_columns import offsets
from crm_analytics.tables.fields import fields_of, require_fields
from crm_analytics.tables.file_grammars import FilesOfTable, in_one_grammar
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.mapping import EPOCHS, TableMapping
from crm_analytics.tables.missing_columns import missing_columns
from crm_analytics.tables.named_units import named_units
from crm_analytics.tables.order_states import may_tell, order_states
from crm_analytics.tables.order_totals import order_totals
from crm_analytics.tables.rejects import Table
from crm_analytics.tables.sources import Source
from crm_analytics.tables.split_amounts import beside, split_amounts
from crm_analytics.tables.sums import is_blank, parse_sum
from crm_analytics.tables.total_words import worded_totals
from crm_analytics.tables.unsigned_returns import unsigned_returns
from crm_analytics.tables.written_zones import written_zone
from crm_analytics.tables.zones import UTC, fixed_zone

_NOT_WESTERN = "is neither UTF-8 nor, by its words, Western European, and was read as if it were"
_ENCODING = 'encoding = "cp1250"   # or cp1251, shift_jis, gb18030, mac_roman, ...'


@dataclass(frozen=True)
class Clock:
    """The zone that days are counted in, its name for people, and what is to be said of it."""

    zone: str
    name: str
    findings: list[Finding] = field(default_factory=list)


ReadingsOf = Callable[[str, ir.Table, TableMapping], Readings | None]


def prepare(
    source: Source, today: date, known: ReadingsOf | None = None
) -> tuple[dict[str, Table], dict[str, str]]:
    """Every table with the readings of its columns, and the tables that cannot be one, with the reason.

    Parameters
    ----------
    known : gives the readings of a table of which only some rows are here; None where these rows decide

    Raises
    ------
    DataError : purchases, or a table that the mapping names, cannot be read.
    """
    prepared, skipped = {}, {}
    for name in source.rows.tables:
        spec = source.mapping.of(name)
        try:
            require_fields(TABLES[name], tuple(source.rows.tables[name].columns), spec)
            rows = _kept_at_hand(source, name, spec)
            for mark, files in source.rows.several.get(name, {}).items():
                rows = _files_alike(source, name, rows, (mark, files), today)
            decided = known(name, rows, spec) if known is not None else None
            readings = decided or read_columns(TABLES[name], rows, spec, today, UTC)
        except DataError as error:
            if name == "transactions" or name in source.mapping.tables or isinstance(error, AmbiguousColumn):
                raise
            skipped[name] = str(error)  # a file that only happens to bear the name of a table
            continue
        prepared[name] = Table(name, rows, spec, readings, today, tuple(source.csv.get(name, ())))
    return prepared, skipped


def _kept_at_hand(source: Source, name: str, spec: TableMapping) -> ir.Table:
    """The rows, with their places where they have some; of a CSV the columns needed, read once."""
    numbered = source.rows.numbered.get(name)
    rows = source.rows.tables[name] if numbered is None else numbered
    if name not in source.csv:
        return rows
    wanted = _mentioned(spec) | set(TABLES[name].names) | {ROW, PART, *source.rows.several.get(name, ())}
    if name == "transactions":
        wanted |= set(beside(source.csv[name][0].rows.columns, spec).values())
    needed = [
        c
        for c in rows.columns
        if c in wanted
        or any(c in text for text in wanted)
        or (name == "transactions" and (may_tell(c) or may_name_currency(c)))
    ]
    return rows.select(needed).cache() if needed else rows


def _files_alike(
    source: Source, name: str, rows: ir.Table, several: tuple[str, Files], today: date
) -> ir.Table:
    """The rows of several files in one grammar; which columns had several is noted.

    Parameters
    ----------
    several : the column that holds the number of the file, and the files
    """
    number, found = several
    marks = {id(file.rows): file.delimiter for file in source.csv.get(name, ())}
    delimiters = [marks.get(id(raw), "") for _, raw in found.pieces]
    files = FilesOfTable(
        TABLES[name], rows, source.mapping.of(name), today, [file for file, _ in found.pieces], delimiters,
        number, found.columns,
    )  # fmt: skip
    rows, rewritten = in_one_grammar(files)
    if rewritten:
        source.rows.rewritten[name] = (*source.rows.rewritten.get(name, ()), *rewritten)
        rows = rows.cache()
    return rows


def _mentioned(spec: TableMapping) -> set[str]:
    texts: set[str] = {spec.rate} if isinstance(spec.rate, str) else set()
    for origin in spec.fields.values():
        texts.add(str(origin.get("column", "")) if isinstance(origin, dict) else str(origin))
    return texts


def shop_clock(source: Source, prepared: dict[str, Table]) -> Clock:
    """On whose clock the days are: the mapping's, that of the one offset in the data, else UTC."""
    zone_name = source.mapping.timezone
    if zone_name is not None:
        return Clock(zone_name, zone_name)
    lines = prepared["transactions"]
    found = _offsets(lines)
    if found is None:
        return Clock(UTC, "")
    typed = source.zones.get("transactions", {}).get(str(_date_column(lines)), UTC)
    zone = written_zone(found) if found else typed
    if zone is None:
        several = ", ".join(sorted({fixed_zone(offset) for _, offset in found})[:4])
        says = (
            f"Times are written at several offsets ({several}), and days are days of UTC. "
            f"Say the shop's zone."
        )
        return Clock(UTC, UTC, [_clock_finding("warning", says, "Europe/Berlin")])
    if zone == UTC:
        says = "Days are days of UTC: an evening's purchase may count for another day. Say the shop's zone."
        return Clock(UTC, UTC, [_clock_finding("note", says, "Europe/Berlin")])
    says = f"Times are written on the clock of {zone}, and days are counted on it."
    return Clock(zone, zone, [_clock_finding("note", says, zone)])


def _clock_finding(severity: str, says: str, zone: str) -> Finding:
    settles = f'timezone = "{zone}"'
    return Finding("time_zone", severity, "transactions", "transaction_date", says, settles=settles)


def _date_column(table: Table) -> Any:
    origin = table.spec.fields.get("transaction_date", "transaction_date")
    return origin.get("column", "transaction_date") if isinstance(origin, dict) else origin


def _offsets(table: Table) -> list[tuple[datetime, str]] | None:
    """Offsets of the purchases' times; None where they have none, empty where all are of UTC."""
    origin = table.spec.fields.get("transaction_date", "transaction_date")
    name = _date_column(table)
    if name not in table.rows.columns:
        return None
    kind = table.rows[name].type()
    if kind.is_timestamp():
        return None if kind.timezone is None else []
    reading = table.readings.dates.get(str(name))
    if reading is not None and reading.unit not in (None, "day"):
        return []  # seconds since 1970 are of UTC
    pattern = origin.get("format", "") if isinstance(origin, dict) else ""
    if pattern in EPOCHS:
        return []
    if "%z" not in pattern and (reading is None or not reading.zoned):
        return None
    moment = fields_of(TABLES[table.name], table.rows, table.spec, table.readings)["transaction_date"].value
    return offsets(table.rows, str(name), moment)


def left_out(source: Source, name: str) -> int:
    """Rows that `where` and `except` leave out."""
    every = source.rows.every.get(name)
    if every is None:
        return 0
    counts = [int(t.count().to_pyarrow().as_py()) for t in (every, source.rows.tables[name])]
    return counts[0] - counts[1]


def lines_lost(source: Source, table: Table) -> int:
    """Physical lines that are neither a record, nor torn, nor inside a field."""
    if len(table.files) != 1 or table.files[0].filled is None:
        return 0
    file = table.files[0]
    rows = source.rows.every.get(table.name, table.rows)
    filled = file.filled or 0
    missing = filled - int(rows.count().to_pyarrow().as_py()) - len(table.torn(file))
    if missing <= 0:
        return 0
    inside = {c: file.rows[c].fill_null("").length() - file.rows[c].fill_null("").replace("\n", "").length()
              for c in file.rows.columns}  # fmt: skip
    counts = file.rows.aggregate(**{c: n.sum() for c, n in inside.items()}).to_pyarrow().to_pylist()[0]
    return max(0, missing - sum(n or 0 for n in counts.values()))


def of_reading(source: Source, table: Table, account: Account) -> list[Finding]:
    """What is to be told of how a table was read."""
    notes: list[Finding] = []
    if account.left_out:
        says = (
            f"{counted(account.left_out, 'row')} of {table.name} left out by where, except or anonymous in "
            "mapping.toml."
        )
        notes.append(Finding("left_out", "note", table.name, "", says, account.left_out))
    if table.name in source.rows.filled:
        columns = ", ".join(map(repr, source.rows.filled[table.name]))
        says = f"{columns} stands only in the first line of an order: its other lines take it from there."
        notes.append(Finding("filled_down", "note", table.name, "", says))
    if table.name in source.rows.rewritten:
        columns = ", ".join(map(repr, source.rows.rewritten[table.name]))
        says = f"The files of {table.name} are not written alike in {columns}: each is read by its values."
        notes.append(Finding("files_unlike", "note", table.name, "", says))
    notes += missing_columns(table.name, table.spec, source.columns.get(table.name, {}))
    unmatched = source.rows.unmatched.get(table.name)
    if unmatched is not None and (n := int(unmatched.to_pyarrow().as_py() or 0)):
        says = f"{counted(n, 'row')} of {table.name} with a key that the joined source does not have."
        notes.append(Finding("unmatched_join", "warning", table.name, "", says, n))
    notes += _of_clocks(table)
    notes += order_states(table)
    notes += unsigned_returns(table)
    notes += order_totals(table)
    if not account.totals:
        notes += worded_totals(table, source.rows.tables[table.name])
    notes += named_units(table)
    notes += split_amounts(table)
    notes += _of_files(table)
    notes += _of_blanks(table)
    for name, reading in table.readings.numbers.items():
        if table.spec.decimal is not None and reading.decimal != table.spec.decimal:
            says = (
                f"mapping.toml says decimal = '{table.spec.decimal}', but every value of "
                f"'{name}' is written with "
                f"'{reading.decimal}' and read so."
            )
            notes.append(Finding("other_decimal", "warning", table.name, name, says,
                                 settles=f'[{table.name}]\ndecimal = "{reading.decimal}"'))  # fmt: skip
    return notes


def _of_clocks(table: Table) -> list[Finding]:
    """Columns in which some moments say on whose clock they are, and others do not."""
    notes = []
    for name, reading in table.readings.dates.items():
        if reading.half_zoned and table.spec.zone is None:
            says = (
                f"Some moments of '{name}' bear an offset and some none: those without are read on the clock "
                f"of {table.readings.zone}. Say on which they were written."
            )
            notes.append(Finding("half_zoned", "warning", table.name, name, says,
                                 settles=f'[{table.name}]\nzone = "{table.readings.zone}"'))  # fmt: skip
    return notes


def why_empty(source: Source, table: Table) -> str:
    """What may have left the fields of a refused table empty: a join without a partner, or a rate."""
    unmatched = source.rows.unmatched.get(table.name)
    says = ""
    if unmatched is not None and (n := int(unmatched.to_pyarrow().as_py() or 0)):
        says = f". {counted(n, 'row')} with a key that the joined source does not have"
    if table.spec.rate is not None:
        says += ". A row without a rate for its currency has no amount"
    for file in table.files:
        if file.doubtful:
            says += f". {file.name} {_NOT_WESTERN}: say {_ENCODING} in mapping.toml"
    return says


def not_read(source: Source) -> list[Finding]:
    """Files beside the tables that are none: last year's copy, or purchases under another name."""
    names = source.rows.not_read
    if not names or not source.of_files:
        return []
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    says = f"Not read, as no table is called so: {shown}."
    return [Finding("not_read", "note", "transactions", "", says, settles='[transactions]\nfrom = "<file>"')]


def _of_files(table: Table) -> list[Finding]:
    notes = []
    for file in table.files:
        # footer is a word of the table: it settles one file, not one of several
        footer = f"[{table.name}]\nfooter = {file.footer}" if file.footer and len(table.files) == 1 else ""
        for says in file.says:
            settles = footer if "footer = " in says else ""
            notes.append(
                Finding("file_lines", "note", table.name, "", f"{file.name}: {says}", settles=settles)
            )
        notes += _of_end(table, file)
    for file in table.files:
        if file.doubtful:
            says = f"{file.name} {_NOT_WESTERN}: names and words may be wrong."
            notes.append(Finding("encoding", "serious", table.name, "", says,
                                 settles=f"[{table.name}]\n{_ENCODING}"))  # fmt: skip
    return notes


def _of_end(table: Table, file: CsvFile) -> list[Finding]:
    """A file that breaks off, or ends with lines that are no rows."""
    if file.end.cut:
        says = (
            f"{file.name} breaks off: {file.end.cut}. The last line may be wrong, and lines may be missing "
            "below it. Export it again."
        )
        return [Finding("cut_off", "serious", table.name, "", says, 1)]
    if file.end.footer and len(table.files) == 1:
        says = (
            f"{file.name} ends with {counted(file.end.footer, 'line')} of other cells than the table: a "
            "footer? Set aside as broken."
        )
        settles = f"[{table.name}]\nfooter = {file.end.footer}"
        return [Finding("footer_lines", "warning", table.name, "", says, file.end.footer, settles=settles)]
    return []


def _of_blanks(table: Table) -> list[Finding]:
    """Blank operands that a sum counts as nothing."""
    notes = []
    for field_name, origin in table.spec.fields.items():
        if not isinstance(origin, str) or origin in table.rows.columns:
            continue
        if TABLES[table.name][field_name].type not in ("money", "number", "count"):
            continue
        optional = parse_sum(origin, table.rows.columns, table.name).optional
        for name in optional:
            n = int(
                table.rows.aggregate(n=is_blank(table.rows[name]).sum()).to_pyarrow()["n"][0].as_py() or 0
            )
            if n:
                says = f"'{name}' is blank in {counted(n, 'row')}: it counts as nothing in {field_name}."
                notes.append(Finding("blank_operand", "note", table.name, field_name, says, n,
                                     settles=f'[{table.name}]\ndefault = {{ "{name}" = 0 }}'))  # fmt: skip
    return notes
