"""Files that live only as long as what reads them."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

PREFIX = "crm-scratch-"  # then the owner's process id: what a killed process left is swept by the next run


def scratch_folder(owner: object) -> Path:
    """A private folder (mode 0700) that is removed when `owner` is gone, or the process ends."""
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
