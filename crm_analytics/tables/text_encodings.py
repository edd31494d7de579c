"""What the bytes of a text file tell: its encoding, its line ends, and which signs of care it has."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Not in Western European text: three accented letters in a row, a sign or a capital inside a word.
_ODD = "¹¿¡¼¾¥£¤¦§¨¯±¶¸‚ƒ„†‡ˆ‰‹›˜™ŠŸŽŒÀ-ÖØ-Þ"
_FOREIGN = re.compile(rf"[À-ÖØ-öø-ÿ]{{3}}|[a-zà-öø-ÿ][{_ODD}][a-zà-öø-ÿ{_ODD}]|[‚ƒ][^\s,;\d]|z³")


@dataclass(frozen=True)
class TextFile:
    """What was seen in the bytes.

    Attributes
    ----------
    encoding : UTF-8 where the bytes are, UTF-16 by its mark or by its zeros, else Windows-1252 or Latin-1
    lines_alike : all lines end with the same sign
    quotes, escaped, formulas : there may be quotation marks, some behind a backslash, cells like ``="12"``
    doubtful : neither UTF-8 nor, by its words, Western European
    """

    encoding: str
    lines_alike: bool = False
    quotes: bool = True
    escaped: bool = True
    formulas: bool = True
    doubtful: bool = False


def look_through(path: Path) -> TextFile:
    """Read a file once and say what is in it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    returns = feeds = pairs = 0
    quotes = escaped = formulas = False
    before = b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            if not before and chunk.startswith(_UTF32_MARKS):  # the first of them begins as UTF-16 does
                return TextFile("utf-32")
            if not before and chunk.startswith(_UTF16_MARKS):
                return TextFile("utf-16")
            if not before and (wide := _wide(chunk)):
                return TextFile(wide)
            quotes = quotes or b'"' in chunk
            escaped = escaped or b'\\"' in chunk or (before.endswith(b"\\") and chunk.startswith(b'"'))
            formulas = formulas or b'="' in chunk or (before.endswith(b"=") and chunk.startswith(b'"'))
            returns, feeds = returns + chunk.count(b"\r"), feeds + chunk.count(b"\n")
            pairs += chunk.count(b"\r\n") + (before.endswith(b"\r") and chunk.startswith(b"\n"))
            before = chunk
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return _western(path)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _western(path)
    alike = returns == 0 or returns == feeds == pairs
    return TextFile("utf-8", alike, quotes, escaped, formulas)


def _wide(chunk: bytes) -> str:
    """UTF-16 without a mark: every second byte of Western text is zero."""
    sample = chunk[: 1 << 12]
    half = len(sample) // 2
    if half >= 8 and sample[1::2].count(0) > half * 0.7:
        return "utf-16-le"
    return "utf-16-be" if half >= 8 and sample[0::2].count(0) > half * 0.7 else ""


def _western(path: Path) -> TextFile:
    """Windows-1252 (Latin-1 with the euro sign); Latin-1, in doubt, where a byte is undefined there."""
    doubtful = False
    with path.open(encoding="cp1252", newline="") as stream:
        try:
            while text := stream.read(CHUNK):
                doubtful = doubtful or _FOREIGN.search(text) is not None
        except UnicodeDecodeError:
            return TextFile("latin-1", doubtful=True)
    return TextFile("cp1252", doubtful=doubtful)
