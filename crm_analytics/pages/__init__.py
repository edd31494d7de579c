"""How anything is shown: blocks, figures, words, the page. Knows no CRM.

Reports stood here up to version 0.1. Notebooks that still import one from here are told its new place.
"""

import sys
from types import ModuleType
from typing import Any

from crm_analytics.errors import MovedError

_MOVED = {
    name: f"crm_analytics.reports.{name}"
    for name in (
        "audit",
        "campaigns",
        "channels",
        "churn",
        "journey",
        "lifecycle",
        "lifetime_value",
        "profiles",
        "segments",
    )
} | {"provenance": "crm_analytics.reports.shared.provenance"}


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        place, _, module = _MOVED[name].rpartition(".")
        raise MovedError(f"{name} has moved: write `from {place} import {module}` in place of this import")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Moved(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules[__name__].__getattr__(self.__name__.rpartition(".")[2])


for _name in _MOVED:
    sys.modules[f"{__name__}.{_name}"] = _Moved(f"{__name__}.{_name}")
