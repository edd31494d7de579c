"""What tests of many areas share."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from crm_analytics import CustomerBase
from crm_analytics.tables.company import TRUTH, write_company

HERE = Path(__file__).parent
# What makes whole reports, or takes long: folders and files.
THOROUGH = (
    "determinism", "faults", "notebooks", "nulls", "privacy", "reports", "runs",
    "analyses/attribution/test_channel_paths.py", "analyses/attribution/test_company_paths.py",
    "analyses/btyd/test_dert_family.py", "analyses/btyd/test_frozen_family.py",
    "analyses/btyd/test_frozen_models.py", "analyses/btyd/test_gamma_gompertz.py",
    "analyses/btyd/test_later_returns.py", "analyses/btyd/test_parameter_intervals.py",
    "analyses/btyd/test_uncertainty.py", "analyses/btyd/test_value_family.py",
    "analyses/campaigns/test_campaign_evaluation.py", "analyses/campaigns/test_campaign_lists.py",
    "analyses/churn/test_churn_features.py", "analyses/churn/test_churn_model.py",
    "analyses/churn/test_churn_training.py", "analyses/churn/test_own_features.py",
    "analyses/drivers/test_drivers.py", "analyses/equity/test_firm_equity.py", "analyses/equity/test_kpis.py",
    "analyses/forecasting", "analyses/identity/test_linkage.py", "analyses/pictures",
    "analyses/products/test_affinity.py", "analyses/products/test_products.py",
    "analyses/profiles/test_profiles.py", "analyses/referral/test_referrals.py",
    "analyses/scorecards/test_planted_faults.py", "analyses/scorecards/test_scorecards.py",
    "analyses/scores/test_customer_scores.py", "analyses/service/test_recovery.py",
    "analyses/service/test_tickets.py", "analyses/social/test_social.py", "analyses/test_cohorts.py",
    "analyses/test_customer_view.py", "analyses/test_filter_comparison.py", "tables/company/test_company.py",
    "tables/test_kept_rows.py", "tables/test_reading_laws.py", "tables/test_strange_files.py",
    "tables/test_unlike_files.py", "test_added_report.py", "test_cli_mcp.py", "test_cli_run.py",
    "test_plots_docs.py", "test_schedule_docs.py",
)  # fmt: skip


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests of a file stay on one worker, where they share what is dear, unless they name a group.

    Those of `THOROUGH` get that mark by their place. Marked as they are collected: xdist reads the groups
    before a hook of this file could change the list.
    """
    if any(item.path.is_relative_to(HERE / place) for place in THOROUGH):
        item.add_marker(pytest.mark.thorough)
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


def opened_once(folder: Path) -> CustomerBase:
    """A demo company whose dear results all workers of a run share, as the reports of one night do."""
    kept = folder.with_name(f"{folder.name}-kept")
    kept.mkdir(mode=0o700, exist_ok=True)
    return CustomerBase.open(folder, today="2026-01-01").keeping(kept)


@pytest.fixture(scope="session")
def small_company_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo company with 1,500 customers: enough for every section to speak."""
    return written_once(tmp_path_factory, worker_id, "small-company", 1_500)


@pytest.fixture(scope="session")
def small_company(small_company_folder: Path) -> CustomerBase:
    """The small company, opened once; three years to the end of 2025."""
    return opened_once(small_company_folder)


@pytest.fixture(scope="session")
def demo_company_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo company as a newcomer gets it, with truth.json and truth_customers.feather."""
    return written_once(tmp_path_factory, worker_id, "demo-company", 5_000)


@pytest.fixture(scope="session")
def demo_company(demo_company_folder: Path) -> CustomerBase:
    """The whole demo company, opened once; 5,000 customers, three years to the end of 2025."""
    return opened_once(demo_company_folder)


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


# One attack gives addresses on the command line: these two hosts are looked up there, and refused.
ASKED = ("db.example", "ann")
ASKING = "[a_password_on_the_command_line_is_not_repeated]"


@pytest.fixture(scope="session", autouse=True)
def attempts() -> Iterator[list[str]]:
    """Nothing here tries the network unasked: whoever does is stopped, and fails the tests at their end."""
    tried: list[str] = []
    patch = pytest.MonkeyPatch()

    def guarded(real: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(str(address[0])):
                tried.append(str(address))
                raise OSError(f"the tests forbid the network: {address}")
            return real(self, address)

        return connect

    real_look_up = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and name != socket.gethostname() and not _is_here(name):
            if name not in ASKED or ASKING not in os.environ.get("PYTEST_CURRENT_TEST", ""):
                tried.append(str(name))
            raise socket.gaierror(f"the tests forbid the network: {name}")
        return real_look_up(host, *arguments, **options)

    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
    patch.setattr(socket, "getaddrinfo", look_up)
    yield tried
    patch.undo()
    assert not tried, f"the network was tried: {tried}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host in ("localhost", "")
