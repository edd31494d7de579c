"""The program that a cluster test submits: a driver that opens Parquet folders and reduces them.

``python -m tests.spark.cluster_job MASTER SHOP OUT WORKER`` writes the views of `VIEWS` to OUT (tables of
customers by the cluster, small frames from Python) and `counted.json`: how many rows reached Python. Before
the last views are made, a thread waits for a task to run, and then ends the worker of that process id.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, churn, rfm
from crm_analytics.analyses.journey import journey
from crm_analytics.analyses.products.affinity import affinity
from crm_analytics.analyses.products.popularity import popularity
from tests.spark.cluster import BRIEF, kill

DAY, TODAY = "2025-12-15", "2026-01-01"
TABLES = ("transactions", "products", "customers", "tickets", "events", "customer_identities")
VIEWS: dict[str, Callable[[CustomerBase], ir.Table | pd.DataFrame]] = {
    "history": lambda base: base.purchase_history,
    "scores": lambda base: rfm.score(base).customers,
    "segments": lambda base: rfm.score(base).segments,
    "summary": lambda base: btyd.summarize(base).customers,
    "cells": lambda base: btyd.summarize(base).cells,
    "features": churn.features,
    "transitions": lambda base: journey(base).transitions(),
    "products": lambda base: popularity(base).products,
    "pairs": lambda base: affinity(base).pairs,
}
FIRST_AFTER_DEATH = "transitions"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("master")
    parser.add_argument("shop", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("worker", type=int)
    given = parser.parse_args()
    session = _session(given.master, given.out)
    try:
        with _counting() as counted:
            base = _opened(session, given.shop)
            counted["the base"] = counted.pop("", 0)
            for name in VIEWS:
                if name == FIRST_AFTER_DEATH:
                    death = threading.Thread(target=_kill_at_work, args=(session, given.worker))
                    death.start()
                _write(base, name, given.out)
                counted[name] = counted.pop("", 0)
            death.join(60)
            assert not death.is_alive(), "no task was seen to run"
            customers = len(base.collect(base.purchase_history.select("customer_id")))
            assert counted.pop("") == customers  # the count counts
        (given.out / "counted.json").write_text(json.dumps(counted))
    finally:
        session.stop()


def _session(master: str, out: Path) -> Any:
    from pyspark.sql import SparkSession

    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.driver.extraJavaOptions": BRIEF,
        "spark.executor.extraJavaOptions": BRIEF,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(out / "warehouse"),
    }
    builder = SparkSession.builder.master(master).appName("crm-analytics")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def _opened(session: Any, shop: Path) -> CustomerBase:
    source = {name: session.read.parquet((shop / name).as_uri()) for name in TABLES}
    return CustomerBase.open(source, today=TODAY).as_of(DAY)


def _write(base: CustomerBase, name: str, out: Path) -> None:
    made = VIEWS[name](base)
    if isinstance(made, pd.DataFrame):
        made.reset_index(drop=True).to_parquet(out / name)
    else:
        base.snapshot.connection.to_parquet(made, out / name)


@contextmanager
def _counting() -> Iterator[dict[str, int]]:
    """Rows that come out of Spark into this process; those since the last look stand under ""."""
    from pyspark.sql.classic.dataframe import DataFrame

    counted, real = {"": 0}, DataFrame.collect

    def collect(frame: Any) -> Any:
        rows = real(frame)
        counted[""] = counted.get("", 0) + len(rows)
        return rows

    DataFrame.collect = collect
    try:
        yield counted
    finally:
        DataFrame.collect = real


def _kill_at_work(session: Any, worker: int) -> None:
    tracker = session.sparkContext.statusTracker()
    while True:
        for number in tracker.getActiveStageIds():
            stage = tracker.getStageInfo(number)
            if stage is not None and stage.numActiveTasks > 0:
                kill(worker)
                return
        time.sleep(0.005)


if __name__ == "__main__":
    main()
