"""`make bench`: every benchmark, one after the other, each as ratios from one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BENCHMARKS = ("btyd_fit", "summary", "report", "night", "audit", "journey")


def main() -> None:
    """Run each in a process of its own, so that none warms the next."""
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
