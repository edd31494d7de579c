"""Break runs of `crm report` at random moments and look what is left.

::

    python -m tests.faults.fault_run --kills 200 --seed 1 --write tests/faults/RESULT.md
    python -m tests.faults.fault_run --kills 40 --seed 3 --reports 3 --scheduled    # crm run, two workers

Half of the kills come at moments drawn uniformly over the time a whole run takes; the other half are
aimed: drawn uniformly over the time of publishing, counted from the first draft file on, which chance alone
would hit seldom. Two kills in four hit the process group, two the started process alone: what it had started
must find out by itself. After each kill the folder of reports is examined, then the next run must work.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.scene import Scene, Started, left_processes, problems

ORPHANS_END_WITHIN = 10.0  # seconds after the kill


@dataclass
class Tally:
    """What the kills came upon and what they did."""

    stages: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    orphans: list[float] = field(default_factory=list)


def drafts(scene: Scene) -> list[Path]:
    """Unfinished files of a run that publishes."""
    return [*scene.out.glob("*/*/runs/.part-*"), *scene.out.glob("*/*/.*.part"), *scene.out.glob(".*.part")]


def newest_run(scene: Scene) -> str:
    """The last finished run folder."""
    return max((p.name for p in scene.place.glob("runs/[!.]*")), default="")


def publishing_time(scene: Scene, number: int) -> float:
    """Seconds from the first draft file to the end of the process's writing."""
    run = scene.start(number)
    while not drafts(scene) and run.process.poll() is None:
        time.sleep(0.0005)
    began = time.perf_counter()
    index = scene.out / "index.html"
    before = index.stat().st_mtime_ns
    while index.stat().st_mtime_ns == before and run.process.poll() is None:
        time.sleep(0.0005)
    lasted = time.perf_counter() - began
    run.finish()
    return lasted


def kill_one(scene: Scene, run: Started, wait: float, *, aimed: bool, alone: bool) -> str:
    """Kill a run, `wait` seconds after its begin or after its first draft file; the stage it was in."""
    before = newest_run(scene), scene.number_of_page(), (scene.out / "index.html").stat().st_mtime_ns
    if aimed:
        while not drafts(scene) and run.process.poll() is None:
            time.sleep(0.0005)
        time.sleep(wait)
    else:
        time.sleep(max(wait - (time.perf_counter() - run.began), 0))
    ended = run.process.poll() is not None
    run.kill(alone=alone)
    if ended:
        return "after its end"
    if (scene.out / "index.html").stat().st_mtime_ns != before[2]:
        return "index written, process not ended"
    if scene.number_of_page() != before[1]:
        return "page replaced, index not yet"
    if newest_run(scene) != before[0]:
        return "run folder in place, page not yet"
    return "while writing the run folder" if drafts(scene) else "before publishing"


def orphans_end(scene: Scene) -> float:
    """Seconds until no process of the killed run is left."""
    began = time.perf_counter()
    while left_processes(scene.root) and time.perf_counter() - began < ORPHANS_END_WITHIN:
        time.sleep(0.05)
    return time.perf_counter() - began


def kills(scene: Scene, count: int, chance: random.Random, say: Callable[[str], None]) -> Tally:
    """Kill `count` runs; every one is followed by a run that must work."""
    tally = Tally()
    number = 0
    for number in range(2):
        tally.seconds.append(_must_work(scene, number, tally))
    publishing = max(publishing_time(scene, 2), publishing_time(scene, 3))
    number, good = 3, 3
    say(f"a whole run takes {tally.seconds[-1]:.1f} s, its publishing {1000 * publishing:.0f} ms")
    for kill in range(count):
        aimed, alone = kill % 2 == 1, kill % 4 > 1
        span = publishing if aimed else statistics.median(tally.seconds[-20:])
        number += 1
        stage = kill_one(scene, scene.start(number), chance.uniform(0, span), aimed=aimed, alone=alone)
        tally.stages[("aimed" if aimed else "uniform") + ": " + stage] += 1
        shown = scene.number_of_page()
        new_is_right = alone or stage not in {"before publishing", "while writing the run folder"}
        if shown not in ({good, number} if new_is_right else {good}):
            tally.problems.append(f"kill {kill}: the page is of run {shown}, not of {good} or {number}")
        if not alone:  # else workers may be publishing, and pruning what we would look at
            tally.problems += [f"kill {kill} ({stage}): {p}" for p in problems(scene.out)]
        tally.orphans.append(orphans_end(scene))
        if alone:
            tally.problems += [f"kill {kill} ({stage}): {p}" for p in problems(scene.out)]
        if left := left_processes(scene.root):
            tally.problems.append(f"kill {kill}: {len(left)} processes live on")
        number += 1
        tally.seconds.append(_must_work(scene, number, tally))
        good = number
        if kill % 20 == 19:
            say(f"{kill + 1} kills, {len(tally.problems)} problems")
    return tally


