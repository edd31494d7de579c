"""A night from kept rows against a night that reads everything: the same base, saved, and its BTYD summary.

``python -m benchmarks.kept_rows [--customers 1000000] [--days 546] [--new 30000]`` draws purchases with
order ids and products in one Parquet file a day, opens them in full, adds a day of so many rows, and opens
them from what was kept. Each way runs in a process of its own. Printed are seconds of processor time,
ratios, peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_FIRST = np.datetime64("2025-01-01")
_LINES_PER_CUSTOMER = 2.55


def draw(folder: Path, number: int, rows: int, customers: int) -> None:
    """One day's purchases."""
    rng = np.random.default_rng(number)
    seconds = rng.integers(8 * 3600, 20 * 3600, rows).astype("timedelta64[s]")
    orders = np.sort(rng.integers(0, max(rows // 3, 1), rows))
    who = rng.integers(0, customers, max(rows // 3, 1))[orders]
    table = pa.table({
        "transaction_id": np.char.add(f"o{number}-", orders.astype("str")),
        "customer_id": np.char.add("c", who.astype("str")),
        "transaction_date": (_FIRST + number).astype("datetime64[us]") + seconds,
        "product_id": np.char.add("p", rng.integers(0, 2000, rows).astype("str")),
        "unit_quantity": rng.integers(1, 5, rows),
        "unit_spend": np.round(rng.gamma(2, 15, rows), 2),
    })  # fmt: skip
    place = folder / "transactions" / f"day={number:04}"
    place.mkdir(parents=True)
    pq.write_table(table, place / "rows.parquet")


def night(folder: Path, *, kept: bool) -> None:
    """In a process of its own: open, save and summarise; prints what it took."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses import btyd, rfm
    from crm_analytics.tables.row_store import RowStore

    store = RowStore(folder / "kept" / "rows") if kept else None
    steps, began = {}, time.process_time()
    base = CustomerBase.open(folder / "shop", today="2030-01-01", store=store)
    steps["open"] = time.process_time() - began
    with tempfile.TemporaryDirectory(dir=folder) as place:
        saved = CustomerBase.open(base.save(Path(place) / "saved"))
        steps["save"] = time.process_time() - began
        summary = btyd.summarize(saved)
        steps["summary"] = time.process_time() - began
        segments = rfm.score(saved).segments
    steps["rfm"] = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"steps": steps, "peak": peak, "reading": base.snapshot.reading, "hash": base.data_hash}
    told |= {"customers": summary.customer_count, "segments": segments.iloc[:, 1].sum().item()}
    print(json.dumps(told))


def measured(folder: Path, *, kept: bool) -> dict:
    """One night in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.kept_rows", "--night", str(folder)]
    done = subprocess.run(
        [*command, *(["--kept"] if kept else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def compare(customers: int, days: int, new: int) -> None:
    """Draw, open, add a day, open again both ways."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = int(customers * _LINES_PER_CUSTOMER)
        for number in range(days):
            draw(folder / "shop", number, rows // days, customers)
        first = measured(folder, kept=True)
        draw(folder / "shop", days, new, customers)
        ours, whole = measured(folder, kept=True), measured(folder, kept=False)
        if (ours["hash"], ours["customers"]) != (whole["hash"], whole["customers"]):
            raise SystemExit("the two nights differ")
        print(f"  {customers:,} customers, {rows:,} rows in {days} files, then {new:,} rows")
        for title, one in (("first night", first), ("from kept rows", ours), ("all rows read", whole)):
            steps, before = [], 0.0
            for step, until in one["steps"].items():
                steps.append(f"{step} {until - before:.2f}")
                before = until
            print(f"    {title:<15} {before:7.2f} s  peak {one['peak']:,.0f} MB  ({', '.join(steps)})")
        print(f"    {ours['reading']}")
        for step in ("open", "save", "rfm"):
            print(f"    up to {step}: 1/{whole['steps'][step] / ours['steps'][step]:.1f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=546)
    parser.add_argument("--new", type=int, default=30_000)
    parser.add_argument("--night", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.night:
        night(given.night, kept=given.kept)
        return
    compare(given.customers, given.days, given.new)


if __name__ == "__main__":
    main()
