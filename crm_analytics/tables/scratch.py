"""Files that live only as long as what reads them."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


def scratch_folder(owner: object) -> Path:
    """A private folder (mode 0700) that is removed when `owner` is gone, or the process ends."""
    folder = tempfile.mkdtemp(prefix="crm-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
