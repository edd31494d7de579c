"""Journeys and channels beside retentioneering and marketing-attribution-models, on the same rows.

Both need other versions of libraries than ours, so they live in an environment of their own::

    python -m venv peers && peers/bin/pip install retentioneering marketing-attribution-models pyarrow
    python -m benchmarks.journey_peers --peers peers/bin/python [--events 1000000]

Every part runs in a process of its own, three times, and the middle one counts. Ours starts from the file
with all its checks; theirs from a pandas frame that has been read already. Where both count the same thing
(transitions, steps of a funnel, credit by Markov's chain) the benchmark fails if the numbers differ.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

TODAY = "2026-12-31"
STEPS = ["Step A", "Step B", "Step C", "Order Completed"]
ROOT = Path(__file__).resolve().parent.parent
Found = dict[str, Any]


def parts_of(seconds: dict[str, float]) -> Callable[[str, Callable[[], Any]], Any]:
    """A stopwatch that writes down each part under its name."""

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = work()
        seconds[name] = time.perf_counter() - began
        return result

    return timed


def ours(folder: Path) -> Found:
    """With every check of the door; credit also from the grouped paths, as the peer takes them."""
    import pandas as pd

    from crm_analytics import CustomerBase
    from crm_analytics.analyses.attribution import attribute
    from crm_analytics.analyses.attribution.channel_paths import channel_paths
    from crm_analytics.analyses.journey import journey

    seconds: dict[str, float] = {}
    timed = parts_of(seconds)

    def opened() -> Any:
        return journey(CustomerBase.open(folder / "base", today=TODAY), ["events"])

    made = timed("open and order", opened)
    transitions = timed("transitions", made.transitions)
    funnel = timed("funnel", lambda: made.funnel(STEPS))
    timed("step matrix", made.steps)
    timed("events to markov", lambda: channel_paths(made.base).attribute(["markov"]))
    grouped = pd.read_parquet(folder / "paths.parquet")
    credit = timed("paths to markov", lambda: attribute(grouped, ["markov"]))
    return {
        "seconds": seconds,
        "transitions": int(transitions["count"].sum()),
        "funnel": [int(n) for n in funnel["reached"]],
        "credit": dict(zip(credit["channel"], credit["conversions"], strict=True)),
    }


def theirs(folder: Path) -> Found:
    """In the environment of the peers."""
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    import pandas as pd
    import polars as pl
    from mam import MAM
    from retentioneering.eventstream.eventstream import Eventstream

    seconds: dict[str, float] = {}
    timed = parts_of(seconds)
    events = pd.read_parquet(folder / "base" / "events.parquet")
    last = (
        pd.read_parquet(folder / "base" / "transactions.parquet", columns=["transaction_date"]).max().iloc[0]
    )
    events = events[events["timestamp"] < last.normalize() + pd.Timedelta(days=1)]  # our base ends there
    schema = {"path_cols": ["customer_id"], "event_col": "event", "timestamp_col": "timestamp"}
    walked = events[["customer_id", "event", "timestamp"]]
    stream = timed("open and order", lambda: Eventstream(walked, schema))
    counts = timed("transitions", lambda: stream.transition_graph_data(edge_weight="count"))
    funnel = timed("funnel", lambda: stream.funnel_data(STEPS))
    timed("step matrix", lambda: stream.step_matrix_data(max_steps=10))
    touches = pl.from_pandas(events)

    def from_touches() -> Any:
        return MAM(
            touches, "session", "channel", "is_conversion", datetime_colname="timestamp",
            user_id_colname="customer_id", create_journey_id_based_on_conversion=True,
        ).run_markov()  # fmt: skip

    timed("events to markov", from_touches)
    grouped = pl.read_parquet(folder / "paths.parquet")
    rows = pl.concat(
        [
            grouped.select("path", occurrences="conversions", converts=pl.lit(True)),
            grouped.select("path", occurrences="nulls", converts=pl.lit(False)),
        ]
    ).filter(pl.col("occurrences") > 0)

    def from_paths() -> Any:
        return MAM(
            rows, "grouped_journey", "path", "converts", occurrences_colname="occurrences"
        ).run_markov()  # fmt: skip

    credit = timed("paths to markov", from_paths)
    # Its own table shares each path's conversions out again; the removal effects are what both define alike.
    removed = credit.metadata["removal_effect"]["removal_effect"]
    conversions = int(grouped["conversions"].sum())
    return {
        "seconds": seconds,
        "transitions": int(counts.fillna(0).to_numpy().sum()),
        "funnel": [step["unique_paths"] for step in funnel["steps"]],
        "credit": (removed / removed.sum() * conversions).to_dict(),
    }


def write_paths(folder: Path, paths: int = 300_000, seed: int = 11) -> None:
    """Grouped paths of channels, as an advertising tool exports them."""
    import numpy as np
    import pandas as pd

    from benchmarks.journey import CHANNELS

    rng = np.random.default_rng(seed)
    lengths = np.minimum(rng.geometric(0.35, paths), 12)
    steps = CHANNELS[rng.integers(0, len(CHANNELS), int(lengths.sum()))]
    ends = np.cumsum(lengths)
    names = [" > ".join(part) for part in np.split(steps, ends[:-1])]
    converts = rng.random(paths) < 0.1
    frame = pd.DataFrame(
        {"path": names, "conversions": converts.astype(int), "nulls": (~converts).astype(int)}
    )
    frame = frame.groupby("path", as_index=False).sum()
    frame.to_parquet(folder / "paths.parquet", index=False)


def asked(python: str, who: str, folder: Path) -> Found:
    """One run of one side, in a process of its own."""
    call = [python, str(ROOT / "benchmarks" / "journey_peers.py"), "--measure", who, "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(peers: str, events: int) -> None:
    """Print the middle of three of both sides, and the ratio."""
    from benchmarks.journey import write_base

    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name)
        (folder / "base").mkdir()
        rows = write_base(folder / "base", events)
        write_paths(folder)
        runs = [(asked(sys.executable, "ours", folder), asked(peers, "theirs", folder)) for _ in range(3)]
    mine, other = runs[0]
    for what in ("transitions", "funnel"):
        assert mine[what] == other[what], f"{what}: {mine[what]} here, {other[what]} there"
    for channel, credit in mine["credit"].items():
        there = other["credit"][channel]
        assert abs(credit - there) < 1e-6 * credit, f"{channel}: {credit} here, {there} there"
    print(f"  {rows:,} events; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; middle of three")
    print("  part                 here      peer     peer / here")
    for part in mine["seconds"]:
        here, there = (statistics.median(run[i]["seconds"][part] for run in runs) for i in (0, 1))
        print(f"  {part:<18} {here:>6.2f} s  {there:>6.2f} s  {there / here:>8.1f} x")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--peers", help="the Python of the peers' environment")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--measure", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps({"ours": ours, "theirs": theirs}[given.measure](given.folder)))
    elif given.peers:
        compare(given.peers, given.events)
    else:
        parser.error("name the Python of the peers' environment by --peers (see the top of this file)")


if __name__ == "__main__":
    main()
