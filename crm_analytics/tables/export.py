"""What leaves the house: pseudonyms instead of ids, and CSV that a spreadsheet cannot run."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.project_key import KEY_FILE, ensure_key, project_key
from crm_analytics.tables.regular_files import open_regular, replace_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEY_FILE", "ensure_key", "project_key", "pseudonyms", "read_csv", "write_csv"]

# What begins a cell that some spreadsheet takes for a formula; marks that it may skip before, and
# apostrophes, which are our own escape, included. A cell is also what follows a separator *inside* a text:
# a spreadsheet set up for semicolons splits there.
_FORMULA = re.compile(r"[\s\"'\ufeff\u200b]*[=+\-@＝＋－＠]")
_SPLIT = re.compile(r"([,;|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029])")
_BREAK = re.compile(r"'*[\t\r\n]")
_PHONE = re.compile(r"\+[1-9]\d{3,14}")  # E.164: a spreadsheet reads a number in it, never a formula


def pseudonyms(ids: Iterable[str | None], key: bytes) -> list[str | None]:
    """Names for customers that only the holder of the key can turn back.

    Parameters
    ----------
    ids : customer ids as text; None and NaN become None
    key : at least 16 bytes, from `project_key`

    Returns
    -------
    ``"c-"`` and 10 letters or digits for each id, the same for the same id and key

    Source
    ------
    HMAC-SHA256 (RFC 2104), its first 50 bits in base32 (RFC 4648).

    Examples
    --------
    >>> pseudonyms(["00123", "123", None], b"0123456789abcdef")
    ['c-7hyaehqnce', 'c-yypqgwhk4k', None]
    """
    if len(key) < 16:
        raise PublishError(f"the key for pseudonyms has {len(key)} bytes, it needs at least 16")
    return [None if not isinstance(one, str) else _pseudonym(one, key) for one in ids]


def _pseudonym(one: str, key: bytes) -> str:
    digest = hmac.digest(key, one.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return "c-" + base64.b32encode(digest[:10]).decode("ascii")[:10].lower()


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a frame as UTF-8 CSV in which no text is a formula.

    Wherever a text or column name, or a part of it behind a separator (comma, semicolon, tab, bar, line
    break: a spreadsheet may split there, whatever stands in quotes), begins with ``= + - @`` or a full-width
    form of these, an apostrophe goes before it; `read_csv` takes it away. A phone number in the international
    form (``+`` and 4 to 15 digits) stays as it is, because mail tools need it so. Numbers stay numbers, NULL
    and the empty text are both empty cells. The file is on the disk whole or not at all, and others cannot
    read it.

    Raises
    ------
    PublishError : the file cannot be written.
    """
    target = Path(path)
    safe = frame.copy(deep=False)
    for position, dtype in enumerate(frame.dtypes):
        if not _is_plain(dtype):
            column = frame.iloc[:, position].astype("object")
            safe.isetitem(position, column.map(_neutral, na_action="ignore").array)
    safe.columns = [_neutral(str(c)) for c in frame.columns]
    text = safe.to_csv(index=False, lineterminator="\r\n")  # so that both are quoted
    try:
        replace_whole(target, text.encode("utf-8"), 0o640)
    except OSError as error:
        raise PublishError(f"{target} cannot be written ({error.strerror})") from None
    return target


def read_csv(path: str | Path, *, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read what `write_csv` wrote: texts without the apostrophe, empty cells as NULL.

    Parameters
    ----------
    path : a file of `write_csv`
    numbers : columns to read as numbers; all others stay text, so that "00123" keeps its zeros

    Raises
    ------
    DataError : the file is not UTF-8 CSV, or a column of `numbers` holds something else.
    """
    import pandas as pd

    csv.field_size_limit(2**31 - 1)
    try:
        with io.TextIOWrapper(open_regular(Path(path)), encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error):
        raise DataError(f"{path} is not a CSV file in UTF-8") from None
    columns = [_plain(c) for c in header]
    frame = pd.DataFrame([[_plain(c) if c else None for c in r] for r in rows], columns=columns, dtype="str")
    for name in numbers:
        try:
            frame[name] = pd.to_numeric(frame[name])
        except (KeyError, ValueError):
            raise DataError(f"{path}: there is no column '{name}' of numbers") from None
    return frame


def _is_plain(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "biufcmM"


def _neutral(value: Any) -> Any:
    """A text in which no part between separators begins like a formula; `_plain` gives it back."""
    if not isinstance(value, str) or _PHONE.fullmatch(value):
        return value
    parts = _SPLIT.split(value)
    parts[::2] = [f"'{part}" if _FORMULA.match(part) else part for part in parts[::2]]
    made = "".join(parts)
    return "'" + made if _BREAK.match(made) else made


def _plain(text: str) -> str:
    if _PHONE.fullmatch(text):
        return text
    if text.startswith("'") and _BREAK.match(text[1:]):
        text = text[1:]
    parts = _SPLIT.split(text)
    parts[::2] = [p[1:] if p.startswith("'") and _FORMULA.match(p[1:]) else p for p in parts[::2]]
    return "".join(parts)
