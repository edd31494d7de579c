"""The process a report's cells run in: `python -m crm_analytics.runs.kernels.kernel_main -f CONNECTION`.

It first imports what the notebook is going to import, while the parent still checks the data; then it
is an ordinary IPython kernel. No name is bound in the notebook by this.
"""

from __future__ import annotations

import importlib
import os
from contextlib import suppress

from crm_analytics.tables.project import MEMORY_VARIABLE

PRELOAD_VARIABLE = "CRM_PRELOAD"


def preload(names: str) -> None:
    """Import modules and their attributes (``"pandas,crm_analytics:CustomerBase"``) ahead of time.

    What cannot be imported is left to the cell that wants it, so that the error arises there.
    """
    for name in filter(None, names.split(",")):
        module, _, attribute = name.partition(":")
        with suppress(Exception):
            found = importlib.import_module(module)
            if attribute and not hasattr(found, attribute):
                importlib.import_module(f"{module}.{attribute}")


def limit_memory(megabytes: str) -> None:
    """Let this process hold no more data than that; asking for more is then a `MemoryError`.

    Memory that is only reserved, mapped files and shared libraries do not count (RLIMIT_DATA). Where the
    system knows no such limit there is none.
    """
    if megabytes:
        with suppress(ImportError, ValueError, OSError):
            import resource

            most = int(megabytes) * 1_000_000
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> None:
    """Limit and preload, then serve."""
    limit_memory(os.environ.get(MEMORY_VARIABLE, ""))
    preload(os.environ.pop(PRELOAD_VARIABLE, ""))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
