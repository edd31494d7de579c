"""Accepted rows kept from one night to the next, by the file they came from.

::

    <folder>/state.json          what is kept of which part, and of what it was made
    <folder>/<token>/...         rows as Parquet, by part; customer-days by day and month, customers

`state.json` is replaced whole, after everything it names is on the disk: a kill leaves the state of before,
and files that the next write sweeps. The folder is private (0700) and holds customers' rows. How to rebuild
it: delete it, and the next night reads everything. How to forget a person: `crm forget` deletes it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from crm_analytics.tables.regular_files import read_record, write_new

SCHEMA = 3
REBUILD = "delete it: the next run reads everything"
FORGET = "crm forget ID --data SOURCE --yes"
_STATE = "state.json"


@dataclass(frozen=True)
class RowStore:
    """A place for the rows of one source.

    Attributes
    ----------
    folder : private, of this source alone
    key : fingerprint of the project's key
    code : digest of the code that checks rows; rows that other code accepted are read anew
    barred : which of some customer ids may not be kept, as they were forgotten; None where nobody was
    """

    folder: Path
    key: str = ""
    code: str = ""
    barred: Callable[[Iterable[str]], list[str]] | None = field(default=None, repr=False)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time reads and writes it; a second one waits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with FileLock(self.folder.with_name(f"{self.folder.name}.lock"), mode=0o600):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            yield

    def read(self) -> tuple[dict[str, Any] | None, str]:
        """The state, or None and in words why it cannot be used."""
        try:
            state = read_record(self.folder / _STATE)
            if state["schema"] != SCHEMA:
                return None, "the kept rows are of another version"
            if state["key"] != self.key:
                return None, "the key of the project changed"
            if state["code"] != self.code:
                return None, "the package's code changed"
            missing = [name for name in state["files"] if not (self.folder / name).is_file()]
            sizes = [
                state["files"][n] == (self.folder / n).stat().st_size for n in state["files"] if not missing
            ]
            if missing or not all(sizes):
                return None, "a file of the kept rows is missing or damaged"
        except FileNotFoundError:
            return None, "nothing was kept yet"
        except (OSError, ValueError, KeyError, TypeError):
            return None, "the kept rows cannot be read"
        return state, ""

    def draft(self) -> Path:
        """A new private folder for files that the next state names."""
        place = self.folder / secrets.token_hex(6)
        place.mkdir(mode=0o700)
        return place

    def write(self, state: dict[str, Any], files: Iterable[str], new: Path) -> None:
        """Put a state in the place of the one before, and sweep what it does not name.

        Parameters
        ----------
        files : that it names, below the folder
        new : the draft of those that were written now
        """
        named = sorted(files)
        for path in sorted(new.rglob("*"), reverse=True):
            if path.is_file():
                path.chmod(0o600)
            _sync(path)
        _sync(new)
        _sync(self.folder)
        about = {
            "schema": SCHEMA, "key": self.key, "code": self.code, "rebuild": REBUILD, "forget": FORGET,
            "files": {name: (self.folder / name).stat().st_size for name in named},
        }  # fmt: skip
        draft = self.folder / f".{_STATE}-{secrets.token_hex(4)}"
        write_new(draft, json.dumps(state | about).encode("ascii"), 0o600)
        draft.replace(self.folder / _STATE)
        _sync(self.folder)
        self.sweep(named)

    def tidy(self) -> None:
        """Remove what a write that failed left; the state of before stays."""
        state, _ = self.read()
        self.sweep([] if state is None else state["files"])

    def sweep(self, named: Iterable[str]) -> None:
        """Remove every file that a killed run or an earlier state left."""
        stays = {self.folder / name for name in named} | {self.folder / _STATE}
        for path in sorted(self.folder.rglob("*"), reverse=True):
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()  # only where it is empty
                elif path not in stays:
                    path.unlink()

    def clear(self) -> None:
        """Delete everything that is kept; the state goes first, so that nothing half deleted is used."""
        (self.folder / _STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
