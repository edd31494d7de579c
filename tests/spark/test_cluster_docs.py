"""The Python of docs/cluster.md runs as it stands; `spark` and the folder stand for those of a cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_analytics.tables.company import write_company

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
pytestmark = [
    pytest.mark.spark,
    # what PySpark itself warns of on Python 3.11 and pandas 3
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_blocks_of_the_cluster_run(spark, tmp_path: Path) -> None:
    write_company(tmp_path, customers=150, years=2)
    for name in ("transactions", "customers"):
        (tmp_path / f"{name}.parquet").rename(tmp_path / name)
    names = {"spark": spark._session, "folder": tmp_path.as_uri(), "shared": tmp_path}
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    for one in blocks[:-1]:
        exec(one, names)
    *before, last = blocks[-1].strip().splitlines()
    exec("\n".join(before), names)
    assert eval(last, names)
    assert len(list((tmp_path / "scores").glob("*.parquet")))
