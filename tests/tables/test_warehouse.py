"""Rows that leave: one set for each day, whole or not at all, and the same when they leave twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import CrmError, LockedError, ParameterError, PublishError
from crm_analytics.tables import warehouse, warehouse_target
from crm_analytics.tables.source_ref import read_source

LINES = pd.DataFrame(
    {
        "customer_id": ["00123", "b", "c", "00123"],
        "transaction_date": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-09"],
        "unit_spend": [9.0, 5.0, 2.0, 1.0],
    }
)
PLACES = ("scores.parquet", "wh.duckdb::marts.scores", "wh.sqlite::scores")


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(LINES, today="2026-02-01")


def read(folder: Path, place: str) -> pd.DataFrame:
    """The rows there, by another way than they were written."""
    name, _, table = place.partition("::")
    path = folder / name
    if name.endswith(".parquet"):
        frame = pd.read_parquet(path)
    elif name.endswith(".duckdb"):
        with duckdb.connect(str(path), read_only=True) as con:
            frame = con.execute(f"SELECT * FROM {table}").df()
    else:
        with closing(sqlite3.connect(path)) as con:
            frame = pd.read_sql_query(f"SELECT * FROM {table}", con)
    frame["as_of"] = pd.to_datetime(frame["as_of"]).dt.date.astype("str")
    return frame.sort_values(["as_of", "filtered_by", "customer_id"]).reset_index(drop=True)


def write(base: CustomerBase, folder: Path, place: str, **more: object) -> int:
    history = base.purchase_history.select("customer_id", "order_count", "revenue", "last_day")
    return base.to_warehouse(f"{folder}/{place}", history, **more)


@pytest.mark.parametrize("place", PLACES)
def test_the_same_rows_written_twice_are_there_once_law(base, tmp_path, place) -> None:
    assert write(base, tmp_path, place) == write(base, tmp_path, place) == 3
    rows = read(tmp_path, place)
    assert rows["customer_id"].tolist() == ["00123", "b", "c"]
    assert rows["revenue"].astype("float64").tolist() == [10.0, 5.0, 2.0]
    assert set(rows["data_hash"]) == {base.data_hash}
    assert set(rows["as_of"]) == {"2026-01-09"}
    assert all(version.startswith("crm-analytics ") for version in rows["model_version"])
    path = tmp_path / place.partition("::")[0]
    assert path.stat().st_mode & 0o007 == 0  # rows name customers: not for the world
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("place", PLACES)
def test_each_day_and_filter_keeps_its_own_set_law(base, tmp_path, place) -> None:
    write(base.as_of("2026-01-06"), tmp_path, place)
    write(base, tmp_path, place)
    write(base.filter({"transactions.unit_spend": "4.."}), tmp_path, place)
    rows = read(tmp_path, place)
    counted = rows.groupby(["as_of", "filtered_by"]).size().to_dict()
    assert counted == {("2026-01-06", ""): 2, ("2026-01-09", ""): 3, ("2026-01-09", "unit spend from 4"): 2}
    again = CustomerBase.open(LINES.assign(customer_id=["00123", "b", "b", "00123"]), today="2026-02-01")
    write(again, tmp_path, place)  # c is nobody any more: their row of that day goes, history stays
    rows = read(tmp_path, place)
    assert len(rows) == 6
    assert rows.loc[(rows["as_of"] == "2026-01-09") & (rows["filtered_by"] == ""), "revenue"].astype(
        "float64"
    ).tolist() == [10.0, 7.0]


@pytest.mark.parametrize("place", PLACES)
def test_customers_who_are_gone_are_in_no_set_law(base, tmp_path, place) -> None:
    write(base.as_of("2026-01-06"), tmp_path, place)
    write(base.without_customers(["b"]), tmp_path, place, gone=["b"])
    assert "b" not in set(read(tmp_path, place)["customer_id"])
    assert len(read(tmp_path, place)) == 3
    target = warehouse_target.target_of(f"{tmp_path}/{place}")
    assert warehouse.erase_rows(target, ["00123"]) == 2
    assert warehouse.erase_rows(target, ["00123"]) == 0
    assert read(tmp_path, place)["customer_id"].tolist() == ["c"]


@pytest.mark.parametrize("place", PLACES)
def test_a_table_of_other_columns_says_which_and_stays(base, tmp_path, place) -> None:
    write(base, tmp_path, place)
    before = read(tmp_path, place)
    with pytest.raises(PublishError) as told:
        base.to_warehouse(f"{tmp_path}/{place}", base.purchase_history.select("customer_id", "first_day"))
    for words in ("it lacks first_day", "it has order_count, revenue, last_day", "Nothing was written"):
        assert words in str(told.value)
    pd.testing.assert_frame_equal(read(tmp_path, place), before)


def test_a_table_that_refuses_a_row_keeps_what_it_had(base, tmp_path) -> None:
    path = tmp_path / "wh.sqlite"
    write(base.as_of("2026-01-06"), tmp_path, "wh.sqlite::scores")
    with closing(sqlite3.connect(path)) as con:
        con.execute(
            "CREATE TRIGGER no BEFORE INSERT ON scores WHEN NEW.customer_id = 'c' "
            "BEGIN SELECT RAISE(ABORT, 'c is refused'); END"
        )
    before = read(tmp_path, "wh.sqlite::scores")
    with pytest.raises(PublishError, match=r"its columns or rules take other values\. Nothing was changed"):
        write(base, tmp_path, "wh.sqlite::scores")
    pd.testing.assert_frame_equal(read(tmp_path, "wh.sqlite::scores"), before)
    with duckdb.connect(str(tmp_path / "wh.duckdb")) as other:
        other.execute(
            "CREATE TABLE scores (as_of DATE, source TEXT, filtered_by TEXT, customer_id INTEGER, "
            "order_count BIGINT, revenue DOUBLE, last_day DATE, model_version TEXT, data_hash TEXT)"
        )
    with pytest.raises(PublishError) as told:
        write(base, tmp_path, "wh.duckdb::scores")
    assert "00123" not in str(told.value)
    assert "take other values" in str(told.value)


KILLED = """
import os, signal, sys
import pandas as pd
from crm_analytics import CustomerBase
from crm_analytics.tables import warehouse_files
lines = pd.DataFrame({"customer_id": ["x"], "transaction_date": ["2026-01-09"], "unit_spend": [1.0]})
base = CustomerBase.open(lines, today="2026-02-01")
def die(*given):  # after the rows are deleted and written, before anything is kept
    os.kill(os.getpid(), signal.SIGKILL)
