"""The secret two companies have agreed on: from the environment or a file, and from nowhere else.

It is no parameter of a report, because parameters are published, and it shows itself in no message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.project import project_folder
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import check_regular

VARIABLE, FILE_VARIABLE, FILE = "CRM_PARTNER_SECRET", "CRM_PARTNER_SECRET_FILE", ".crm-partner-secret"
LEAST_BYTES, MOST_BYTES = 16, 4096


@dataclass(frozen=True)
class Secret:
    """The agreed secret; neither its text nor its bytes are ever part of its representation.

    >>> Secret(b"sixteen or more bytes")
    Secret()
    """

    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hex characters by which both companies can tell that they have the same secret."""
        return fingerprint(self.key)


def partner_secret(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Secret | None:
    """The agreed secret, or None where none was set.

    Looked for in this order: the variable ``CRM_PARTNER_SECRET``, the file that ``CRM_PARTNER_SECRET_FILE``
    names, the file `.crm-partner-secret` of the project. White space at both ends is no part of it.

    Parameters
    ----------
    environment : variables; default those of the process
    folder : of the project; default the one we are in

    Raises
    ------
    ParameterError : it is shorter than 16 bytes, or the file cannot be read.

    >>> partner_secret({"CRM_PARTNER_SECRET": "sixteen or more bytes"}).fingerprint
    '395a105aed559320'
    """
    variables = os.environ if environment is None else environment
    if text := variables.get(VARIABLE, "").strip():
        return _checked(text.encode("utf-8"), f"the variable {VARIABLE}")
    named = variables.get(FILE_VARIABLE, "")
    path = Path(named).expanduser() if named else (folder or project_folder()) / FILE
    if not named and not path.exists():
        return None
    where = f"the file that {FILE_VARIABLE} names" if named else f"the file {FILE}"
    try:
        check_regular(path)
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ParameterError(f"{where} cannot be read ({error.strerror})") from None
    except DataError:
        raise ParameterError(f"{where} is no file: a pipe, or a device") from None
    return _checked(content.strip(), where)


def _checked(key: bytes, where: str) -> Secret:
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ParameterError(
            f"{where} holds a secret of {len(key):,} bytes: it needs {LEAST_BYTES} to {MOST_BYTES:,}. "
            "Agree on 32 random bytes, such as those of `openssl rand -hex 32`"
        )
    return Secret(key)
