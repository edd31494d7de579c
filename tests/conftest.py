"""What tests of many areas share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from crm_analytics import CustomerBase
from crm_analytics.tables.company import TRUTH, write_company


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file stay on one worker, where they share what is dear, unless they name a group."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


def written_once(factory: pytest.TempPathFactory, worker: str, name: str, customers: int) -> Path:
    """A demo company that all workers of a run share: the first one writes it."""
    base = factory.getbasetemp()
    root = base if worker == "master" else base.parent
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not (folder / TRUTH).exists():
            write_company(folder, customers=customers)
    return folder


@pytest.fixture(scope="session")
def small_company_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo company with 1,500 customers: enough for every section to speak."""
    return written_once(tmp_path_factory, worker_id, "small-company", 1_500)


@pytest.fixture(scope="session")
def small_company(small_company_folder: Path) -> CustomerBase:
    """The small company, opened once; three years to the end of 2025."""
    return CustomerBase.open(small_company_folder, today="2026-01-01")


@pytest.fixture(scope="session")
def demo_company_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo company as a newcomer gets it, with truth.json and truth_customers.feather."""
    return written_once(tmp_path_factory, worker_id, "demo-company", 5_000)


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
