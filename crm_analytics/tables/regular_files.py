"""Files that end: what never ends or never begins (a pipe, a device) is refused before it is waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from crm_analytics.errors import DataError, ParameterError

MOST_SETTINGS = 1 << 20  # bytes of a file of settings: a crm.toml, a mapping
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_OF_THE_SYSTEM = ("/proc", "/sys")


def check_regular(path: Path) -> None:
    """Refuse what is neither a file nor a folder, links followed; a path where nothing is passes.

    Raises
    ------
    DataError : a pipe, a device, a socket, or a file that the system makes up when it is read.
    """
    try:
        mode, place = path.stat().st_mode, os.path.realpath(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{path.name} cannot be looked at ({reason})") from None
    for is_kind, name in _KINDS:
        if is_kind(mode):
            raise DataError(
                f"{path.name} is {name}, not a file: save what comes out of it, and give the file"
            )
    if any(place == top or place.startswith(f"{top}/") for top in _OF_THE_SYSTEM):
        raise DataError(f"{path.name} is no file of data: the system makes it up when it is read")


def read_text(path: Path, most: int, encoding: str = "utf-8-sig") -> str:
    """The text of a small file.

    Parameters
    ----------
    most : bytes it may have

    Raises
    ------
    ParameterError : it is no file, or a larger one.
    OSError, UnicodeDecodeError : as `Path.read_text`.
    """
    try:
        check_regular(path)
    except DataError as error:
        raise ParameterError(str(error)) from None
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ParameterError(f"{path.name} is larger than such a file can be ({most >> 10:,} KB)")
    return content.decode(encoding)
