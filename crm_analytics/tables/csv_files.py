"""CSV as people export it: any encoding, any of four delimiters, torn lines set aside.

Everything is read as text ("00123" stays, "NA" is a surname); `checks` casts it by the contract.
"""

from __future__ import annotations

import glob
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError
from crm_analytics.tables.csv_layout import Layout, find_layout
from crm_analytics.tables.file_ends import FileEnd, look_at_end
from crm_analytics.tables.findings import counted
from crm_analytics.tables.headers import looks_like_data, the_source_has
from crm_analytics.tables.physical_lines import close_quotes, count_lines, double_quotes
from crm_analytics.tables.scratch import scratch_folder
from crm_analytics.tables.text_encodings import CHUNK, look_through

_LONGEST_LINE = 16_000_000  # bytes; a description of some megabytes is odd but no reason to stop
MOST_COLUMNS = 16_384  # as many as a sheet of Excel has
_FORMULA = r'^="(.*)"$'  # how a spreadsheet is told that a cell is text


@dataclass
class CsvFile:
    """A CSV file in the engine: its good lines, and the table where the reader put the torn ones.

    Attributes
    ----------
    filled : lines below the header that hold anything, where they may not be records; None where they must be
    says : how the file was read, where that is not plain
    doubtful : its encoding is a guess that its words speak against
    footer : lines below the last row that were skipped without being asked for
    end : how it ends
    """

    name: str
    torn: str
    rows: ir.Table = field(init=False)
    filled: int | None = None
    delimiter: str = ""
    says: list[str] = field(default_factory=list)
    doubtful: bool = False
    footer: int = 0
    end: FileEnd = field(default_factory=FileEnd)


