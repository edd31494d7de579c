"""Physical lines against records: a quotation mark that never closes must not swallow what follows.

A field in quotes may hold line ends, so a record may be several lines. But a lone quotation mark at the start
of a field (``"Steel pan``) opens one that closes at the next such mark or never, and every line between is
lost in it. Lines that each look like a row are rows: the mark before them is a character.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.tables.csv_layout import split

_QUOTE = '"'
_MOST = 2_000  # lines that one field may hold
_SAMPLE = 200
_ESCAPED = re.compile(r'\\(["\\])')
_VALUE = re.compile(r"\s*[-+(]?[^\w\s]?\s*\d[\d.,:/+\-TZ ()%]*[^\w\s]?\s*")


@dataclass(frozen=True)
class Lines:
    """What a pass over a file's lines found.

    Attributes
    ----------
    filled : lines that are not blank, the header included
    odd : some line has an odd number of quotation marks
    """

    filled: int
    odd: bool


def count_lines(path: Path) -> Lines:
    """Count the lines that hold anything, and see whether quotation marks pair up on each."""
    filled, odd = 0, False
    with path.open("rb") as stream:
        for line in stream:
            if line.strip():
                filled += 1
                odd = odd or bool(line.count(b'"') & 1)
    return Lines(filled, odd)


def double_quotes(path: Path, copy: Path, delimiter: str, columns: int) -> int:
    r"""Write `copy` with quotation marks doubled where a backslash is before them; say in how many lines.

    ``"he said \"hi\""`` is how MySQL writes it. A line that is a row as it stands stays so, ``"C:\"`` too.

    Parameters
    ----------
    path : a UTF-8 file
    columns : cells of a row
    """
    changed = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        for line in source:
            doubled = line
            if '\\"' in line and not _is_row(line, delimiter, columns):
                doubled = _ESCAPED.sub(lambda m: '""' if m[1] == _QUOTE else "\\", line)
                doubled = doubled if _is_row(doubled, delimiter, columns) else line
            changed += doubled is not line
            target.write(doubled)
    return changed


def _is_row(line: str, delimiter: str, columns: int) -> bool:
    """Whether a physical line is a whole row by the book."""
    try:
        rows = list(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return len(rows) == 1 and len(rows[0]) == columns


def close_quotes(path: Path, copy: Path, delimiter: str, columns: int) -> int:
    """Write `copy` with every lone quotation mark as a character, and say how many lines had one.

    Parameters
    ----------
    path : a UTF-8 file
    columns : cells of a row
    """
    strays = 0
    kinds = _kinds(path, delimiter, columns)
    with (
        path.open(encoding="utf-8-sig", newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        lines = _Ahead(iter(source))
        while (line := lines.next()) is not None:
            if not line.count(_QUOTE) & 1:
                target.write(line)
                continue
            block = _block(line, lines, delimiter)
            if block and _is_one_record(block, delimiter, columns, kinds):
                target.writelines(block)
                lines.drop(len(block) - 1)
                continue
            strays += 1
            target.write(_requoted(line, delimiter, columns))
    return strays


class _Ahead:
    """Lines one after the other, with a view of those that follow."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._seen: list[str] = []

    def next(self) -> str | None:
        return self._seen.pop(0) if self._seen else next(self._lines, None)

    def drop(self, n: int) -> None:
        del self._seen[:n]

    def follow(self) -> Iterator[str]:
        for i in range(_MOST):
            while len(self._seen) <= i:
                line = next(self._lines, None)
                if line is None:
                    return
                self._seen.append(line)
            yield self._seen[i]


def _block(line: str, lines: _Ahead, delimiter: str) -> list[str]:
    """The lines up to the one that would close the quotation; empty where none does, or none is opened."""
    if not re.search(rf'(?:^|{re.escape(delimiter)})\s*"', line):
        return []
    block = [line]
    for following in lines.follow():
        block.append(following)
        if following.count(_QUOTE) & 1:
            return block
    return []


def _is_one_record(block: list[str], delimiter: str, columns: int, kinds: set[int]) -> bool:
    """Whether several lines are one row with line ends in a field, and not several rows."""
    try:
        rows = list(csv.reader(io.StringIO("".join(block), newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    if len(rows) != 1 or len(rows[0]) != columns:
        return False
    inner = [line for line in (block if len(block) == 2 else block[1:-1]) if line.strip()]
    return not inner or not all(_looks_whole(line, delimiter, columns, kinds) for line in inner)


def _looks_whole(line: str, delimiter: str, columns: int, kinds: set[int]) -> bool:
    cells = line.rstrip("\r\n").split(delimiter) if line.count(_QUOTE) & 1 else split(line, delimiter)
    return len(cells) == columns and all(_VALUE.fullmatch(cells[i]) or not cells[i].strip() for i in kinds)


def _kinds(path: Path, delimiter: str, columns: int) -> set[int]:
    """Columns whose cells are numbers or days wherever they are filled, in the first lines."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        stream.readline()
        rows = [
            split(line, delimiter) for line in (stream.readline() for _ in range(_SAMPLE)) if line.strip()
        ]
    rows = [row for row in rows if len(row) == columns]
    return {
        i
        for i in range(columns)
        if any(row[i].strip() for row in rows)
        and all(_VALUE.fullmatch(row[i]) or not row[i].strip() for row in rows)
    }


def _requoted(line: str, delimiter: str, columns: int) -> str:
    """One line with its lone quotation mark as a character; as it is where it is no row at all."""
    text = line.rstrip("\r\n")
    for cells in (_cells(text, delimiter), text.split(delimiter)):
        if len(cells) == columns:
            quoted = (
                _QUOTE + cell.replace(_QUOTE, _QUOTE * 2) + _QUOTE if _QUOTE in cell else cell
                for cell in cells
            )
            return delimiter.join(quoted) + line[len(text) :]
    return text.replace(_QUOTE, "") + line[len(text) :]  # torn in any case: it must not take others along


def _cells(text: str, delimiter: str) -> list[str]:
    """Cells where well-formed quotations hold delimiters, and a lone mark holds nothing."""
    d = re.escape(delimiter)
    cells, at = [], 0
    whole = re.compile(rf'"((?:[^"]|"")*)"(?={d}|$)')
    while at <= len(text):
        if match := whole.match(text, at):
            cells.append(match[1].replace('""', _QUOTE))
            end = match.end()
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            cells.append(text[at:end])
        at = end + len(delimiter)
    return cells
