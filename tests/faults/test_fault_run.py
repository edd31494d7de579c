"""The fault run in its short form; its long form is run by hand, see RESULT.md.

`test_every_step.py` breaks each step of publishing, by a death among others, in every `make test`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.weekly
@pytest.mark.parametrize("kills", [10])
def test_kills_and_every_other_fault_leave_the_last_good_page_whole(tmp_path: Path, kills: int) -> None:
    command = [sys.executable, "-m", "tests.faults.fault_run", "--kills", str(kills), "--seed", "7"]
    command += ["--write", str(tmp_path / "RESULT.md")]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=3_600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Problems after {kills} kills and {kills} runs that followed: **0**" in done.stdout
