"""What tests of many areas share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.company import write_company


@pytest.fixture(scope="session")
def demo_company_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company as a newcomer gets it, with truth.json and truth_customers.feather."""
    return write_company(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo_company(demo_company_folder: Path) -> CustomerBase:
    """The whole demo company, opened once; 5,000 customers, three years to the end of 2025."""
    return CustomerBase.open(demo_company_folder, today="2026-01-01")


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own as working folder: pseudonyms need its key."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("project")
    (folder / "notebooks").mkdir()
    patch.chdir(folder)
    patch.setenv("CRM_DISPLAY", "text")
    patch.delenv("CRM_PROJECT", raising=False)
    yield folder
    patch.undo()
