"""Excel workbooks: each sheet is a table, its first filled row the header (needs the extra `excel`)."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.embedded_engine import load
from crm_analytics.tables.headers import looks_like_data, the_source_has
from crm_analytics.tables.packed_files import check_unpacked_size

_HEAD = 60  # rows in which the header is looked for
_FULL = 0.75  # of the cells that most rows have; titles and notes above a table have fewer
_PADDED = re.compile(r"0{2,}")  # the number format of "00123" kept as a number
_MARKED = re.compile(r"[^\w]*[\d.,\s'\u2019]*\d[.,]\d+[^\w]*")  # a number kept as text
_NO_RESULT = re.compile(rb"</f>\s*(<v\s*/>|<v></v>)?\s*</c>")  # a formula that nobody has computed
_ERROR = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)")


class Workbook:
    """An .xlsx file; values as Excel last computed them."""

    def __init__(self, path: Path) -> None:
        try:
            import openpyxl
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise DataError(
                f'reading {path.name} needs openpyxl: pip install "crm-analytics[excel]", or save it as .csv'
            ) from None
        self.where = path.name
        self._path = path
        check_unpacked_size(path)
        try:
            with warnings.catch_warnings():  # of styles and validations that are not ours
                warnings.simplefilter("ignore")
                self._book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException):
            raise DataError(
                f"{path.name} is no readable .xlsx file, or is locked by a password: save it anew, or as .csv"
            ) from None
        self.sheets = tuple(s.title for s in self._book.worksheets if next(_filled(s), None) is not None)

    def read(self, sheet: str, engine: BaseBackend) -> ir.Table:
        """One sheet in the embedded engine: numbers, times and texts as they are; mixed columns as text.

        Raises
        ------
        DataError : a header that is missing, or repeats a name.
        """
        rows = _filled(self._book[sheet])
        first = list(itertools.islice(rows, _HEAD))
        above = _header_at(first)
        header = [_text(cell) for cell in first[above]]
        rows = itertools.chain(first[above + 1 :], rows)
        while header and not header[-1]:
            header.pop()
        name = f"{self.where}, sheet {sheet}"
        twice = sorted({h for h in header if h and [x.lower() for x in header].count(h.lower()) > 1})
        if looks_like_data([h for h in header if h]):
            raise DataError(f"{name}: {the_source_has(header)}")
        if twice:
            raise DataError(
                f"{name}: the header names {', '.join(map(repr, twice))} more than once; rename one"
            )
        columns: list[list[Any]] = [[] for _ in header]
        for row in rows:
            for at, values in enumerate(columns):
                values.append(_value(row[at]) if at < len(row) else None)
        names = [h or f"column_{i}" for i, h in enumerate(header, start=1)]
        blank = [
            n
            for n, values in zip(names, columns, strict=True)
            if values and not any(v is not None for v in values)
        ]
        if blank and self._has_uncomputed():
            raise DataError(
                f"{name}: {', '.join(map(repr, blank[:6]))} may hold formulas without results, as a program "
                "writes them: open the workbook in Excel or LibreOffice and save it"
            )
        return load(engine, pa.table({n: _array(c) for n, c in zip(names, columns, strict=True)}))

    def _has_uncomputed(self) -> bool:
        """Whether some formula of the workbook has no result."""
        with zipfile.ZipFile(self._path) as packed:
            sheets = [n for n in packed.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
            return any(_NO_RESULT.search(packed.read(sheet)) for sheet in sheets)


def _filled(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """The rows that hold anything, as cells."""
    sheet.reset_dimensions()  # what a file says of its own size may be a lie of a million wide rows
    for row in sheet.iter_rows():
        if any(cell.value not in (None, "") for cell in row):
            yield row


def _header_at(rows: list[tuple[Any, ...]]) -> int:
    """Where the header is: the first row as full as most, if it may be names; else the first row."""
    cells = [[v for cell in row if (v := _value(cell)) is not None] for row in rows]
    usual = max(Counter(map(len, cells)).items(), key=lambda item: (item[1], item[0]), default=(0, 0))[0]
    for at, row in enumerate(cells):
        if len(row) >= max(2, _FULL * usual):
            named = all(isinstance(v, str) for v in row) and not looks_like_data(row)
            return at if named else 0
    return 0


def _value(cell: Any) -> Any:
    value = cell.value
    if value is None or value == "" or (isinstance(value, str) and _ERROR.fullmatch(value)):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and _PADDED.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))  # a postcode or an id as the sheet shows it
    return value


def _text(cell: Any) -> str:
    value = _value(cell)
    return "" if value is None else _as_text(value).strip()


def _as_text(value: Any) -> str:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _array(values: list[Any]) -> pa.Array:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int}:
        return pa.array(values, pa.int64()) if kinds else pa.array(values, pa.string())
    if kinds <= {int, float}:
        return pa.array(values, pa.float64())
    if kinds <= {dt.datetime, dt.date}:
        whole = [dt.datetime.combine(v, dt.time()) if type(v) is dt.date else v for v in values]
        return pa.array(whole, pa.timestamp("us"))
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    written = _as_text
    if float in kinds and any(isinstance(v, str) and _MARKED.fullmatch(v) for v in values):
        written = _without_a_mark
    return pa.array([None if v is None else written(v) for v in values], pa.string())


def _without_a_mark(value: Any) -> str:
    """A number beside numbers that are texts: 125E-1 leaves it to the texts what their marks mean."""
    if not isinstance(value, float) or not math.isfinite(value) or value.is_integer():
        return _as_text(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    return f"{'-' * sign}{''.join(map(str, digits))}E{exponent}"
