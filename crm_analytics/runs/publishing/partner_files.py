"""The files of tokens for partners that lie about: `crm forget` deletes those that may know somebody.

Where they lie stands in the project's log (`audit_trail`), written before the file is. A token tells nobody
who it is without the secret, so a file is deleted whole, and made again without whoever was forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from crm_analytics.runs.publishing import audit_trail, publish
from crm_analytics.tables.regular_files import open_regular

_TOKENS = "tokens"
_HEADER = b"partner_id,partner_name,token,"


def remember(root: Path, now: datetime, target: Path, source: str, rows: int) -> None:
    """Write down where a file will lie.

    Parameters
    ----------
    root : the project's folder
    source : as may be told

    Raises
    ------
    PublishError : it cannot be written; then no file must be made.
    """
    place = os.path.relpath(target.resolve(), root.resolve())
    audit_trail.record(root, now, _TOKENS, source=source, file=place, rows=rows)


def lying(root: Path) -> dict[Path, set[str]]:
    """The files that are still there, each with the names of the sources it was made from.

    Raises
    ------
    DataError : the project's log cannot be read.
    """
    found: dict[Path, set[str]] = {}
    for line in audit_trail.recorded(root, _TOKENS):
        path = Path(os.path.normpath(root / str(line.get("file", ""))))
        if _is_ours(path):
            found.setdefault(path, set()).add(str(line.get("source", "")))
    return found


def _is_ours(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def delete(paths: Iterable[Path]) -> None:
    """Delete files.

    Raises
    ------
    PublishError : one cannot be deleted.
    """
    for path in paths:
        with publish.in_words(path):
            path.unlink(missing_ok=True)
