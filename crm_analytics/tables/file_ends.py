"""How a text file ends: with a row, with lines of a footer, or in the middle of a line.

A copy that broke off, or a disk that was full, leaves a last line that is short, or whose last value lacks
its end. A whole last line may lack its line end; that alone says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.tables.csv_layout import TAIL, split

_QUOTE = '"'
_MOST = 20  # lines of a footer
_FEWEST, _MANY = 10, 50  # lines that show how a last value is written; whole numbers of one width
_WIDE = 3  # signs of a value
_BLOCK = 4096  # bytes in which files are copied


@dataclass(frozen=True)
class FileEnd:
    """What stands at the end of a file.

    Attributes
    ----------
    footer : lines below the last row that have other cells than the table, and may be its footer
    cut : how it shows that the file breaks off; empty where it does not
    """

    footer: int = 0
    cut: str = ""


def look_at_end(path: Path, delimiter: str, columns: int) -> FileEnd:
    """The end of a UTF-8 file of a table with so many columns."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - TAIL))
        text = stream.read().decode("utf-8", errors="replace")
    open_end = not text.endswith(("\n", "\r"))
    lines = [line for line in text.splitlines()[1:] if line.strip()]  # never the header, nor half a line
    if columns < 2 or len(lines) < 2:
        return FileEnd()
    rows = [split(line, delimiter) for line in lines]
    whole = [len(row) == columns or (len(row) > columns and not any(row[columns:])) for row in rows]
    short = next((i for i, one in enumerate(reversed(whole)) if one), len(whole))
    if open_end and (how := _cut(lines, rows, whole, size)):
        return FileEnd(cut=how)
    if short == len(whole) or short > _MOST or any(_QUOTE in line for line in lines[len(lines) - short :]):
        return FileEnd()
    return FileEnd(footer=short)


def _cut(lines: list[str], rows: list[list[str]], whole: list[bool], size: int) -> str:
    """How the last line shows that the file breaks off in it."""
    last, above = rows[-1], [row for row, one in zip(rows[:-1], whole[:-1], strict=True) if one]
    if not whole[-2] or not above:
        return ""
    if lines[-1].count(_QUOTE) & 1 and not any(line.count(_QUOTE) & 1 for line in lines[:-1]):
        return "its last line opens a quotation mark and ends"
    if not whole[-1]:
        like = 1 < len(last) < len(above[0]) and all(map(_alike, last[:-1], above[-1]))
        return f"its last line has {len(last)} of {len(above[0])} values" if like else ""
    if _lacks_its_end(last[-1], [row[len(last) - 1] for row in above]):
        return "its last value lacks digits or letters that the others have"
    return "its size is that of whole blocks, and its last line has no end" if size % _BLOCK == 0 else ""


def _alike(cell: str, above: str) -> bool:
    """Whether two cells are a number each, or neither is: a row is cut, a sentence is none."""
    return bool(re.search(r"\d", cell)) == bool(re.search(r"\d", above)) or not above or not cell


def _lacks_its_end(last: str, above: list[str]) -> bool:
    """Whether the last value of a column is cut: fewer decimals, a shorter day or code, a part of a word."""
    filled = [cell for cell in above if cell]
    if len(filled) < _FEWEST or not last:
        return False
    decimals = {_decimals(cell) for cell in filled}
    if len(decimals) == 1 and (usual := decimals.pop()):
        return _decimals(last) < usual
    widths = {len(cell) for cell in filled}
    if len(widths) == 1 and (width := widths.pop()) >= _WIDE:
        return len(last) < width and (len(filled) >= _MANY or not last.isdigit())
    words = set(filled)
    return len(words) <= _MOST and last not in words and any(word.startswith(last) for word in words)


def _decimals(cell: str) -> int:
    """Digits behind the last point or comma of an amount."""
    found = re.fullmatch(r"[^A-Za-z]*\d[.,](\d*)\D{0,4}", cell)
    return len(found[1]) if found else 0