def _must_work(scene: Scene, number: int, tally: Tally) -> float:
    """A run without faults: published, nothing left over from those before."""
    began = time.perf_counter()
    line = scene.start(number).finish()
    lasted = time.perf_counter() - began
    wrong = problems(scene.out)
    if line["code"] != 0 or {scene.number_of_page(report) for report in scene.reports} != {number}:
        wrong.append(f"exit {line['code']}, page of run {scene.number_of_page()}: {line['stderr']}")
    wrong += [f"{p} was left" for p in drafts(scene)]
    wrong += [f"private folder {p.name} was left" for p in (scene.root / "t").iterdir()]
    tally.problems += [f"run {number}, not killed: {p}" for p in wrong]
    return lasted


# --- other faults -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """One fault and what came of it."""

    what: str
    expected: int
    code: int
    says: str
    wrong: list[str]


def one_fault(
    what: str, scene: Scene, expected: int, arguments: tuple[str, ...], prefix: tuple[str, ...] = ()
) -> Fault:
    """A run under a fault: its exit code and the last good page, which only a run that works may change."""
    page = scene.page_text()
    line = scene.start(77, *arguments, prefix=prefix).finish()
    wrong = problems(scene.out)
    code = int(str(line["code"]))
    if scene.page_text() != page and (expected != 6 or scene.number_of_page() != 77):
        wrong.append("the last good page has changed")
    if code != expected and not (expected == 6 and code == 0 and scene.number_of_page() == 77):
        wrong.append(f"exit {line['code']}, not {expected}: {line['stderr']}")
    if expected == 5 and not (scene.place / "failed.json").is_file():
        wrong.append("no failure was published")
    return Fault(what, expected, code, str(line.get("message", line["stderr"])), wrong)


def then_works(fault: Fault, scene: Scene, number: int) -> Fault:
    """The fault is over: the next run must work."""
    tally = Tally()
    _must_work(scene, number, tally)
    fault.wrong.extend(tally.problems)
    return fault


def limits(scene: Scene) -> list[Fault]:
    """Kernel killed, time and memory exceeded."""
    found = [
        one_fault("kernel killed in mid cell (kill −9)", scene, 5, ("dead",)),
        one_fault("time limit of 4 s exceeded", scene, 5, ("slow", "4")),
    ]
    if shutil.which("prlimit"):
        prefix = ("prlimit", "--as=6000000000")
        found.append(one_fault("memory limit of 6 GB exceeded", scene, 5, ("greedy",), prefix))
    found.append(one_fault("a cell raises", scene, 4, ("raises",)))
    return [then_works(fault, scene, 1000 + n) for n, fault in enumerate(found)]


def full_disk(root: Path) -> list[Fault]:
    """Reports on a disk of 24 MB that is filled but for a few blocks; from some size on the run fits."""
    disk = root / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        return []
    try:
        scene = Scene.make(root / "full", out=disk / "reports")
        scene.start(0).finish()
        found = []
        for kilobytes in (0, 4, 8, 16, 24, 32, 40, 48, 64, 80, 100):
            with suppress(OSError), (disk / "fill").open("wb", buffering=0) as fill:
                while True:
                    fill.write(bytes(4096))
            left = os.open(disk / "fill", os.O_WRONLY)
            os.ftruncate(left, max((disk / "fill").stat().st_size - 1024 * kilobytes, 0))
            os.close(left)
            fault = one_fault(f"disk full but for {kilobytes} kB", scene, 6, ("fine",))
            (disk / "fill").unlink()
            found.append(then_works(fault, scene, 2000 + kilobytes))
        return found
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def read_only(root: Path) -> list[Fault]:
    """The folder of reports cannot be written: a read-only mount for root, else mode 0500."""
    scene = Scene.make(root / "closed")
    scene.start(0).finish()
    what = "folder of reports read-only"
    if os.getuid() != 0:
        folders = [scene.out, *[p for p in scene.out.rglob("*") if p.is_dir()]]
        for folder in folders:
            folder.chmod(0o500)
        fault = one_fault(what, scene, 6, ("fine",))
        for folder in folders:
            folder.chmod(0o750)
    else:
        mounts = [["mount", "--bind", scene.out, scene.out], ["mount", "-o", "remount,ro,bind", scene.out]]
        if any(subprocess.run(m, capture_output=True, check=False).returncode for m in mounts):
            return []
        fault = one_fault(what, scene, 6, ("fine",))
        subprocess.run(["umount", "-l", scene.out], check=False)
    return [then_works(fault, scene, 3000)]


