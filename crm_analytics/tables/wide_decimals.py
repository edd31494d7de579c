"""Decimals of Parquet that are wider than the engine's: it would read other numbers, without a word."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.errors import DataError

DIGITS = 38  # of DuckDB's widest decimal


def wide_decimals(schema: pa.Schema) -> list[str]:
    """The columns with decimals of more digits than the engine reads.

    >>> wide_decimals(pa.schema({"a": pa.decimal256(50, 2), "b": pa.decimal128(38, 2)}))
    ['a']
    """
    return [f.name for f in schema if pa.types.is_decimal(f.type) and f.type.precision > DIGITS]


def refuse_wide_decimals(path: Path) -> None:
    """Refuse a Parquet file, or a folder whose first file has such decimals.

    Raises
    ------
    DataError : names the columns, and how to write them.
    """
    first = path if path.is_file() else min(path.rglob("*.parquet"), default=None)
    if first is None:
        return
    try:
        wide = wide_decimals(pq.read_schema(first))
    except (OSError, pa.ArrowException):
        return  # reading it will say what is wrong
    if wide:
        raise DataError(
            f"{path.name}: {', '.join(map(repr, wide[:6]))} has decimals of more than {DIGITS} digits, which "
            f"would be read wrong: write them as decimal({DIGITS}, s), or leave the column out"
        )
