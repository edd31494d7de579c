"""The project's key: it turns customer ids into pseudonyms, and back for whoever holds it.

The key is part of what was published with it. Its fingerprint stands in every record of a run and of a wave,
so that another key is noticed and never taken for the right one.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from crm_analytics.errors import ParameterError, PublishError
from crm_analytics.tables.project import project_folder

KEY_FILE = ".crm-key"
KEY_BYTES = 32
_LONGEST = 1024  # bytes of the file: a key has 65


def fingerprint(key: bytes) -> str:
    """16 hex characters that tell one key from another and say nothing of it.

    Source
    ------
    HMAC-SHA256 (RFC 2104) of a fixed text, its first 64 bits.

    >>> fingerprint(b"0123456789abcdef")
    '1d36496c0054085c'
    """
    return hmac.digest(key, b"crm-analytics: fingerprint of a key", "sha256")[:8].hex()


def read_key(root: Path | str) -> bytes | None:
    """The key of the project in `root`, or None where there is none; nothing is made.

    Raises
    ------
    PublishError : the file cannot be read, or does not hold a key.
    """
    path = Path(root) / KEY_FILE
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if not path.is_file():
            raise PublishError(f"{path} is no file, or a link that leads nowhere: the key must be a file")
        with path.open("rb") as file:
            key = _key_in(file.read(_LONGEST))
        if (
            path.stat().st_mode & 0o077 and not path.is_symlink()
        ):  # what a link leads to is not ours to change
            path.chmod(0o600)
    except OSError as error:
        raise PublishError(f"{path}: the key for pseudonyms cannot be used ({error.strerror})") from None
    if key is None:
        raise PublishError(
            f"{path} does not hold a key for pseudonyms. Bring back the file from your copy, or delete it: "
            "a new key is made then, and earlier pseudonyms cannot be turned back"
        )
    return key


def ensure_key(root: Path | str) -> bytes:
    """The key of the project in `root`; a new one is made where there is none.

    The file `.crm-key` is readable by its owner alone. Whoever holds it can turn pseudonyms back, and
    without it nobody can: keep a copy where you keep passwords, never in git.

    Raises
    ------
    PublishError : the file cannot be made or read, or does not hold a key.
    """
    found = read_key(root)
    if found is None:
        _write(Path(root) / KEY_FILE, secrets.token_bytes(KEY_BYTES))
        found = read_key(root)  # of two runs at once both get the one that came first
    assert found is not None
    return found


def project_key() -> bytes:
    """The key of the project we are in; see `ensure_key`."""
    return ensure_key(project_folder())


def export_key(root: Path | str, target: Path) -> str:
    """Copy the project's key to a file that only its owner can read; gives its fingerprint.

    Raises
    ------
    ParameterError : there is no key, or a file stands there already.
    PublishError : the file cannot be written.
    """
    key = read_key(root)
    if key is None:
        raise ParameterError(f"there is no key {KEY_FILE} in {root} to export")
    if target.exists() or target.is_symlink():
        raise ParameterError(f"{target} is there already: choose a name that is free")
    _write(target, key)
    return fingerprint(key)


def import_key(root: Path | str, source: Path) -> str:
    """Take a key from a copy into a project that has none, or has this one; gives its fingerprint.

    Raises
    ------
    ParameterError : the file holds no key, or the project has another one.
    PublishError : the key cannot be written.
    """
    try:
        if not source.is_file():
            raise ParameterError(f"there is no file {source}")
        with source.open("rb") as file:
            key = _key_in(file.read(_LONGEST))
    except OSError as error:
        raise ParameterError(f"{source} cannot be read ({error.strerror})") from None
    if key is None:
        raise ParameterError(f"{source} does not hold a key: 64 hex characters in one line")
    own = read_key(root)
    if own is not None and own != key:
        raise ParameterError(
            f"{Path(root) / KEY_FILE} is another key ({fingerprint(own)}). Move it away first if it is the "
            "wrong one: without it, what was made with it cannot be turned back"
        )
    if own is None:
        _write(Path(root) / KEY_FILE, key)
    return fingerprint(key)


def _key_in(content: bytes) -> bytes | None:
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _write(path: Path, key: bytes) -> None:
    """Write beside the place and link into it, so that two runs at once get the same key."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                return
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise PublishError(f"{path}: the key for pseudonyms cannot be made ({error.strerror})") from None
