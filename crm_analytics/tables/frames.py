"""Frames of any library as Arrow: pandas, polars, pyarrow, DuckDB, and whatever speaks its protocol."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from crm_analytics.errors import DataError

_EXPECTED = "a pandas, polars or pyarrow frame, a DuckDB relation, an Ibis table or a Spark DataFrame"


def to_arrow(frame: Any, name: str) -> pa.Table | pa.RecordBatchReader:
    """Any frame as Arrow; what no column of the contract could hold never stops the frame.

    A Period becomes its start, an interval its text, a category its value, float16 float32. NaN becomes
    NULL. A column of mixed Python objects becomes text. Named index levels become columns.

    Raises
    ------
    DataError : it is no frame.
    """
    if isinstance(frame, pd.DataFrame):
        return _typed(_from_pandas(frame))
    if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):  # a lazy frame of polars or narwhals
        frame = frame.collect()
    if hasattr(frame, "scanner"):  # an Arrow dataset
        frame = frame.scanner()
    if hasattr(frame, "to_reader") and not isinstance(frame, pa.Table):  # a scanner
        frame = frame.to_reader()
    one_column = not any(hasattr(frame, name) for name in ("columns", "column_names", "schema"))  # a Series
    if hasattr(frame, "__arrow_c_stream__") and not one_column:
        try:
            reader = pa.RecordBatchReader.from_stream(frame)
        except pa.ArrowException:
            return _typed(_by_column(frame))
        plain = pa.schema([f.with_type(_plain(f.type)) for f in reader.schema])
        if len(set(reader.schema.names)) < len(reader.schema.names):
            return _distinct_arrow(reader.read_all())
        return reader if plain.equals(reader.schema) else _typed(reader.read_all())
    raise DataError(f"{name}: expected {_EXPECTED}, got {type(frame).__name__}")


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    named = [level for level in frame.index.names if level is not None and level not in frame.columns]
    frame = frame.reset_index(level=named) if named else frame
    labels = [".".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in frame.columns]
    columns: dict[str, pa.Array] = {}
    for label, at in _distinct(labels, lambda a, b: frame.iloc[:, a].equals(frame.iloc[:, b])):
        columns[label] = _array(frame.iloc[:, at])
    return pa.table(columns)


def _by_column(frame: Any) -> pa.Table:
    """A polars frame with a type of its own, such as whole numbers of 128 bits: that column as text."""
    columns = {}
    for name in frame.columns:
        try:
            columns[name] = pa.chunked_array(frame[name])
        except pa.ArrowException:
            columns[name] = pa.chunked_array(frame[name].cast(str))
    return pa.table(columns)


def _array(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(
            values.cat.categories.dtype if values.cat.categories.dtype != object else object
        )
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    if isinstance(values.dtype, pd.SparseDtype):
        values = pd.Series(values.to_numpy())
    if values.dtype == "float16":
        values = values.astype("float32")
    try:
        if isinstance(values.dtype, pd.IntervalDtype) or values.dtype.kind == "c":
            raise pa.ArrowTypeError("has no type of the contract")
        return pa.Array.from_pandas(values)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        NotImplementedError,
        TypeError,
        KeyError,
    ):
        text = [None if _missing(v) else str(v) for v in values]
        return pa.array(text, pa.string())


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _distinct(labels: list[str], alike: Any) -> list[tuple[str, int]]:
    """Each name once: of equal columns the first, of different ones none keeps the bare name."""
    found: list[tuple[str, int]] = []
    folded = [label.lower() for label in labels]
    for at, label in enumerate(labels):
        same = [i for i, other in enumerate(folded) if other == folded[at]]
        if len(same) == 1:
            found.append((label, at))
        elif all(alike(same[0], other) for other in same[1:]):
            found += [(label, at)] if at == same[0] else []
        else:  # which of them is meant is not ours to say: the bare name finds nothing, and says so
            found.append((f"{label} ({same.index(at) + 1})", at))
    return found


def _distinct_arrow(table: pa.Table) -> pa.Table:
    kept = _distinct(table.schema.names, lambda a, b: table.column(a).equals(table.column(b)))
    return _typed(pa.table([table.column(at) for _, at in kept], names=[label for label, _ in kept]))


def _typed(table: pa.Table) -> pa.Table:
    """Types the engine can store: a column without one value becomes text, half floats become floats."""
    fields = [f.with_type(_plain(f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_float16(kind):
        return pa.float32()
    return kind
