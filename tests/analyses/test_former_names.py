"""Modules are found by their names of version 0.1."""

from __future__ import annotations

import importlib

import pytest

from crm_analytics.analyses.former_names import FORMER


def test_every_former_name_gives_the_module_of_today_and_says_its_name() -> None:
    assert len(FORMER) > 100
    for old, today in FORMER.items():
        with pytest.warns(DeprecationWarning, match=f"{old} is called {today} now"):
            module = importlib.import_module(old)
        assert module is importlib.import_module(today)
        assert module.__spec__ is not None
        assert module.__spec__.name == module.__name__ == today


def test_what_never_was_a_module_is_still_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("crm_analytics.analyses.campaigns.nothing")
