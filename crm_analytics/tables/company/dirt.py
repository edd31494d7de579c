"""Dirt for the data-quality block: what a real export looks like, with every fault counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv as pv
import pyarrow.parquet as pq

SHARE = 0.004  # of the rows, for each kind of fault


def spoil(path: Path, chance: np.random.Generator) -> dict[str, int]:
    """Turn transactions.parquet into a CSV with faults appended; how many of each kind.

    Faults: rows repeated with their key, days that are no days, amounts that are no numbers, days in the
    future, days before the company was founded, currencies we do not sell in.
    """
    file = pq.ParquetFile(path)
    target = path.with_suffix(".csv")
    count = max(1, int(SHARE * file.metadata.num_rows))
    with target.open("wb") as stream:
        writer = pv.CSVWriter(stream, file.schema_arrow)
        for batch in file.iter_batches():
            writer.write_batch(batch)
        writer.close()
        sample = next(file.iter_batches(batch_size=50_000)).to_pandas()
    picked = sample.iloc[chance.integers(0, len(sample), (5 * count))].astype(object)
    faults = np.repeat(
        ["repeated_keys", "unreadable_dates", "unreadable_amounts", "future_days", "ancient_days"], count
    )
    picked = picked.assign(fault=faults).where(picked.notna(), None)
    fresh = faults != "repeated_keys"
    picked.loc[:, "transaction_line_id"] = np.where(
        fresh, [f"X{n:07d}" for n in range(len(picked))], picked["transaction_line_id"]
    )
    day = picked["transaction_date"].astype(str)
    day = day.mask(faults == "unreadable_dates", "2025-13-45")
    day = day.mask(faults == "future_days", "2031-05-05 10:00:00")
    picked["transaction_date"] = day.mask(faults == "ancient_days", "1899-12-30 00:00:00")
    picked["unit_spend"] = picked["unit_spend"].astype(str).mask(faults == "unreadable_amounts", "n/a")
    columns = list(file.schema_arrow.names)
    picked[columns].to_csv(target, mode="a", header=False, index=False)
    path.unlink()
    return {str(kind): count for kind in dict.fromkeys(faults)}
