"""The Python of docs/cluster.md runs as it stands; `spark` and the folder stand for those of a cluster."""

from __future__ import annotations

from pathlib import Path

from crm_analytics.tables.company import write_company
from tests.docs_blocks import blocks, text_of
from tests.spark.same import SPARK

TEXT = text_of("docs/cluster.md")
pytestmark = SPARK


def test_blocks_of_the_cluster_run(spark, tmp_path: Path) -> None:
    write_company(tmp_path, customers=150, years=2)
    for name in ("transactions", "customers"):
        (tmp_path / f"{name}.parquet").rename(tmp_path / name)
    names = {"spark": spark._session, "folder": tmp_path.as_uri(), "shared": tmp_path}
    found = blocks(TEXT, "python")
    for one in found[:-1]:
        exec(one, names)
    *before, last = found[-1].strip().splitlines()
    exec("\n".join(before), names)
    assert eval(last, names)
    assert len(list((tmp_path / "scores").glob("*.parquet")))
