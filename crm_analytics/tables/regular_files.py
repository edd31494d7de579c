"""Files that end: what never ends or never begins (a pipe, a device) is refused before it is waited for.

One door for reading (`open_regular`), one for a file put in its place whole (`replace_whole`), one for a line
added to a log (`append_line`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from crm_analytics.errors import DataError, ParameterError

MOST_SETTINGS = 1 << 20  # bytes of a file of settings: a crm.toml, a mapping
MOST_RECORD = 64 << 20  # bytes of a record in JSON: a manifest, a state
MOST_CONTENT = 1 << 30  # bytes of what is read whole: a page, a list, a notebook
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
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ParameterError(f"{path.name} is larger than such a file can be ({most >> 10:,} KB)")
    return content.decode(encoding)


def open_regular(path: Path) -> BufferedReader:
    """A file opened for reading, links followed, without waiting for anybody.

    Raises
    ------
    FileNotFoundError : nothing is there.
    OSError : it cannot be opened, is a pipe, a device, a socket or a folder, or a link leads nowhere (what
        was moved away is not what never was).
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if path.is_symlink() or path.parent.is_symlink():
            raise OSError(errno.EINVAL, "a link leads nowhere", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return os.fdopen(handle, "rb")


def read_bytes(path: Path, most: int = MOST_CONTENT) -> bytes:
    """The content of a file that this package or its user wrote.

    Parameters
    ----------
    most : bytes it may have

    Raises
    ------
    OSError : as `open_regular`, or it is larger.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "it is larger than such a file can be", str(path))
    return content


def read_record(path: Path) -> Any:
    """What a record in JSON says.

    Raises
    ------
    OSError : as `read_bytes`.
    ValueError : it is no JSON, not UTF-8, or nested without end.
    """
    try:
        return json.loads(read_bytes(path, MOST_RECORD).decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deep") from None


def sha256_of(path: Path) -> str:
    """64 hex characters of a file's content, read in pieces.

    Raises
    ------
    OSError : as `open_regular`.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_new(path: Path, content: bytes, mode: int) -> None:
    """A file where none is; on the disk when this returns.

    Parameters
    ----------
    mode : who may read it, less what the system's mask takes

    Raises
    ------
    OSError : it cannot be written, or something is there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC  # whatever stands there is not opened
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_whole(path: Path, content: bytes, mode: int) -> None:
    """Put a file in its place in one step: readers see the old one or the new one, whole.

    Whatever stands there but a folder is replaced, and never opened.

    Parameters
    ----------
    mode : who may read it, less what the system's mask takes

    Raises
    ------
    OSError : it cannot be written, or a folder is there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        write_new(draft, content, mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def append_line(path: Path, line: str, mode: int) -> None:
    """Add a line to a log; it is on the disk when this returns. A line that was torn before it stays apart.

    Parameters
    ----------
    mode : who may read the file where it is new

    Raises
    ------
    OSError : it cannot be written, or a pipe, a device, a socket, a link or a folder is there.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, mode)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        torn = about.st_size > 0 and os.pread(handle, 1, about.st_size - 1) != b"\n"
        content = (("\n" if torn else "") + line + "\n").encode("utf-8", "backslashreplace")
        while content:
            content = content[file.write(content) :]
        os.fsync(handle)
    if not about.st_size:
        sync(path.parent)


def sync(folder: Path) -> None:
    """Bring what was made and renamed in a folder to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
