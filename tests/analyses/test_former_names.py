"""Modules are found by their names of version 0.1."""

from __future__ import annotations

import importlib

import pytest

from crm_analytics.analyses import btyd
from crm_analytics.analyses.former_names import FORMER


def test_every_former_name_gives_what_the_module_of_today_has_and_says_its_name() -> None:
    assert len(FORMER) > 100
    for old, today in FORMER.items():
        module, now = importlib.import_module(old), importlib.import_module(today)
        name = next(name for name in vars(now) if not name.startswith("_") and name != "annotations")
        with pytest.warns(DeprecationWarning, match=f"{old} is called {today} now"):
            assert getattr(module, name) is getattr(now, name)


def test_a_former_name_does_not_hide_the_function_of_a_facade() -> None:
    importlib.import_module("crm_analytics.analyses.btyd.evidence")
    assert callable(btyd.evidence)


def test_what_never_was_a_module_is_still_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("crm_analytics.analyses.campaigns.nothing")
