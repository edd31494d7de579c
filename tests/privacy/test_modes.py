"""Who may read what a run leaves: nobody else, whatever the caller's umask is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.runs.kernels.kernel import private_folder
from crm_analytics.tables.export import ensure_key
from crm_analytics.tables.scratch import scratch_folder
from tests.faults.scene import Scene


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [pytest.param(0o000), pytest.param(0o077, marks=pytest.mark.slow)])
def test_published_files_and_private_folders_are_closed_to_others(tmp_path: Path, mask: int) -> None:
    scene = Scene.make(tmp_path / "p")
    before = os.umask(mask)
    try:
        run = scene.start(1)
        seen: dict[str, int] = {}
        while run.process.poll() is None:  # the folders that live only as long as the run
            for path in (scene.root / "t").iterdir():
                try:
                    seen[path.name] = mode(path)
                except FileNotFoundError:
                    continue
    finally:
        os.umask(before)
    assert run.finish()["code"] == 0
    assert seen
    assert 0o700 in seen.values()
    assert not {name for name, bits in seen.items() if bits & 0o077}, (
        seen
    )  # tempfile tries a folder with a file of 0600
    assert list((scene.root / "t").iterdir()) == []
    found = [scene.out, *scene.out.rglob("*")]
    assert len(found) > 10
    for path in found:
        wanted = 0o750 if path.is_dir() else 0o640
        assert mode(path) in {wanted, wanted & ~mask}, path


def test_key_and_private_folders_are_the_owners_alone(tmp_path: Path, umask: int) -> None:
    ensure_key(tmp_path)
    assert mode(tmp_path / ".crm-key") == 0o600

    class Owner:
        pass

    owner = Owner()
    folders = [private_folder(), scratch_folder(owner)]
    assert [mode(f) for f in folders] == [0o700, 0o700]
    folders[0].rmdir()
    del owner
    assert not folders[1].exists()


def test_what_the_engine_spills_lies_in_a_private_folder(tmp_path: Path, umask: int) -> None:
    (tmp_path / "t.csv").write_text("customer_id,transaction_date,unit_spend\na,2026-01-01,1\n")
    base = CustomerBase.open(tmp_path / "t.csv", today="2026-02-01")
    place = base.transactions.get_backend().raw_sql("SELECT current_setting('temp_directory')").fetchone()[0]
    assert mode(Path(place).parent) == 0o700
    assert Path(place).parent.name.startswith("crm-scratch-")


def test_rows_left_in_scratch_by_a_killed_process_go_with_the_next_run() -> None:
    code = "from crm_analytics.tables.scratch import scratch_folder\nimport os\n"
    code += "class O: pass\no = O()\nprint(scratch_folder(o), flush=True)\nos.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert left.parent == Path(tempfile.gettempdir())
    private_folder().rmdir()
    assert not left.exists()
