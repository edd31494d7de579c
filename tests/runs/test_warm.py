"""Kernels forked from a process with the imports: fresh, alone and gone afterwards."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from crm_analytics.errors import LimitError
from crm_analytics.runs.kernels import engine
from crm_analytics.runs.kernels.kernel import Kernel, private_folder
from crm_analytics.runs.kernels.warm_kernels import WarmKernels

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="warm kernels are for Linux")

TOUCH = """\
import os, random, sys, math, numpy, pandas, duckdb
import crm_analytics.errors as ours
ours.left_behind = 1
os.environ["LEFT_BEHIND"] = "1"
sys.modules["left_behind"] = sys
sys.path.append("/left-behind")
random.seed(1), numpy.random.seed(1)
os.chdir("/")
math.pi = 3
pandas.set_option("display.max_rows", 7)
duckdb.sql("create table left_behind as select 1")
"""
LOOK = """\
import os, random, sys, math, numpy, pandas, duckdb
import crm_analytics.errors as ours
seen = {
    "global": hasattr(ours, "left_behind"), "env": "LEFT_BEHIND" in os.environ,
    "modules": "left_behind" in sys.modules, "path": "/left-behind" in sys.path, "pi": int(math.pi * 1000),
    "cwd": os.path.basename(os.getcwd()), "rows": pandas.get_option("display.max_rows"),
    "tables": len(duckdb.sql("show tables").fetchall()), "name": "TOUCHED" in globals(),
    "blas": os.environ.get("OPENBLAS_NUM_THREADS"), "display": os.environ["CRM_DISPLAY"],
    "hash": hash("a"), "argv": len(sys.argv), "exists": "numpy" in sys.modules,
}
"""
SEE = "print(seen)"
DRAW = "import random, numpy\nprint([random.random(), float(numpy.random.rand())])"


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmKernels]:
    with WarmKernels() as kernels:
        yield kernels
    assert kernels.process is not None
    assert kernels.process.poll() == 0  # it ended by itself


@pytest.fixture
def folder() -> Iterator[Path]:
    made = private_folder()
    yield made
    shutil.rmtree(made)


def notebook(*cells: str) -> nbformat.NotebookNode:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    node.metadata.kernelspec = {"name": "python3", "display_name": "Python", "language": "python"}
    return node


def printed(
    cells: tuple[str, ...], warm: WarmKernels | None, limit: float = 60, memory: int | None = None
) -> Any:
    """What the last cell printed, as a value."""
    folder = private_folder()
    try:
        with Kernel(folder, warm=warm, limit_memory_mb=memory) as kernel:
            executed = engine.execute(notebook(*cells), {}, engine.Run(kernel, limit))
            assert kernel.is_warm == (warm is not None and warm.process is not None)
    finally:
        shutil.rmtree(folder)
    return ast.literal_eval("".join(o.text for o in executed.cells[-1].outputs))


def parent_of(warm: WarmKernels) -> psutil.Process:
    assert warm.process is not None
    return psutil.Process(warm.process.pid)


def test_the_parent_has_one_thread_no_port_and_no_inherited_file(warm: WarmKernels) -> None:
    printed(("print(1)",), warm)
    parent = parent_of(warm)
    assert parent.num_threads() == 1
    assert parent.net_connections(kind="inet") == []
    assert parent.children() == []


def test_what_a_kernel_changes_is_not_seen_by_the_next_nor_differs_from_a_cold_one(warm: WarmKernels) -> None:
    cold = printed((LOOK, SEE), None)
    printed((TOUCH, "TOUCHED = 1", "print(1)"), warm)
    assert printed((LOOK, SEE), warm) == cold
    assert cold["cwd"] == "work"
    assert cold["tables"] == 0


def test_two_kernels_draw_other_numbers(warm: WarmKernels) -> None:
    first, second = printed((DRAW,), warm), printed((DRAW,), warm)
    assert set(first).isdisjoint(second)


def test_kernels_at_the_same_time(warm: WarmKernels) -> None:
    found: list[int] = []
    cell = "import os, time\ntime.sleep(0.5)\nprint(os.getpid())"
    engine.import_notebook_tools()

    def work() -> None:
        found.append(printed((cell,), warm))
        asyncio.get_event_loop().close()  # Jupyter opens one in every thread and leaves it

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2


@pytest.mark.parametrize("how", ["kernel", "parent"])
def test_a_kernel_killed_from_outside_is_known_within_five_seconds(folder: Path, how: str) -> None:
    told = folder / "pid"
    cell = f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    with WarmKernels() as warm, Kernel(folder, warm=warm) as kernel:
        assert warm.process is not None

        def kill() -> None:
            while not told.exists() or not told.read_text():
                time.sleep(0.02)
            killed.append(time.monotonic())
            os.kill(int(told.read_text()) if how == "kernel" else warm.process.pid, signal.SIGKILL)  # type: ignore[union-attr]

        killed: list[float] = []
        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(LimitError, match="ended before its time"):
            engine.execute(notebook(cell), {}, engine.Run(kernel))
        assert time.monotonic() - killed[0] < 5
        thread.join()
        gone(int(told.read_text()))


def gone(pid: int) -> None:
    until = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_time_runs_out_and_what_the_cell_started_goes_too(warm: WarmKernels, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    cell = (
        "import subprocess, time\np = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(told)!r}, 'w').write(str(p.pid))\ntime.sleep(60)"
    )
    with pytest.raises(LimitError, match="within 3 seconds"):
        printed((cell,), warm, limit=3)
    gone(int(told.read_text()))


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
def test_memory_runs_out_and_the_words_say_the_limit(warm: WarmKernels, is_warm: bool) -> None:
    with pytest.raises(LimitError, match="700 MB") as caught:
        printed(("x = bytearray(900_000_000)", "print(1)"), warm if is_warm else None, memory=700)
    assert caught.value.exit_code == 5


def test_a_limit_of_one_kernel_is_not_the_next_ones(warm: WarmKernels) -> None:
    look = "import resource\nprint(resource.getrlimit(resource.RLIMIT_DATA)[0])"
    assert printed((look,), warm, memory=900) == 900_000_000
    assert printed((look,), warm) == -1


def test_cold_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_COLD", "1")
    with WarmKernels() as warm:
        assert warm.process is None
        assert warm.start([], {}, "/", os.devnull) is None


def test_cold_when_the_parent_dies_at_its_start(folder: Path) -> None:
    with WarmKernels() as warm:
        assert warm.process is not None
        os.kill(warm.process.pid, signal.SIGKILL)
        with Kernel(folder, warm=warm) as kernel:
            executed = engine.execute(notebook("print(1)"), {}, engine.Run(kernel))
            assert not kernel.is_warm
    assert executed.cells[-1].outputs[0].text == "1\n"


def test_a_caller_that_is_killed_leaves_no_process(folder: Path) -> None:
    import subprocess
    import sys

    script = (
        "import json, os, sys, time\nfrom crm_analytics.runs.kernels.warm_kernels import WarmKernels\n"
        "warm = WarmKernels().__enter__()\n"
        f"argv = ['kernel_main', '-f', {str(folder / 'k.json')!r}]\n"
        "k = warm.start(argv, dict(os.environ), '/', os.devnull)\n"
        "assert k.settled()\nprint(json.dumps([warm.process.pid, k.pid]), flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pids = json.loads(caller.stdout.readline())
        caller.kill()
    for pid in pids:
        gone(pid)


def creep(warm: WarmKernels, runs: int) -> tuple[int, int, int]:
    """Growth of the parent's memory (bytes) and files, and of ours, over runs after the first three."""
    parent, us = parent_of(warm), psutil.Process()
    for _ in range(3):
        printed(("print(1)",), warm)
    before = parent.memory_info().rss, parent.num_fds(), us.num_fds()
    for _ in range(runs):
        printed(("print(1)",), warm)
    after = parent.memory_info().rss, parent.num_fds(), us.num_fds()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def assert_no_creep(warm: WarmKernels, runs: int) -> None:
    memory, parents_files, our_files = creep(warm, runs)
    assert memory < 5_000_000
    assert parents_files == 0
    assert our_files <= 2
    assert parent_of(warm).children() == []
    here = Path(os.environ.get("TMPDIR", "/tmp"))
    assert not list(here.glob(f"crm-run-{os.getpid()}-*"))


def test_runs_leave_nothing_behind(warm: WarmKernels) -> None:
    assert_no_creep(warm, 5)


@pytest.mark.weekly
def test_a_hundred_runs_leave_nothing_behind(warm: WarmKernels) -> None:
    assert_no_creep(warm, 100)


def test_the_engine_spills_before_the_limit(warm: WarmKernels) -> None:
    cell = (
        "from crm_analytics.tables.embedded_engine import embedded_engine\n"
        "con = embedded_engine().con\n"
        "print(repr(con.sql(\"select current_setting('memory_limit')\").fetchone()[0]))\n"
    )
    assert printed((cell,), warm, memory=1400) == "476.8 MiB"
