"""What leaves the house: pseudonyms instead of ids, and CSV that a spreadsheet cannot run."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.project import project_folder

if TYPE_CHECKING:
    import pandas as pd

KEY_FILE = ".crm-key"
KEY_BYTES = 32

# A cell that begins so is a formula to some spreadsheet; apostrophes before it are our own escape.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


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


def ensure_key(root: Path | str) -> bytes:
    """The key of the project in `root`; a new one is made where there is none.

    The file `.crm-key` is readable by its owner alone. Whoever holds it can turn pseudonyms back, and
    without it nobody can: keep a copy where you keep passwords, never in git.

    Raises
    ------
    PublishError : the file cannot be made or read, or does not hold a key.
    """
    path = Path(root) / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii").strip()
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    except OSError as error:
        raise PublishError(f"{path}: the key for pseudonyms cannot be used ({error.strerror})") from None
    if len(key) != KEY_BYTES:
        raise PublishError(
            f"{path} does not hold a key for pseudonyms. Bring back the file from your copy, or delete it: "
            "a new key is made then, and earlier pseudonyms cannot be turned back"
        )
    return key


def _make_key(path: Path) -> None:
    """Write a new key beside and link it into place, so that two runs at once get the same one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


def project_key() -> bytes:
    """The key of the project we are in; see `ensure_key`."""
    return ensure_key(project_folder())


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a frame as UTF-8 CSV in which no text is a formula.

    Texts and column names that begin with ``= + - @``, a tab, a line break or a full-width form of these
    get a leading apostrophe; `read_csv` takes it away. Numbers stay numbers, NULL and the empty text are
    both empty cells. The file appears whole or not at all, and others cannot read it.

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
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            safe.to_csv(file, index=False, lineterminator="\r\n")  # so that both are quoted
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
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
        with Path(path).open(encoding="utf-8", newline="") as file:
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
    return "'" + value if isinstance(value, str) and _FORMULA.match(value) else value


def _plain(text: str) -> str:
    return text[1:] if _ESCAPED.match(text) else text
