"""The process a report's cells run in: `python -m crm_analytics.pages.kernel_main -f CONNECTION`.

It first imports what the notebook is going to import, while the parent still checks the data; then it
is an ordinary IPython kernel. No name is bound in the notebook by this.
"""

from __future__ import annotations

import importlib
import os
from contextlib import suppress

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


def main() -> None:
    """Preload, then serve."""
    preload(os.environ.pop(PRELOAD_VARIABLE, ""))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
