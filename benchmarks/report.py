"""One report against `papermill` and `jupyter nbconvert` on the same notebook, run in turn.

``python -m benchmarks.report [REPORT] [--data cdnow] [--rounds 5]`` prints median seconds and ratio.
The naive commands neither check nor publish, and their page needs the network; ours does and needs none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crm_analytics.runs.catalogue.catalogue import find_report

BIN = Path(sys.executable).parent


def ours(report: str, data: str, folder: Path) -> list[list[str]]:
    """What a person types with this package."""
    return [[str(BIN / "crm"), "report", report, "--data", data, "--out", str(folder / "reports")]]


def naive(notebook: Path, data: str, folder: Path) -> list[list[str]]:
    """What a person types without it."""
    executed = str(folder / "executed.ipynb")
    return [
        [str(BIN / "papermill"), str(notebook), executed, "-p", "data", data, "--no-progress-bar"],
        [str(BIN / "jupyter"), "nbconvert", "--to", "html", "--no-input", executed],
    ]


def seconds(commands: list[list[str]]) -> float:
    """Wall time of commands one after the other."""
    environment = {k: v for k, v in os.environ.items() if k != "CRM_DISPLAY"}
    began = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - began


def compare(report: str, data: str, rounds: int) -> float:
    """Print both medians and give back their ratio."""
    notebook = find_report(report).path
    taken: dict[str, list[float]] = {"crm report": [], "papermill + nbconvert": []}
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pair = [("crm report", ours(report, data, folder))]
            pair.append(("papermill + nbconvert", naive(notebook, data, folder)))
            for label, commands in pair if number % 2 else reversed(pair):
                spent = seconds(commands)
                if number:  # the first round only fills the disk's cache
                    taken[label].append(spent)
    medians = {label: statistics.median(found) for label, found in taken.items()}
    for label, found in taken.items():
        print(
            f"  {label:<22} {medians[label]:6.2f} s   ({min(found):.2f} to {max(found):.2f}, {rounds} rounds)"
        )
    ratio = medians["crm report"] / medians["papermill + nbconvert"]
    print(f"  one report, {report} on {data}: {ratio:.2f} x the naive commands (goal: at most 0.9)")
    return ratio


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", nargs="?", default="segments")
    parser.add_argument("--data", default="cdnow")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    compare(given.report, given.data, given.rounds)


if __name__ == "__main__":
    main()
