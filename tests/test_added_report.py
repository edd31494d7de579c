"""A report that is added is found by every lane: nothing but its notebook has to be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.all_reports import NOTEBOOKS, ROOT

# The tests of each lane that must name the report, by how their ids begin.
LANES = {
    "in process": "tests/reports/test_every_report.py::test_report_keeps_the_laws_of_a_page[",
    "order of sections": "tests/reports/test_every_report.py::test_notebook_shows_every_section_once",
    "privacy": "tests/privacy/test_canaries.py::test_report_tells_of_nobody[",
    "determinism": "tests/determinism/test_same_bytes.py::test_report_is_the_same_bytes_under",
    "browser": "tests/browser/test_reports.py::test_published_report_is_whole_quiet_and_readable",
    "thin notebooks": "tests/notebooks/test_notebooks.py::test_cells_are_thin[",
    "parameters": "tests/notebooks/test_notebooks.py::test_reports_declare_their_question",
    "nbval": "notebooks/",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests and notebooks of this project, and one report more."""
    root = tmp_path_factory.mktemp("added")
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "tests", root / "tests", ignore=ignored)
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# Toy\n\nIs it found?"),
        new.new_code_cell('data: str = "cdnow"\nas_of: str = ""', metadata={"tags": ["parameters"]}),
    ]
    nbformat.write(new.new_notebook(cells=cells), root / "notebooks" / "99_toy.ipynb")
    return root


def called(project: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "PYTEST_"))}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=project, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def collected(project: Path) -> list[str]:
    """The ids of all tests of all lanes."""
    quiet = ("--collect-only", "-q", "-p", "no:cacheprovider")
    folders = sorted({lane.split("::")[0] for lane in LANES.values() if lane.startswith("tests/")})
    ids = called(project, "pytest", *quiet, "-m", "", *folders).splitlines()
    return ids + called(project, "pytest", *quiet, "--nbval", "--nbval-current-env", "notebooks").splitlines()


@pytest.mark.parametrize("lane", LANES)
def test_a_report_that_is_added_is_found_by_every_lane(collected: list[str], lane: str) -> None:
    of_lane = [name for name in collected if name.startswith(LANES[lane])]
    assert [name for name in of_lane if "segments" in name]
    assert [name for name in of_lane if "toy" in name]


def test_a_report_that_is_added_is_made_with_all(project: Path) -> None:
    said = called(project, "crm_analytics.cli", "report", "--all", "--help-parameters")
    assert "toy: Toy" in said.splitlines()
