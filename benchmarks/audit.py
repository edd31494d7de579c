"""The customer-base audit on a growing base: seconds per million rows, and the peak of the process.

``python -m benchmarks.audit [--customers 1000000]`` draws bases of a quarter, a half and the whole of so many
customers (purchases of a BG/NBD with the parameters of CDNOW, with unit costs; customers with a channel and
what they cost), opens each with all checks and runs every lens, each size in a process of its own. Linear
means: the same seconds per million rows at every size.
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
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.summary import TODAY, draw

GOAL = 6.0  # GiB
SPAN = "-26w"
CHANNELS = np.array(["search", "social", "referral", "shop"])


def write_base(folder: Path, customers: int, seed: int = 7) -> int:
    """Purchase lines with costs, and the customers' table; the number of lines."""
    rng = np.random.default_rng(seed)
    rows, lines, people = 0, None, None
    for drawn in draw(customers, seed):
        spend = drawn["unit_spend"].to_numpy()
        cost = np.round(spend * rng.uniform(0.4, 0.7, len(spend)), 2)
        table = drawn.append_column("unit_quantity", pa.array(np.ones(len(spend))))
        table = table.append_column("unit_cost", pa.array(cost))
        first = table.group_by("customer_id").aggregate([("transaction_date", "min")])
        listed = pa.table(
            {
                "customer_id": first["customer_id"],
                "created_at": pc.cast(first["transaction_date_min"], pa.timestamp("us")),
                "acquisition_channel": pa.array(CHANNELS[rng.integers(0, 4, len(first))]),
                "acquisition_cost": pa.array(np.round(rng.gamma(2, 5, len(first)), 2)),
            }
        )
        lines = lines or pq.ParquetWriter(folder / "transactions.parquet", table.schema)
        people = people or pq.ParquetWriter(folder / "customers.parquet", listed.schema)
        lines.write_table(table)
        people.write_table(listed)
        rows += table.num_rows
    for writer in (lines, people):
        if writer is not None:
            writer.close()
    return rows


def lenses() -> dict[str, Callable[[Any], object]]:
    """What the audit computes, by name."""
    from crm_analytics.analyses import audit
    from crm_analytics.analyses.cohorts import cohorts

    return {
        "spread of value": lambda base: audit.value_spread(base, SPAN),
        "change": lambda base: audit.change(base, SPAN),
        "acquisition": lambda base: audit.acquisition(base, 182),
        "cohorts": cohorts,
        "cohorts, monthly": lambda base: cohorts(base, "month"),
    }


def measure(folder: Path) -> None:
    """One cold run, as JSON: seconds of each part without the imports, and the peak of the process."""
    from crm_analytics import CustomerBase

    parts = lenses()
    seconds = {}
    began = time.perf_counter()
    base = CustomerBase.open(folder, today=TODAY)
    base = base.as_of(base.day)
    seconds["open and check"] = time.perf_counter() - began
    for name, lens in parts.items():
        began = time.perf_counter()
        assert lens(base) is not None, name
        seconds[name] = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "gib": peak / 2**20 / (1024 if sys.platform == "darwin" else 1)}))


def run(customers: int) -> dict[str, Any]:
    """Draw a base and audit it in a process of its own: rows, seconds by part, gib."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        rows = write_base(Path(name), customers)
        call = [sys.executable, "-m", "benchmarks.audit", "--measure", name]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=root)
        if done.returncode:
            raise SystemExit(done.stderr)
    return {"rows": rows, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    print(f"  load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("   customers        rows   seconds   s per 1M rows   peak memory")
    per_row = []
    for customers in (given.customers // 4, given.customers // 2, given.customers):
        found = run(customers)
        rows, total = found["rows"], sum(found["seconds"].values())
        per_row.append(total / rows * 1e6)
        print(
            f"{customers:>12,} {rows:>11,} {total:>9.2f} {per_row[-1]:>15.2f} {found['gib']:>9.2f} GiB",
            flush=True,
        )
        parts = ", ".join(f"{part} {took:.2f}" for part, took in found["seconds"].items())
        print(f"      {parts}", flush=True)
    ratio = per_row[-1] / per_row[0]
    print(f"  seconds per row, largest to smallest: {ratio:.2f} x (linear: 1); goal: {GOAL:.0f} GiB at most")


if __name__ == "__main__":
    main()
