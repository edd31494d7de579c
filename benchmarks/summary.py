"""From a Parquet file to the BTYD summary: this package beside lifetimes, in one run.

    python benchmarks/summary.py                          # 1M customers, ratio to lifetimes
    python benchmarks/summary.py --customers 10000000     # seconds per million rows, peak memory
    python benchmarks/summary.py --basket 10 --csv        # larger orders, as CSV

Purchases are drawn from a BG/NBD with the parameters of CDNOW, as shops have them: text ids, dates over 546
days in no order, an order id, and so many lines an order, each of a product with quantity and amount. Ours
opens the file with all its checks and reduces it to customers and cells; theirs reads the same file with
pandas, of it the three columns it needs, and calls `summary_data_from_transaction_data`. Warm medians of
three, alternating, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

DAYS = 546
FIRST_DAY = np.datetime64("1997-01-01")
BLOCK = 1_000_000  # customers drawn at once
BASKET, MOST_LINES = 2.4, 25  # lines an order, on average as in the demo company, and at most
PRODUCTS = 2_000
NEEDED = ["customer_id", "transaction_date", "unit_spend"]
TODAY = "2000-01-01"
_HERE = Path(__file__).resolve()


def draw(customers: int, seed: int, basket: float = BASKET) -> Iterator[pa.Table]:
    """Purchase lines of BG/NBD customers, in blocks; rows in random order within a block."""
    r, alpha, a, b = 0.2426, 4.4136 * 7, 0.7929, 2.4259
    rng = np.random.default_rng(seed)
    for start in range(0, customers, BLOCK):
        n = min(BLOCK, customers - start)
        first = rng.integers(0, DAYS // 2, n)
        rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
        who, when = [np.arange(n)], [first]
        alive, moment = np.arange(n), first.astype(float)
        while len(alive):
            if len(who) > 1:
                alive = alive[rng.random(len(alive)) >= leaves[alive]]
            moment[alive] += rng.exponential(1 / rate[alive])
            alive = alive[moment[alive] < DAYS]
            who.append(alive)
            when.append(moment[alive].astype("int64"))
        count = sum(map(len, who))
        order = np.repeat(np.arange(count), np.minimum(rng.geometric(1 / basket, count), MOST_LINES))
        order = rng.permutation(order)
        ids = pa.array(np.char.add("C", np.char.zfill((np.concatenate(who)[order] + start).astype(str), 8)))
        dates = FIRST_DAY + np.concatenate(when)[order].astype("timedelta64[D]")
        yield pa.table({
            "transaction_id": pa.array(np.char.add(f"o{start // BLOCK}-", order.astype(str))),
            "customer_id": ids,
            "transaction_date": pa.array(dates),
            "product_id": pa.array(np.char.add("p", rng.integers(0, PRODUCTS, len(order)).astype(str))),
            "unit_quantity": rng.integers(1, 5, len(order)),
            "unit_spend": np.round(rng.gamma(2, 15, len(order)) + 1, 2),
        })  # fmt: skip


def write_sales(path: Path, customers: int, basket: float = BASKET, seed: int = 7) -> int:
    """Write the file, Parquet or CSV by its ending; the number of its rows."""
    rows, writer = 0, None
    for table in draw(customers, seed, basket):
        made = pa_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
        writer = writer or made(path, table.schema)
        writer.write_table(table)
        rows += table.num_rows
    assert writer is not None
    writer.close()
    return rows


def ours(path: Path) -> int:
    """Open with all checks, cut at the last day, reduce to customers and cells."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses import btyd

    base = CustomerBase.open(path, today=TODAY)
    summary = btyd.summarize(base.as_of(base.day), unit="D")
    return summary.customer_count


def theirs(path: Path) -> int:
    """Read with pandas and summarise with lifetimes."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        if path.suffix == ".csv":
            frame = pd.read_csv(path, usecols=NEEDED, parse_dates=["transaction_date"])
        else:
            frame = pd.read_parquet(path, columns=NEEDED)
        summary = summary_data_from_transaction_data(
            frame, "customer_id", "transaction_date", monetary_value_col="unit_spend", freq="D"
        )
    return len(summary)


def timed(work: Callable[[Path], int], path: Path, customers: int) -> float:
    """Seconds of one call; it must find every customer."""
    gc.collect()
    start = time.perf_counter()
    found = work(path)
    seconds = time.perf_counter() - start
    assert found == customers, f"{work.__name__}: {found} of {customers} customers"
    return seconds


def compare(customers: int, repeats: int, basket: float, ending: str) -> None:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        path = Path(folder) / f"sales.{ending}"
        rows = write_sales(path, customers, basket)
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        for turn in range(repeats + 1):  # the first is the warm-up
            for work in (theirs, ours):
                seconds = timed(work, path, customers)
                if turn:
                    times[work.__name__].append(seconds)
        mine, other = (statistics.median(times[k]) for k in ("ours", "theirs"))
        print(
            f"{ending} to summary, {customers:,} customers, {rows:,} lines with order ids and products, "
            f"median of {repeats} warm"
        )
        print(f"  lifetimes      {other:7.2f} s   {min(times['theirs']):.2f}..{max(times['theirs']):.2f}")
        print(f"  crm-analytics  {mine:7.2f} s   {min(times['ours']):.2f}..{max(times['ours']):.2f}")
        print(f"  ratio          {other / mine:7.1f} x   (goal: 4 or more)")


def scale(customers: int, basket: float, ending: str) -> None:
    """Seconds per million rows and peak memory, in a process of its own for each size."""
    print("customers       rows    seconds   s per 1M rows   peak memory")
    for n in sorted({customers // 10, customers}):
        with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
            path = Path(folder) / f"sales.{ending}"
            rows = write_sales(path, n, basket)
            call = [sys.executable, str(_HERE), "--measure", str(path), "--customers", str(n)]
            found = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
        seconds, gib = found["seconds"], found["gib"]
        print(
            f"{n:>10,} {rows:>11,} {seconds:>8.2f}   {seconds / rows * 1e6:>10.3f}      {gib:>8.2f} GiB",
            flush=True,
        )
    print("goal: the same seconds per million rows, at most 6 GiB")


def measure(path: Path, customers: int) -> None:
    """One cold run, as JSON: seconds without the imports, and the peak of the process."""
    from crm_analytics import CustomerBase  # noqa: F401
    from crm_analytics.analyses import btyd  # noqa: F401

    seconds = timed(ours, path, customers)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "gib": peak / 2**20 / (1024 if sys.platform == "darwin" else 1)}))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--basket", type=float, default=BASKET, help="lines an order, on average")
    parser.add_argument("--csv", action="store_true", help="draw a CSV file, not Parquet")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    ending = "csv" if chosen.csv else "parquet"
    if chosen.measure:
        measure(chosen.measure, chosen.customers)
    elif chosen.customers > 2_000_000:  # lifetimes would need minutes and most of the memory
        scale(chosen.customers, chosen.basket, ending)
    else:
        compare(chosen.customers, chosen.repeats, chosen.basket, ending)


if __name__ == "__main__":
    main()
