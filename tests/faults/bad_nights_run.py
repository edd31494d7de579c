"""Long bad nights, and their committed result.

::

    python -m tests.faults.bad_nights_run --steps 100000 --lists 2000 --write tests/faults/BAD_NIGHTS.md

Each machine runs in a process of its own. The lines of the result stand in the table of the file; the rest of
the file is left as it is. Real kernels are struck by `fault_run`, whose result is RESULT.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/faults"
MACHINES = {
    "steps": ("test_bad_nights.py", "CRM_BAD_NIGHTS", "reports and kept rows, a stub job"),
    "lists": ("test_bad_nights_of_lists.py", "CRM_BAD_LISTS", "contact lists, real waves"),
}
BEGIN, END = "<!-- result -->", "<!-- end of result -->"


def run(name: str, steps: int, seed: int) -> tuple[str, bool]:
    """The line of one machine, and whether its invariants held."""
    file, variable, what = MACHINES[name]
    command = [sys.executable, "-m", "pytest", "-q", "-x", f"--hypothesis-seed={seed}", f"{HERE}/{file}"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {variable: str(steps)}, check=False)
    minutes = (time.perf_counter() - began) / 60
    held = "held" if done.returncode == 0 else "**broken**"
    about = f"{date.today()}, Python {platform.python_version()}"
    return f"| {what} | {steps:,} | {seed} | {held} | {minutes:.1f} | {about} |", done.returncode == 0


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in (("steps", 100_000), ("lists", 2_000), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--write", type=Path, help="the file with the table; stdout if not given")
    given = parser.parse_args()
    made = [run(name, getattr(given, name), given.seed) for name in MACHINES if getattr(given, name)]
    head = "| what | steps | seed | invariants | minutes | when |\n|---|---:|---:|---|---:|---|\n"
    table = head + "\n".join(line for line, _ in made)
    print(table)
    if given.write:
        text = given.write.read_text(encoding="utf-8")
        new = re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{table}\n\n{END}", text, flags=re.DOTALL)
        given.write.write_text(new, encoding="utf-8")
    return 0 if all(held for _, held in made) else 1


if __name__ == "__main__":
    raise SystemExit(main())