# --- telling ------------------------------------------------------------------------------------------------


def table(tally: Tally, faults: list[Fault], arguments: argparse.Namespace, names: tuple[str, ...]) -> str:
    """The result as Markdown."""
    from crm_analytics.runs.publishing.manifest import versions

    count = sum(tally.stages.values())
    used = versions()
    lines = [
        "# What broken runs leave behind",
        "",
        f"Made by `python -m tests.faults.fault_run --kills {arguments.kills} --seed {arguments.seed}"
        f"{' --reports ' + str(arguments.reports) if arguments.reports > 1 else ''}"
        f"{' --scheduled' if arguments.scheduled else ''}`",
        f"with Python {used['python']}, papermill {used.get('papermill')}, {os.cpu_count()} cores, "
        f"{sys.platform}.",
        "",
        f"A run is `crm {'run' if arguments.scheduled else 'report'}` of {' '.join(names)} on twenty",
        "purchases; its process group,",
        "or half of the times the started process alone, is killed with signal 9.",
        "“Uniform”: at a moment drawn over the time a run takes. “Aimed”: drawn over the time of publishing,",
        "from the first draft file on. After each kill: `report.html` has the sha256 that a manifest records",
        "and is the page of the last good run (or already that of the killed one), `index.html` parses, its",
        "links lead somewhere, every pointer names a whole run, no process lives on. Then the next run must",
        "publish, and leave no draft, no held lock and no private folder.",
        "",
        "| moment of the kill | kills |",
        "|---|---:|",
        *[f"| {stage} | {number} |" for stage, number in sorted(tally.stages.items())],
        f"| **in all** | **{count}** |",
        "",
        f"Problems after {count} kills and {count} runs that followed: **{len(tally.problems)}**. "
        f"A run took {statistics.median(tally.seconds):.1f} s (median; the longest "
        f"{max(tally.seconds):.1f} s).",
    ]
    if tally.orphans:
        lines += [
            f"The kernel, in a process group of its own, was gone {statistics.median(tally.orphans):.1f} s "
            f"(median; at most {max(tally.orphans):.1f} s) after its parent.",
        ]
    lines += [
        "",
        *[f"- {p}" for p in tally.problems],
        "",
        "| fault | exit | last good page, status, next run |",
    ]
    lines += ["|---|---:|---|"]
    lines += [f"| {f.what} | {f.code} | {'; '.join(f.wrong) or 'whole, told, works'} |" for f in faults]
    lines += ["", "What was said:", "", *[f"- {f.what}: “{_plain(f.says)}”" for f in faults]]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    text = " ".join(text.split())
    for folder in {tempfile.gettempdir(), "/tmp"}:
        start = text.find(f"{folder}/crmf-")
        while start >= 0:
            end = text.find("/reports", start)
            text = text[:start] + "…" + text[end if end >= 0 else len(text) :]
            start = text.find(f"{folder}/crmf-")
    return text


def main() -> int:
    """Run and tell; exit 1 where anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--reports", type=int, default=1, help="in one command: from two on with warm kernels"
    )
    parser.add_argument("--scheduled", action="store_true", help="by `crm run` with two workers")
    parser.add_argument("--write", type=Path, help="the file for the table; stdout if not given")
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    folder = Path(tempfile.mkdtemp(prefix="crmf-", dir="/tmp"))
    try:
        scene = Scene.make(folder / "k", reports=arguments.reports, scheduled=arguments.scheduled)
        tally = kills(scene, arguments.kills, random.Random(arguments.seed), say)
        limited = Scene.make(folder / "l", scheduled=arguments.scheduled)
        limited.start(0).finish()
        faults = [*limits(limited), *full_disk(folder), *read_only(folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = table(tally, faults, arguments, scene.reports)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    print(text)
    return 1 if tally.problems or any(f.wrong for f in faults) else 0


if __name__ == "__main__":
    sys.exit(main())
