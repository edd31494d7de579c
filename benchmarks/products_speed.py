"""Pairs and next products on a growing shop: ratios to peers, and whether time grows with the lines.

``python -m benchmarks.products_speed [--lines 25000000] [--customers 100000] [--items 10000]``

1. Pairs in the engine on a quarter, a half and the whole of the lines: seconds per million, peak memory (goal
   6 GiB). Linear means the same seconds per million at every size.
2. The same pairs by mlxtend's FP-growth and by efficient-apriori, at a size they can still do, as ratios;
   skipped, and said so, where they are not installed.
3. TIFU-KNN, all customers by all items; the ratio to cornac's where it is installed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

GOAL = 6.0  # GiB
TODAY = "2026-01-01"
BLOCK = 1_000_000  # orders
PEERS = 200_000  # lines that the peers can still do
LEAST = 0.005  # support


def write_lines(folder: Path, lines: int, items: int, seed: int = 7) -> Path:
    """Orders of one to nine products by a Zipf law, in blocks; the file."""
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, items + 1) ** 0.9
    cumulated = np.cumsum(share / share.sum())
    path, written, order, sink = folder / "transactions.parquet", 0, 0, None
    while written < lines:
        size = draw.integers(1, 10, min(BLOCK, (lines - written) // 5 + 1))
        number = np.repeat(np.arange(order, order + len(size)), size)
        day = np.repeat(draw.integers(0, 730, len(size)), size)
        table = pa.table(
            {
                "transaction_id": pa.array(np.char.add("o", number.astype("U10"))),
                "customer_id": pa.array(np.char.add("c", (number // 12).astype("U9"))),
                "transaction_date": pa.array(np.datetime64("2024-01-01") + day.astype("timedelta64[D]")),
                "product_id": pa.array(
                    np.char.add("p", np.searchsorted(cumulated, draw.random(len(number))).astype("U6"))
                ),
                "unit_spend": pa.array(np.ones(len(number))),
            }
        )
        sink = sink or pq.ParquetWriter(path, table.schema)
        sink.write_table(table)
        written, order = written + len(number), order + len(size)
    if sink is not None:
        sink.close()
    return path


def measure(folder: Path) -> None:
    """One cold run of affinity, as JSON: seconds after opening, pairs, and the peak of the process."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses.products.affinity import affinity

    base = CustomerBase.open(folder, today=TODAY)
    began = time.perf_counter()
    found = affinity(base)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "pairs": len(found.pairs), "gib": peak}))


def pairs_of(lines: int, items: int) -> dict[str, float]:
    """Draw so many lines and measure them in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        write_lines(Path(name), lines, items)
        call = [sys.executable, "-m", "benchmarks.products_speed", "--measure", name]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=root)
        if done.returncode:
            raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def against_peers(items: int) -> None:
    """The same pairs of the same orders by three ways, in seconds of this process."""
    from crm_analytics import CustomerBase
    from crm_analytics.analyses.products.baskets import baskets, count_pairs

    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        frame = pd.read_parquet(write_lines(Path(name), PEERS, items))
    base = CustomerBase.open(frame, today=TODAY)
    orders = frame["transaction_id"].nunique()
    least = int(np.ceil(LEAST * orders))

    def ours() -> int:
        return len(count_pairs(baskets(base, minimum=least), least))

    def fp_growth() -> int:
        from mlxtend.frequent_patterns import fpgrowth

        matrix = pd.crosstab(frame["transaction_id"], frame["product_id"]).astype(bool)
        found = fpgrowth(matrix, min_support=LEAST, max_len=2)
        return int((found["itemsets"].map(len) == 2).sum())

    def efficient() -> int:
        from efficient_apriori import itemsets_from_transactions

        held = frame.groupby("transaction_id")["product_id"].agg(lambda p: tuple(set(p)))
        sets, _ = itemsets_from_transactions(list(held), min_support=LEAST, max_length=2)
        return len(sets.get(2, {}))

    took = {"ours": timed(ours)}
    for peer, way in (("mlxtend", fp_growth), ("efficient-apriori", efficient)):
        try:
            took[peer] = timed(way)
        except ImportError:
            print(f"  {peer} is not installed: no ratio")
    for peer, (seconds, pairs) in took.items():
        print(f"  {peer:<18} {pairs:>7,} pairs  {seconds / took['ours'][0]:>6.1f} x ours")


def timed(way: Callable[[], int]) -> tuple[float, int]:
    """Median of three, and the answer."""
    runs = []
    for _ in range(3):
        began = time.perf_counter()
        found = way()
        runs.append(time.perf_counter() - began)
    return float(np.median(runs)), found


def neighbours(customers: int, items: int) -> None:
    """TIFU-KNN of everybody, twelve days of three products each."""
    from crm_analytics.analyses.products.next_product import TifuKnn, histories

    draw = np.random.default_rng(1)
    n = customers * 36
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers), 36),
            "product": np.minimum(draw.zipf(1.3, n), items),
            "day": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(np.repeat(draw.integers(0, 300, customers * 12), 3), unit="D"),
        }
    )
    held = histories(frame)
    began = time.perf_counter()
    scores = TifuKnn()(held, 56)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {customers:,} customers by {len(held.items):,} items: {seconds / 60:.1f} minutes, "
          f"{scores.nnz:,} scores, {peak:.2f} GiB")  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--lines", type=int, default=25_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    print(f"Pairs in the engine; goal {GOAL} GiB")
    for lines in (given.lines // 4, given.lines // 2, given.lines):
        found = pairs_of(lines, given.items)
        each = found["seconds"] / lines * 1e6
        print(
            f"{lines:>12,} lines  {each:>6.2f} s per 1M  {found['pairs']:>9,} pairs  {found['gib']:.2f} GiB",
            flush=True,
        )
    print(f"Pairs of {PEERS:,} lines, support {LEAST:.1%}")
    against_peers(300)
    print("TIFU-KNN")
    neighbours(given.customers, given.items)


if __name__ == "__main__":
    main()
