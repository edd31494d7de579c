"""A master and two workers, processes of their own: equal frames, few rows in Python, a worker dies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.company import write_company
from tests.spark.cluster import standalone
from tests.spark.cluster_job import DAY, TABLES, TODAY, VIEWS
from tests.spark.same import assert_same

pytestmark = pytest.mark.spark
PROJECT = Path(__file__).resolve().parents[2]
PARTS = 4


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each table a folder of Parquet parts, as on HDFS or S3."""
    folder = tmp_path_factory.mktemp("shop")
    made = write_company(tmp_path_factory.mktemp("company"), customers=250, years=2)
    for name in TABLES:
        table = pq.read_table(made / f"{name}.parquet")
        (folder / name).mkdir()
        size = -(-table.num_rows // PARTS)
        for number in range(PARTS):
            part = table.slice(number * size, size)
            pq.write_table(part, folder / name / f"part-{number:05}.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(shop: Path) -> dict[str, pd.DataFrame]:
    """The views on DuckDB."""
    source = {name: pq.read_table(shop / name) for name in TABLES}
    base = CustomerBase.open(source, today=TODAY).as_of(DAY)
    made = {name: view(base) for name, view in VIEWS.items()}
    return {n: v if isinstance(v, pd.DataFrame) else base.collect(v) for n, v in made.items()}


@pytest.fixture(scope="module")
def made(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The views, from a program of its own on the cluster; a worker dies while the last ones are made."""
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    out = tmp_path_factory.mktemp("out")
    with standalone(tmp_path_factory.mktemp("cluster")) as cluster:
        given = (cluster.master, shop, out, cluster.workers[0])
        command = [sys.executable, "-m", "tests.spark.cluster_job", *map(str, given)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def read(place: Path) -> pd.DataFrame:
    """A view as the program wrote it, or as the cluster did, in parts; DECIMAL becomes float64."""
    table = pq.read_table(place)
    kinds = [pa.float64() if pa.types.is_decimal(kind) else kind for kind in table.schema.types]
    plain = table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))
    return plain.to_pandas(date_as_object=False)


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_those_of_one_machine_although_a_worker_died(made: Path, expected, name: str) -> None:
    assert_same(expected[name].reset_index(drop=True), read(made / name))


def test_few_rows_reach_python(made: Path, expected) -> None:
    """Of tables of customers none: what comes is bound by days, cells, steps, pairs of products."""
    counted = json.loads((made / "counted.json").read_text())
    days, products = 2 * 366, len(expected["products"])
    most = {
        "the base": 50,
        "history": 0,
        "scores": days,
        "segments": days,
        "summary": len(expected["cells"]),
        "cells": len(expected["cells"]),
        "features": 100,
        "transitions": len(expected["transitions"]) + 50,
        "products": days,
        "pairs": products**2,
    }
    assert counted.keys() == most.keys()
    assert {name: n for name, n in counted.items() if n > most[name]} == {}
