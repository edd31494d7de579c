"""The demo company is drawn block by block: four times the customers take no more memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SCRIPT = """
import resource, sys
from pathlib import Path
from crm_analytics.tables.company import plan, write_company
plan.BLOCK = 5_000
write_company(Path(sys.argv[1]), customers=int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(folder: Path, customers: int) -> int:
    folder.mkdir()
    call = [sys.executable, "-c", SCRIPT, str(folder), str(customers)]
    return int(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def test_memory_does_not_grow_with_customers(tmp_path: Path) -> None:
    few, many = (peak(tmp_path / str(n), n) for n in (10_000, 40_000))
    assert many < 1.25 * few
