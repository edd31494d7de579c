"""What is the same on two engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.company import write_company

SPARK = [
    pytest.mark.spark,
    # what PySpark itself warns of on Python 3.11 and pandas 3
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def on_spark(spark, **tables: Path):
    """The connection with these Parquet files as views."""
    for name, path in tables.items():
        spark.create_view(name, spark.read_parquet(str(path)), overwrite=True)
    return spark


@contextmanager
def two_companies(
    spark, folder: Path, tables: Iterable[str], customers: int
) -> Iterator[tuple[CustomerBase, CustomerBase]]:
    """Two years of the demo company with these tables alone, on DuckDB and on Spark."""
    write_company(folder, customers=customers, years=2)
    files = {name: folder / f"{name}.parquet" for name in tables}
    for path in folder.glob("*.parquet"):
        if path.stem not in files:
            path.unlink()
    one = CustomerBase.open(folder, today="2026-01-01")
    yield one, CustomerBase.open(on_spark(spark, **files), today="2026-01-01")
    for name in files:
        spark.drop_view(name)


def assert_same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Equal but for the order of rows and the storage types of the two engines."""
    assert list(one.columns) == list(two.columns)
    frames = []
    for frame in (one, two):
        plain = frame.copy()
        for column in plain.columns:
            if pd.api.types.is_integer_dtype(plain[column]) or pd.api.types.is_float_dtype(plain[column]):
                plain[column] = plain[column].astype("float64")
            elif pd.api.types.is_datetime64_any_dtype(plain[column]):
                plain[column] = plain[column].astype("datetime64[us]")
            else:
                plain[column] = plain[column].astype("object").where(plain[column].notna(), None)
        texts = plain.astype("str").fillna("").itertuples(index=False)
        order = pd.Series(["\x1f".join(row) for row in texts], plain.index, dtype="object")
        frames.append(plain.loc[order.sort_values().index].reset_index(drop=True))
    pd.testing.assert_frame_equal(*frames, rtol=1e-12, atol=1e-12)
