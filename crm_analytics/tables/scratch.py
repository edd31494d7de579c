"""Files that live only as long as what reads them."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PREFIX = (
    "crm-scratch-"  # then the owner's process id: what a killed process left is swept by the next command
)
RUN_PREFIX = "crm-run-"
WORKERS_PREFIX = "crm-workers-"  # for the socket that workers are started by: no customers' rows


def sweep(places: Iterable[Path] = ()) -> None:
    """Remove the private folders of processes that were killed: they hold customers' rows.

    Parameters
    ----------
    places : where to look besides the folder for temporary files
    """
    for place in {Path(tempfile.gettempdir()), *places}:
        for prefix in (RUN_PREFIX, WORKERS_PREFIX, PREFIX):
            for left in place.glob(f"{prefix}*-*"):
                owner = left.name.removeprefix(prefix).split("-")[0]
                with suppress(OSError):
                    if owner.isdigit() and not _alive(int(owner)) and left.stat().st_uid == os.getuid():
                        shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def scratch_folder(owner: object) -> Path:
    """A private folder (mode 0700) that is removed when `owner` is gone, or the process ends."""
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
