"""Who took a person out, or turned a pseudonym back, and when: one line of JSON each, and never whom.

The file `.crm-audit.jsonl` stands beside the project's key, open to its owner alone. Lines are only added.
"""

from __future__ import annotations

import getpass
import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_analytics.errors import DataError
from crm_analytics.runs.publishing import publish
from crm_analytics.tables.regular_files import append_line, read_bytes

FILE = ".crm-audit.jsonl"


def record(root: Path, now: datetime, what: str, **facts: Any) -> None:
    """Add a line; it is on the disk when this returns.

    Parameters
    ----------
    root : the project's folder
    now : when
    what : "forget", "reveal" ...
    facts : counts and names of sources; never an id or pseudonym

    Raises
    ------
    PublishError : it cannot be written; then what was to be logged must not be done.
    """
    line = {"when": now.isoformat(timespec="seconds"), "who": _user(), "what": what, **facts}
    path = root / FILE
    with publish.in_words(path):
        append_line(path, json.dumps(line, ensure_ascii=False), 0o600)


def recorded(root: Path, *what: str) -> list[dict[str, Any]]:
    """The lines about something, the oldest first; a line that a killed command tore is passed over.

    Raises
    ------
    DataError : something is there that cannot be read.
    """
    try:
        text = read_bytes(root / FILE).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DataError(f"{root / FILE} cannot be read ({reason}): it says what was done") from None
    found = []
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            about = json.loads(line)
            found += [about] if isinstance(about, dict) and about.get("what") in what else []
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return str(os.getuid())
