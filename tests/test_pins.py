"""The pins are complete, inside their ranges, and do not outlive their cause."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest
import sqlglot
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [line for group in PYPROJECT["optional-dependencies"].values() for line in group]
DIRECT = [Requirement(line) for line in [*PYPROJECT["dependencies"], *EXTRAS]]
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^;\s]+)\s*(;.*)?")


def pins() -> dict[str, list[Version]]:
    """Pinned versions by name; one name may be pinned more than once, for different platforms."""
    found: dict[str, list[Version]] = {}
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text:
            match = _PIN.fullmatch(text)
            assert match is not None, f"constraints.txt: {line!r} is no plain pin (no extras, no address)"
            found.setdefault(canonicalize_name(match[1]), []).append(Version(match[2]))
    return found


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_every_direct_dependency_is_pinned_inside_its_range(requirement: Requirement) -> None:
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned, f"constraints.txt does not pin {requirement.name}"
    assert all(requirement.specifier.contains(v) for v in pinned), f"{requirement} is pinned to {pinned}"


def test_constraints_name_no_registry() -> None:
    text = (PROJECT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", text, re.MULTILINE)


def test_the_engine_runs_on_the_pinned_set() -> None:
    wanted = {r.name: r.specifier for r in DIRECT if not r.extras}
    assert wanted["duckdb"].contains(duckdb.__version__)
    assert wanted["sqlglot"].contains(sqlglot.__version__)


def test_the_caps_on_duckdb_and_sqlglot_still_have_their_cause() -> None:
    """Ibis 12 breaks on DuckDB 2 and sqlglot 30. Once another Ibis is in, try the caps without, and go on."""
    assert version("ibis-framework").startswith("12.0."), (
        "Ibis has moved on from 12.0: try duckdb>=2 and sqlglot>=30 with it "
        "(list_tables and create_table(overwrite=True) failed), and lift the caps in pyproject.toml"
    )


def test_the_wheel_is_told_to_hold_the_package_and_its_notebooks() -> None:
    wheel = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    assert wheel["only-include"] == ["crm_analytics", "notebooks"]
    assert wheel["sources"] == {"notebooks": "crm_analytics/notebooks"}


@pytest.mark.thorough
def test_tests_of_a_file_stay_on_one_worker(tmp_path: Path) -> None:
    """Their dear fixtures would be made twice; pytest 9.2 with pytest-xdist 3.8 forgets every group."""
    (tmp_path / "conftest.py").write_text(
        "import os, pytest\n"
        "def pytest_itemcollected(item):\n"
        "    item.add_marker(pytest.mark.xdist_group(item.nodeid.split('::')[0]))\n"
        "def pytest_runtest_setup(item):\n"
        "    with open('ran', 'a') as ran:\n"
        "        ran.write(f\"{item.path.name} {os.environ['PYTEST_XDIST_WORKER']}\\n\")\n"
    )
    for name in ("test_a.py", "test_b.py", "test_c.py", "test_d.py"):
        (tmp_path / name).write_text("\n".join(f"def test_{k}(): pass" for k in range(12)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-p",
        "no:cacheprovider",
    ]
    subprocess.run([*command, "--no-loadscope-reorder"], cwd=tmp_path, check=True, capture_output=True)
    ran = (tmp_path / "ran").read_text().splitlines()
    assert len(ran) == 48
    assert len(set(ran)) == 4