def read_csv(
    connection: BaseBackend,
    path: Path,
    encoding: str | None,
    torn: str,
    *,
    skip: int | None = None,
    footer: int | None = None,
) -> CsvFile:
    """Read a CSV file as text columns.

    Parameters
    ----------
    connection : the embedded engine
    encoding : as the mapping says; default UTF-8 where the bytes are, else Windows' Western European
    torn : name for the engine's table of lines with too few or too many fields
    skip, footer : lines above the header and below the last row, as the mapping says; else they are found

    Raises
    ------
    DataError : the file is empty, its header repeats a name, or it cannot be read as text.
    """
    opened = CsvFile(path.name, torn)
    _refuse_other_kinds(path)
    readable = path
    found = look_through(path)
    opened.doubtful = found.doubtful and encoding is None
    # The engine reads UTF-8 fastest and other encodings only in part; mixed line ends it refuses.
    if encoding or found.encoding != "utf-8" or not found.lines_alike:
        readable = scratch_folder(opened) / "utf8.csv"
        _write_utf8(path, readable, encoding or found.encoding)
    layout = find_layout(readable, skip=skip, footer=footer)
    header = _names(layout.header, path.name)
    opened.says += layout.says
    opened.delimiter = layout.delimiter
    opened.footer = layout.footer if footer is None else 0
    if not layout.footer:
        opened.end = look_at_end(readable, layout.delimiter, len(header))
    if layout.skip or layout.footer:
        readable = _without(readable, scratch_folder(opened) / "table.csv", layout)
    if found.escaped:
        doubled = scratch_folder(opened) / "doubled.csv"
        escapes = double_quotes(readable, doubled, layout.delimiter, len(header))
        if escapes:
            readable = doubled
            opened.says.append(f"{counted(escapes, 'line')} with quotation marks behind backslashes")
    if found.quotes:
        lines = count_lines(readable)
        opened.filled = lines.filled - 1
        if lines.odd:
            closed = scratch_folder(opened) / "closed.csv"
            strays = close_quotes(readable, closed, layout.delimiter, len(header))
            if strays:
                readable = closed
                opened.says.append(
                    f"{counted(strays, 'line')} with a quotation mark without its pair: it "
                    f"is read as a character"
                )
    try:
        opened.rows = connection.read_csv(
            glob.escape(str(readable)),
            columns=dict.fromkeys(header, "VARCHAR"),
            auto_detect=False,
            header=True,
            delim=layout.delimiter,
            quote='"',
            escape='"',
            nullstr="",
            null_padding=False,
            max_line_size=_LONGEST_LINE,
            buffer_size=2 * _LONGEST_LINE,
            store_rejects=True,
            rejects_table=torn,
            rejects_scan=f"{torn}_scan",
            rejects_limit=0,
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise DataError(f"{path.name} cannot be read as CSV: {reason}") from None
    if found.formulas:
        opened.rows = _without_formulas(opened.rows)
    return opened


def _without_formulas(rows: ir.Table) -> ir.Table:
    """Cells such as ``="00123"`` as the text they show."""
    return rows.mutate(**{
        column: rows[column].re_search(_FORMULA).ifelse(rows[column].re_extract(_FORMULA, 1), rows[column])
        for column in rows.columns
    })  # fmt: skip


def _refuse_other_kinds(path: Path) -> None:
    """A workbook, a web page or JSON under the name of a table."""
    with path.open("rb") as stream:
        start = stream.read(200)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise DataError(
            f"{path.name} is a web page or XML, not a table: was it saved from a log-in or an error page? "
            "Export it again as CSV"
        )
    if text.startswith((b'{"', b'[{"', b'{ "')):
        raise DataError(
            f"{path.name} is JSON: give it the ending .json, or .jsonl where each line is a record"
        )
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        raise DataError(
            f"{path.name} is a packed file under another name: give it the ending .gz, or unpack it"
        )
    if start.startswith((b"\xd0\xcf\x11\xe0", b"PK\x03\x04")):
        kind = "an old Excel workbook" if start[0] == 0xD0 else "a workbook or a zip archive"
        raise DataError(
            f"{path.name} is {kind} under another name: save it as CSV, or give it its own ending"
        )


def _without(path: Path, copy: Path, layout: Layout) -> Path:
    """The file without the lines above the header and below the last row."""
    with (
        path.open(encoding="utf-8-sig", newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        for _ in range(layout.skip):
            source.readline()
        held: deque[str] = deque()
        filled = 0
        for line in source:
            held.append(line)
            filled += bool(line.strip())
            while filled > layout.footer:
                first = held.popleft()
                filled -= bool(first.strip())
                target.write(first)
    return copy


def _write_utf8(path: Path, copy: Path, encoding: str) -> None:
    try:
        with (
            path.open(encoding=encoding) as source,  # any line end becomes "\n"
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            while text := source.read(CHUNK):
                target.write(text)
    except LookupError:
        raise DataError(
            f"{path.name}: there is no encoding '{encoding}'; try utf-8, cp1252 or utf-16"
        ) from None
    except UnicodeError as error:
        raise DataError(
            f"{path.name} is not {encoding} text ({error}): name its encoding in mapping.toml"
        ) from None


def _names(header: Sequence[str], name: str) -> list[str]:
    """Column names that an engine can take: one for each column, no two alike."""
    header = [column.strip() for column in header]
    if not any(header):
        raise DataError(f"{name} is empty: expected a header line and rows")
    if len(header) > MOST_COLUMNS:
        raise DataError(
            f"{name} has {len(header):,} columns, and {MOST_COLUMNS:,} are read at most: keep those that a "
            "mapping names"
        )
    header = [column or f"column_{i + 1}" for i, column in enumerate(header)]
    folded = [column.lower() for column in header]  # the engine does not tell 'Date' from 'date'
    counts = Counter(folded)
    twice = sorted({column for column in header if counts[column.lower()] > 1})
    if twice and looks_like_data(header):
        raise DataError(f"{name}: {the_source_has(header)}, some of them alike")
    if twice:
        raise DataError(
            f"{name}: the header names {', '.join(map(repr, twice))} more than once; rename or drop one"
        )
    return header
