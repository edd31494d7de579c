"""Many reports in one command against `papermill` and `jupyter nbconvert` for each, one after the other.

``python -m benchmarks.night [--data cdnow] [--rounds 3] [--reports 10]`` prints median seconds and ratios
from one run, with the machine's load: on a busy machine only the ratios say something. Ours also checks,
publishes and pays the imports within the time; "once warm" is a report after the first two of that command.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import naive, seconds
from crm_analytics.runs.catalogue.catalogue import find_report

REPORTS = ("segments", "lifetime_value")
WAYS = ("crm run", "one command", "the same, cold", "naive commands")  # crm run: with two workers


def load() -> str:
    """The machine's load now."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def names(count: int) -> list[str]:
    """So many reports, the kinds in turn."""
    return [REPORTS[number % len(REPORTS)] for number in range(count)]


def make(count: int, data: str, out: Path) -> None:
    """In a process of its own: the reports by the machinery of a run, then seconds of each as JSON."""
    from crm_analytics.runs.report_run import RunRequest, run_reports

    now = datetime.now(UTC)
    wanted = [RunRequest(n, now, data=data, out=out, slug=f"run-{i}") for i, n in enumerate(names(count))]
    results = list(run_reports(wanted))
    if any(r.exit_code for r in results):
        raise SystemExit("\n".join(r.message for r in results if r.exit_code))
    print(json.dumps([r.seconds for r in results]))


def ours(count: int, data: str, folder: Path, cold: bool = False) -> tuple[float, list[float]]:
    """Wall time of one command for so many reports, and what each of them took."""
    command = [sys.executable, "-m", "benchmarks.night", "--make", str(count), "--data", data]
    environment = {k: v for k, v in os.environ.items() if k not in ("CRM_DISPLAY", "CRM_COLD")}
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(folder / "reports")],
        capture_output=True,
        text=True,
        check=False,
        env=environment | ({"CRM_COLD": "1"} if cold else {}),
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - began, json.loads(done.stdout)


def by_schedule(count: int, data: str, folder: Path) -> float:
    """Wall time of ``crm run`` with two workers for so many reports."""
    folder.mkdir()
    lines = [
        f'out = "{folder}/reports"',
        "workers = 2",
        "[source.shop]",
        f'path = "{Path("data", data).resolve()}"',
    ]
    for number, name in enumerate(names(count)):
        lines += ["[[report]]", f'name = "{name}"', 'source = "shop"', f'slug = "run-{number}"']
    (folder / "crm.toml").write_text("\n".join(lines), encoding="utf-8")
    return seconds([[sys.executable, "-m", "crm_analytics.cli", "run", str(folder / "crm.toml")]])


def naively(count: int, data: str, folder: Path) -> list[float]:
    """Wall time of the two commands for each report, one report after the other."""
    taken = []
    for number, name in enumerate(names(count)):
        place = folder / f"naive-{number}"
        place.mkdir()
        taken.append(seconds(naive(find_report(name).path, data, place)))
    return taken


def compare(count: int, data: str, rounds: int) -> None:
    """Print medians and ratios; each way goes first every other round."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    warm: list[float] = []
    one_naive: list[float] = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for way in list(taken) if number % 2 else list(taken)[::-1]:
                if way == "crm run":
                    taken[way].append(by_schedule(count, data, folder / "scheduled"))
                elif way == "naive commands":
                    each = naively(count, data, folder)
                    taken[way].append(sum(each))
                    one_naive.append(statistics.mean(each))
                else:
                    spent, each = ours(count, data, folder / way.replace(" ", "-"), cold="cold" in way)
                    taken[way].append(spent)
                    if way == "one command" and count > 2:
                        warm.append(statistics.mean(each[2:]))
    print(f"  {count} reports on {data}, {rounds} rounds, {load()}")
    medians = {way: statistics.median(found) for way, found in taken.items()}
    for way, found in taken.items():
        ratio = medians[way] / medians["naive commands"]
        print(f"    {way:<16} {medians[way]:7.2f} s  ({min(found):.2f} to {max(found):.2f})  {ratio:.2f} x")
    if warm:
        ratio = statistics.median(warm) / statistics.median(one_naive)
        print(f"    one report once warm: {statistics.median(warm):.2f} s, {ratio:.2f} x naive (goal: 0.5)")
    else:
        print("    goal: at most 0.7 x")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="cdnow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reports", type=int, default=10)
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.data, given.out)
        return
    print(f"  {load()} before the first")
    compare(2, given.data, given.rounds)
    compare(given.reports, given.data, max(given.rounds // 3, 1))


if __name__ == "__main__":
    main()