warehouse_files._count = die
warehouse_files.os.fsync = die
rows = base.purchase_history.select("customer_id", "order_count", "revenue", "last_day")
base.to_warehouse(sys.argv[1], rows, source=sys.argv[2])
"""


@pytest.mark.parametrize("place", PLACES[:2])
def test_a_write_that_is_killed_leaves_what_was_there(base, tmp_path, place) -> None:
    write(base, tmp_path, place)
    before = read(tmp_path, place)
    source = before["source"][0]
    command = [sys.executable, "-c", KILLED, f"{tmp_path}/{place}", source]
    done = subprocess.run(command, env=os.environ, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-500:]
    pd.testing.assert_frame_equal(read(tmp_path, place), before)
    write(base, tmp_path, place)
    pd.testing.assert_frame_equal(read(tmp_path, place), before)
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_another_writes_says_so(base, tmp_path, monkeypatch) -> None:
    place = "wh.sqlite::scores"
    write(base, tmp_path, place)
    with closing(sqlite3.connect(tmp_path / "wh.sqlite", isolation_level=None)) as con:
        con.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("crm_analytics.tables.warehouse_files._WAIT", 0)
        with pytest.raises(LockedError, match="is open for writing elsewhere"):
            write(base, tmp_path, place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scores.csv", "the ending must tell what it is"),
        ("s3://bucket/scores.parquet", "rows cannot be written to s3"),
        ("nowhere/scores.parquet", "there is no folder"),
        ("::scores", "names a table alone"),
    ],
)
def test_a_place_that_takes_no_rows_says_what_does(tmp_path, monkeypatch, text, words) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=words) as told:
        warehouse_target.target_of(text)
    assert isinstance(told.value, CrmError)


def test_places_are_understood(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WH", "postgresql://ann:s3cret@db.example/shop")
    told = warehouse_target.target_of("$WH::marts.scores")
    assert (told.kind, told.table) == ("postgres", "marts.scores")
    assert "s3cret" not in repr(told)
    assert warehouse_target.target_of("$WH").table == "crm_scores"
    (tmp_path / "shop.sqlite").write_bytes(b"")
    mine = warehouse_target.target_of("::scores", source=read_source("shop.sqlite"))
    assert (mine.kind, mine.path) == ("sqlite", tmp_path / "shop.sqlite")


def test_columns_and_keys_that_cannot_be_written_say_so(base, tmp_path) -> None:
    history = base.purchase_history
    with pytest.raises(ParameterError, match="the columns as_of are written beside yours"):
        base.to_warehouse(f"{tmp_path}/a.parquet", history.mutate(as_of=history.last_day))
    with pytest.raises(PublishError, match="1 rows have the key of another"):
        base.to_warehouse(f"{tmp_path}/a.parquet", base.occasions.select("customer_id", "day"))
    assert not list(tmp_path.iterdir())
