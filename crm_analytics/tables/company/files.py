"""Tables as Parquet files, written block by block in the types of the contract."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.tables.contract import TABLES

_ARROW = {
    "text": pa.string(),
    "word": pa.string(),
    "time": pa.timestamp("us"),
    "date": pa.date32(),
    "money": pa.decimal128(18, 4),
    "number": pa.float64(),
    "count": pa.int64(),
    "flag": pa.bool_(),
}


class Files:
    """One Parquet file a table in `folder`; a context manager that closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._open: dict[str, pq.ParquetWriter | pa.RecordBatchFileWriter] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, name: str, rows: pd.DataFrame) -> None:
        """Append rows to the table `name` of the contract; columns it does not have are left out."""
        table = TABLES[name]
        columns = {c.name: _column(rows[c.name], _ARROW[c.type]) for c in table.columns if c.name in rows}
        self._write(name, f"{name}.parquet", pa.table(columns))

    def add_beside(self, file: str, rows: pd.DataFrame) -> None:
        """Append rows to a Feather file that is no table of the contract."""
        self._write(file, file, pa.Table.from_pandas(rows, preserve_index=False))

    def _write(self, key: str, file: str, rows: pa.Table) -> None:
        if key not in self._open:
            path = self.folder / file
            is_table = path.suffix == ".parquet"
            writer = (
                pq.ParquetWriter(path, rows.schema, compression="zstd")
                if is_table
                else pa.ipc.new_file(str(path), rows.schema)
            )
            self._open[key] = self._stack.enter_context(writer)
        self._open[key].write_table(rows)
        self.rows[key] = self.rows.get(key, 0) + len(rows)


def _column(values: pd.Series, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(wanted):
        return pa.array(values.astype("float64"), pa.float64(), from_pandas=True).cast(wanted)
    if pa.types.is_timestamp(wanted):
        return pa.array(values.astype("datetime64[us]"), wanted, from_pandas=True)
    if pa.types.is_date(wanted):
        return pa.array(values.astype("datetime64[us]"), from_pandas=True).cast(wanted)
    if pa.types.is_string(wanted):
        return pa.array(values.astype(object), wanted, from_pandas=True)
    return pa.array(values, from_pandas=True).cast(wanted)
