"""A pandas, polars or pyarrow frame as an Arrow table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from crm_analytics.errors import DataError


def to_arrow(frame: Any, name: str) -> pa.Table:
    """Any frame as Arrow, NaN as NULL; a column of mixed Python objects becomes text."""
    if isinstance(frame, pa.Table):
        return _typed(frame)
    if hasattr(frame, "to_arrow"):  # polars
        return _typed(frame.to_arrow())
    if not hasattr(frame, "columns"):
        raise DataError(f"{name}: expected a pandas, polars or pyarrow frame, got {type(frame).__name__}")
    columns = {}
    for column in frame.columns:
        values = frame[column]
        try:
            columns[str(column)] = pa.Array.from_pandas(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            text = [None if pd.isna(v) else str(v) for v in values]
            columns[str(column)] = pa.array(text, pa.string())
    return _typed(pa.table(columns))


def _typed(table: pa.Table) -> pa.Table:
    """A column without one value has no type in Arrow, which no engine can store: it becomes text."""
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))
