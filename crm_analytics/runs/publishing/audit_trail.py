"""Who took a person out, or turned a pseudonym back, and when: one line of JSON each, and never whom.

The file `.crm-audit.jsonl` stands beside the project's key, open to its owner alone. Lines are only added.
"""

from __future__ import annotations

import getpass
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_analytics.runs.publishing import publish

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
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags, 0o600)
        try:
            os.write(handle, (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8"))
            os.fsync(handle)
        finally:
            os.close(handle)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return str(os.getuid())
