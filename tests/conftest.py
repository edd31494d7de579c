"""What tests of many areas share."""

from __future__ import annotations

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
