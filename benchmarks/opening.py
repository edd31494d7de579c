"""Opening purchases: a CSV file beside DuckDB's own `read_csv`, and Parquet beside an earlier checkout.

    python -m benchmarks.opening
    python -m benchmarks.opening --earlier /path/to/checkout

Both sides take turns in one run, each opening in a fresh process; the ratio is that of the medians of their
processor time, all threads together, which other work on the machine disturbs less than the clock. DuckDB
only reads the file into a table with guessed types. Opening also decides each column from all values, casts
by the contract, looks for broken rows and weighs what was lost.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

_OURS = """
import sys, time
from crm_analytics import CustomerBase
CustomerBase.open(sys.argv[2])
start = time.process_time()
base = CustomerBase.open(sys.argv[1])
assert base.counts["rows"] > 0
print(time.process_time() - start)
"""
_DUCKDB = """
import sys, time
import duckdb
start = time.process_time()
con = duckdb.connect()
con.execute("CREATE TABLE lines AS SELECT * FROM read_csv(?)", [sys.argv[1]])
assert con.execute("SELECT count(*), sum(unit_spend) FROM lines").fetchone()[0] > 0
print(time.process_time() - start)
"""


def write_purchases(folder: Path, customers: int, rows: int) -> None:
    """The same purchases as CSV and as Parquet, and a small file to warm up with."""
    con = duckdb.connect()
    con.execute(
        f"CREATE TABLE lines AS SELECT 'c' || (hash(i) % {customers})::VARCHAR AS customer_id, "
        f"TIMESTAMP '2024-01-01' + INTERVAL (i % 720) DAY + INTERVAL (hash(i + 7) % 86400) SECOND "
        f"AS transaction_date, ((hash(i + 1) % 100000) / 100)::DECIMAL(18, 2) AS unit_spend "
        f"FROM range({rows}) t(i)"
    )
    for name in ("lines.csv", "lines.parquet"):
        con.execute(f"COPY lines TO '{folder / name}'")
    con.execute(f"COPY (FROM lines LIMIT 1000) TO '{folder / 'small.csv'}'")


def seconds(script: str, place: Path, small: Path, checkout: Path | None = None) -> float:
    """One opening in a process of its own, imports and a first small opening not counted."""
    path = {} if checkout is None else {"PYTHONPATH": str(checkout)}
    call = [sys.executable, "-c", script, str(place), str(small)]
    found = subprocess.run(call, env={**os.environ, **path}, capture_output=True, text=True, check=True)
    return float(found.stdout.split()[-1])


def ratio(folder: Path, name: str, other: str, times: int, checkout: Path | None = None) -> float:
    """Our median over that of the other side, which takes turns with ours."""
    small = folder / "small.csv"
    ours, theirs = [], []
    for turn in range(times):
        for mine in (True, False) if turn % 2 else (False, True):
            one = seconds(_OURS if mine else other, folder / name, small, None if mine else checkout)
            (ours if mine else theirs).append(one)
    spread = ", ".join(f"{a / b:.2f}" for a, b in zip(ours, theirs, strict=True))
    print(f"  {statistics.median(ours):.2f} s and {statistics.median(theirs):.2f} s; by turns {spread}")
    return statistics.median(ours) / statistics.median(theirs)


def main() -> None:
    """Print the ratios."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--rows", type=int, default=2_550_000)
    asked.add_argument("--times", type=int, default=5)
    asked.add_argument("--earlier", type=Path, help="A checkout of an earlier commit.")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_purchases(folder, given.customers, given.rows)
        print(f"{given.rows:,} rows of {given.customers:,} customers")
        print(f"CSV beside DuckDB's read_csv: {ratio(folder, 'lines.csv', _DUCKDB, given.times):.2f} times")
        if given.earlier is not None:
            found = ratio(folder, "lines.parquet", _OURS, given.times, given.earlier)
            print(f"Parquet beside the earlier checkout: {found:.2f} times")


if __name__ == "__main__":
    main()
