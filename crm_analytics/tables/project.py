"""Where the project is, without importing anything heavy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT_VARIABLE = "CRM_PROJECT"  # set for kernels, which run in a folder of their own
MEMORY_VARIABLE = "CRM_MEMORY_MB"  # set for kernels with a limit on memory
LIBRARIES_MB = 400  # of such a limit, what a kernel with its libraries takes before it holds any data


@contextmanager
def limited_memory(megabytes: int | None) -> Iterator[None]:
    """Let engines that are opened inside take no more than a kernel with this limit would."""
    before = os.environ.get(MEMORY_VARIABLE)
    if megabytes is not None:
        os.environ[MEMORY_VARIABLE] = str(megabytes)
    try:
        yield
    finally:
        if megabytes is not None:
            os.environ.pop(MEMORY_VARIABLE)
            if before is not None:
                os.environ[MEMORY_VARIABLE] = before


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder upward that holds `notebooks/`, else the folder itself.

    Inside a report's kernel it is the folder the report was called from, not the kernel's own.
    """
    given = os.environ.get(PROJECT_VARIABLE)
    if start is None and given:
        return Path(given)
    here = (start or Path.cwd()).resolve()
    return next((p for p in (here, *here.parents) if (p / "notebooks").is_dir()), here)
