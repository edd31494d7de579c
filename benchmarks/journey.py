"""Journeys and channels on a growing number of events: seconds per million, and the peak of the process.

``python -m benchmarks.journey [--events 10000000]`` draws a quarter, a half and the whole of so many events
(customers walk a Markov chain of twelve events, each by one of eight channels; every "Order Completed" is a
purchase), opens them with all checks, puts them in order, runs the views and attributes the purchases, each
size in a process of its own. Linear means: the same seconds per million events at every size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GOAL = 6.0  # GiB
TODAY = "2026-12-31"
NAMES = np.array([f"Step {chr(65 + i)}" for i in range(11)] + ["Order Completed"])
CHANNELS = np.array(["search", "email", "social", "display", "affiliate", "direct", "video", "partner"])
PER_CUSTOMER = 20  # events, on average
BLOCK = 1_000_000


def write_base(folder: Path, events: int, seed: int = 7) -> int:
    """Events in blocks of customers, and a purchase line for each order; the number of events."""
    rng = np.random.default_rng(seed)
    chances = np.cumsum(rng.dirichlet(np.full(len(NAMES), 0.7), len(NAMES)), axis=1)
    chances[:, -1] = 1.0
    rows, customer = 0, 0
    sink, lines = None, None
    while rows < events:
        lengths = rng.geometric(1 / PER_CUSTOMER, min(BLOCK, events - rows) // PER_CUSTOMER + 1)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        n = int(lengths.sum())
        state = np.empty(n, dtype=np.int64)
        now = rng.integers(0, len(NAMES), len(lengths))
        for k in range(int(lengths.max())):  # all customers take their k-th step together
            going = lengths > k
            state[starts[going] + k] = now[going]
            draws = rng.random(int(going.sum()))
            now[going] = (draws[:, None] > chances[now[going]]).sum(axis=1)
        seconds = rng.exponential(6 * 3600, n).astype("timedelta64[s]")
        running = np.cumsum(seconds.astype("int64"))
        since = running - np.repeat(running[starts], lengths)
        begun = rng.integers(0, 86_400 * 200, len(lengths))
        at = np.datetime64("2025-10-01T00:00:00") + (np.repeat(begun, lengths) + since).astype(
            "timedelta64[s]"
        )
        at = np.minimum(at, np.datetime64("2026-12-30T00:00:00")).astype("datetime64[us]")
        is_order = state == len(NAMES) - 1
        ids = np.char.add("c", np.arange(customer, customer + len(lengths)).astype("U9"))
        table = pa.table(
            {
                "customer_id": pa.array(np.repeat(ids, lengths)),
                "timestamp": pa.array(at),
                "event": pa.array(NAMES[state]),
                "channel": pa.array(CHANNELS[rng.integers(0, len(CHANNELS), n)]),
                "is_conversion": pa.array(is_order),
            }
        )
        bought = pa.table(
            {
                "customer_id": pa.array(np.repeat(ids, lengths)[is_order]),
                "transaction_date": pa.array(at[is_order]),
                "unit_spend": pa.array(np.round(rng.gamma(2, 10, int(is_order.sum())), 2)),
            }
        )
        sink = sink or pq.ParquetWriter(folder / "events.parquet", table.schema)
        lines = lines or pq.ParquetWriter(folder / "transactions.parquet", bought.schema)
        sink.write_table(table)
        lines.write_table(bought)
        rows, customer = rows + n, customer + len(lengths)
    for writer in (sink, lines):
        if writer is not None:
            writer.close()
    return rows


def views() -> dict[str, Callable[[Any], object]]:
    """What is measured of a journey, by name."""
    steps = ["Step A", "Step B", "Step C", "Order Completed"]
    return {
        "transitions": lambda made: made.transitions(),
        "funnel": lambda made: made.funnel(steps),
        "funnel within 7 days": lambda made: made.funnel(steps, within=7),
        "step matrix": lambda made: made.steps(),
        "metrics": lambda made: made.base.materialise(made.metrics()),
        "pattern": lambda made: made.base.materialise(made.matches("Step A->.*->[Step B|Step C]")),
        "conformance": lambda made: made.conformance(steps),
    }


def measure(folder: Path) -> None:
    """One cold run, as JSON: seconds of each part without the imports, and the peak of the process."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses.attribution.channel_paths import channel_paths
    from crm_analytics.analyses.journey import journey

    seconds = {}
    began = time.perf_counter()
    base = CustomerBase.open(folder, today=TODAY)
    seconds["open and check"] = time.perf_counter() - began
    began = time.perf_counter()
    made = journey(base, ["events"])
    seconds["put in order"] = time.perf_counter() - began
    for name, view in views().items():
        began = time.perf_counter()
        assert view(made) is not None, name
        seconds[name] = time.perf_counter() - began
    began = time.perf_counter()
    paths = channel_paths(base)
    seconds["paths of channels"] = time.perf_counter() - began
    began = time.perf_counter()
    assert len(paths.attribute(["markov", "shapley", "linear"]))
    seconds["markov, shapley, linear"] = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "gib": peak / 2**20 / (1024 if sys.platform == "darwin" else 1)}))


def run(events: int) -> dict[str, Any]:
    """Draw events and measure them in a process of its own: rows, seconds by part, gib."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        rows = write_base(Path(name), events)
        call = [sys.executable, "-m", "benchmarks.journey", "--measure", name]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=root)
        if done.returncode:
            raise SystemExit(done.stderr)
    return {"rows": rows, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    print(f"  load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; goal {GOAL} GiB")
    print("      events   seconds   s per 1M events   peak memory")
    for events in (given.events // 4, given.events // 2, given.events):
        found = run(events)
        rows, total = found["rows"], sum(found["seconds"].values())
        print(f"{rows:>12,} {total:>9.2f} {total / rows * 1e6:>17.2f} {found['gib']:>9.2f} GiB", flush=True)
        parts = ", ".join(f"{part} {took:.2f}" for part, took in found["seconds"].items())
        print(f"      {parts}", flush=True)


if __name__ == "__main__":
    main()
