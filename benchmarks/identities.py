"""A night of 1 % new records against the first, full run, in processor time; and how the full run grows.

``python -m benchmarks.identities [--records 50000]`` draws customers with second records, resolves all
at once (a model is trained), then adds 1 % and resolves the night. All in one process, one after the other.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics.analyses.identity.match_fields import folded
from crm_analytics.analyses.identity.resolution import compare

_KEY = b"benchmark"


def draw(count: int, seed: int = 1) -> pa.Table:
    """Records; every tenth is one of a person that is there already, with another mail or without a phone."""
    rng = np.random.default_rng(seed)
    own = rng.random(count) >= 0.1
    who = np.where(own, np.arange(count), rng.integers(0, count, count))
    letters = np.array(list("abcdefghijklmnoprstuvwz"))
    first = pd.Series(["".join(row) for row in letters[np.random.default_rng(7).integers(0, 23, (200, 6))]])
    last = pd.Series(["".join(row) for row in letters[np.random.default_rng(8).integers(0, 23, (1_000, 8))]])
    fixed = np.random.default_rng(9)
    a, b = fixed.integers(0, len(first), count)[who], fixed.integers(0, len(last), count)[who]
    born = (np.datetime64("1940-01-01") + fixed.integers(0, 25_000, count)[who]).astype(str)
    mail: pd.Series = pd.Series(who.astype(str)).radd("p") + np.where(own, "", "b") + "@post.test"
    phone = pd.Series((1_700_000_000 + who).astype(str)).radd("+49").where(rng.random(count) < 0.7)
    rows = pd.DataFrame(
        {"record_id": pd.Series(np.arange(count)).map("R{:08d}".format), "first_name": first[a].to_numpy(),
         "last_name": last[b].to_numpy(), "birth_date": born, "email": mail, "phone": phone,
         "city": pd.Series(who % 300).astype(str).radd("town").to_numpy()}
    )  # fmt: skip
    return folded(pa.Table.from_pandas(rows, preserve_index=False))


def seconds(records: pa.Table, memory: object = None) -> tuple[float, object]:
    """How long a run takes, and what is remembered after it."""
    began = time.process_time()
    night = compare(records, "2026-03-01", memory, key=_KEY)  # type: ignore[arg-type]
    return time.process_time() - began, night.memory


def main() -> None:
    """Print seconds and ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    count = parser.parse_args().records
    everything = draw(count + count // 100)
    half, _ = seconds(everything.slice(0, count // 2))
    full, memory = seconds(everything.slice(0, count))
    night, memory = seconds(everything, memory)
    calm, _ = seconds(everything, memory)
    print(f"{count // 2:,} records, all at once: {half:.1f} s")
    print(f"{count:,} records, all at once: {full:.1f} s, {full / half:.1f} times as long")
    print(f"a night with 1 % new records: {night:.1f} s, 1/{full / night:.1f} of the full run")
    print(f"a night with nothing new: {calm:.1f} s, 1/{full / calm:.1f}")


if __name__ == "__main__":
    main()
