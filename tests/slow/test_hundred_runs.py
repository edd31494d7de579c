"""Ten reports, a hundred runs in one process: memory, files, threads, ports and processes do not creep."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from crm_analytics.runs.kernels.warm_kernels import WarmKernels
from crm_analytics.runs.report_run import RunRequest, Workshop, decide
from tests.faults.scene import Scene

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
ROUNDS, REPORTS = 10, 10


@dataclass(frozen=True)
class Use:
    """What the process and those it started hold; memory in MB."""

    memory: float
    files: int
    threads: int
    ports: int
    processes: int


def use() -> Use:
    mine = psutil.Process()
    family = [mine, *mine.children(recursive=True)]
    return Use(
        sum(p.memory_info().rss for p in family) / 1e6,
        sum(p.num_fds() for p in family),
        sum(p.num_threads() for p in family),
        sum(len(p.net_connections("inet")) for p in family),
        len(family),
    )


@pytest.mark.weekly
def test_a_hundred_runs_of_ten_reports_do_not_creep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene.make(tmp_path / "p")
    monkeypatch.chdir(scene.root)
    monkeypatch.setenv("TMPDIR", scene.environment["TMPDIR"])
    seen = []
    with WarmKernels() as warm, Workshop(warm) as shop:
        for number in range(ROUNDS):
            for slug in range(REPORTS):
                request = RunRequest(
                    str(scene.root / "notebooks" / "tiny.ipynb"),
                    NOW,
                    data=str(scene.root / "data" / "shop"),
                    out=scene.out,
                    slug=f"s{slug}",
                    keep=3,
                    parameters={"number": number},
                )
                assert shop.make(decide(request)).status == "done"
            seen.append(use())
    settled, last = seen[2], seen[-1]
    assert last.memory < 1.1 * settled.memory, seen
    assert astuple(last)[1:] <= tuple(n + 2 for n in astuple(settled)[1:]), seen
    assert last.ports == 0
    assert len(list(scene.out.glob("tiny/*/runs/*"))) == 3 * REPORTS
