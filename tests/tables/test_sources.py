"""Every kind of source opens to the same base; ids stay what they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError

TODAY = "2026-07-01"
FRAME = pd.DataFrame(
    {
        "customer_id": ["00123", "a b", None, "00123"],
        "transaction_date": pd.to_datetime(
            ["2026-01-01 00:00", "2026-01-02 10:30", "2026-01-03 00:00", "2026-01-04 00:00"]
        ),
        "unit_spend": [1.25, 2.5, np.nan, -0.75],
        "channel": ["web", "NA", "shop", None],
    }
).assign(unit_spend=lambda f: f["unit_spend"].fillna(7.0))


def facts(base: CustomerBase) -> tuple:
    return (base.data_hash, *(base.counts[k] for k in ("rows", "anonymous_rows", "revenue", "customers")))


EXPECTED = facts(CustomerBase.open(FRAME, today=TODAY))


def test_the_frame_itself_opens() -> None:
    assert EXPECTED[1:] == (4, 1, 10.0, 2)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "dict"])
def test_frames_of_every_kind_open_alike(kind: str) -> None:
    frame = {
        "pandas": FRAME,
        "polars": pl.from_pandas(FRAME),
        "pyarrow": pa.Table.from_pandas(FRAME, preserve_index=False),
        "dict": {"transactions": FRAME},
    }[kind]
    assert facts(CustomerBase.open(frame, today=TODAY)) == EXPECTED


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_column_without_one_value_opens(kind: str) -> None:
    empty = FRAME.assign(coupon=None)
    frame = {"pandas": empty, "polars": pl.from_pandas(empty), "pyarrow": pa.Table.from_pandas(empty)}[kind]
    assert facts(CustomerBase.open(frame, today=TODAY))[1:] == EXPECTED[1:]


def test_a_dict_of_mixed_frames_opens() -> None:
    people = pl.DataFrame(
        {"customer_id": ["00123"], "last_name": ["NA"], "created_at": [dt.date(2026, 1, 1)]}
    )
    base = CustomerBase.open({"transactions": FRAME, "customers": people}, today=TODAY)
    assert base.collect(base.tables["customers"])["last_name"].tolist() == ["NA"]


def test_files_and_folders_open_alike(tmp_path) -> None:
    csv = tmp_path / "sales.csv"
    FRAME.to_csv(csv, index=False)
    assert facts(CustomerBase.open(csv, today=TODAY)) == EXPECTED
    parquet = tmp_path / "sales.parquet"
    FRAME.to_parquet(parquet)
    assert facts(CustomerBase.open(parquet, today=TODAY)) == EXPECTED
    assert facts(CustomerBase.open(str(parquet), today=TODAY)) == EXPECTED
    folder = tmp_path / "shop"
    folder.mkdir()
    FRAME.to_parquet(folder / "transactions.parquet")
    assert facts(CustomerBase.open(folder, today=TODAY)) == EXPECTED


def test_parquet_in_parts_opens_alike(tmp_path) -> None:
    parts = tmp_path / "shop" / "transactions"
    parts.mkdir(parents=True)
    FRAME[:2].to_parquet(parts / "part-0.parquet")
    FRAME[2:].to_parquet(parts / "part-1.parquet")
    (parts / "_SUCCESS").touch()
    assert facts(CustomerBase.open(tmp_path / "shop", today=TODAY)) == EXPECTED
    assert facts(CustomerBase.open(parts, today=TODAY)) == EXPECTED


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as con:
        con.register("frame", FRAME)
        con.execute("CREATE TABLE transactions AS SELECT * FROM frame")
    return path


def test_a_duckdb_file_opens_while_another_reads_it(database) -> None:
    first = CustomerBase.open(database, today=TODAY)
    second = CustomerBase.open(database, today=TODAY)
    with duckdb.connect(database, read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM transactions").fetchall() == [(4,)]
        assert facts(first) == facts(second) == EXPECTED


def test_a_duckdb_file_is_never_written(database) -> None:
    before = database.read_bytes()
    base = CustomerBase.open(database, today=TODAY)
    base.materialise(base.occasions)
    assert database.read_bytes() == before


def test_a_url_and_a_connection_open_alike(database) -> None:
    assert facts(CustomerBase.open(f"duckdb://{database}", today=TODAY)) == EXPECTED
    connection = ibis.duckdb.connect(database, read_only=True)
    assert facts(CustomerBase.open(connection, today=TODAY)) == EXPECTED


def test_a_url_that_leads_nowhere_does_not_make_a_file(tmp_path) -> None:
    with pytest.raises(DataError, match=r"there is no .*nothing.duckdb"):
        CustomerBase.open(f"duckdb://{tmp_path}/nothing.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_a_url_is_not_told() -> None:
    with pytest.raises(DataError) as caught:
        CustomerBase.open("postgres://me:s3cret@localhost:1/nothing")
    assert "s3cret" not in str(caught.value)


def test_a_connection_without_transactions_says_what_it_has() -> None:
    connection = ibis.duckdb.connect()
    connection.create_table("transaction", obj=pa.table({"x": [1]}))
    with pytest.raises(DataError, match="did you mean 'transaction'"):
        CustomerBase.open(connection)


def test_something_else_says_what_is_expected() -> None:
    with pytest.raises(DataError, match=r"expected a pandas, polars or pyarrow frame, .*, got list"):
        CustomerBase.open([1, 2, 3])


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pd.Series([17850.0, np.nan, 12.0]), ["12", "17850"]),
        (pd.Series(["17850.0", " 12 ", ""]), ["12", "17850"]),
        (pd.Series([17850, 12, 3], dtype="int64"), ["12", "17850", "3"]),
        (pd.Series([17850, None, 12], dtype="Int64"), ["12", "17850"]),
        (pd.Series(["00123", "1.5.0", "x.0"]), ["00123", "1.5.0", "x.0"]),
        (pd.Series(["a", "b", None], dtype="category"), ["a", "b"]),
        (pd.Series([1, "x", None], dtype="object"), ["1", "x"]),
        (pd.Series([Decimal("12"), None, Decimal("7")]), ["12", "7"]),
    ],
    ids=[
        "floats",
        "text of floats",
        "integers",
        "nullable",
        "leading zeros",
        "categories",
        "mixed",
        "decimals",
    ],
)
def test_ids_stay_what_they_are(ids: pd.Series, expected: list[str]) -> None:
    frame = pd.DataFrame({"customer_id": ids, "transaction_date": "2026-01-01", "unit_spend": 1})
    base = CustomerBase.open(frame, today=TODAY)
    assert sorted(base.collect(base.customers)["customer_id"]) == expected


def test_leading_zeros_stay_in_csv(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("customer_id,transaction_date,unit_spend\n00123,2026-01-01,1\n17850.0,2026-01-01,1\n")
    base = CustomerBase.open(path, today=TODAY)
    assert sorted(base.collect(base.customers)["customer_id"]) == ["00123", "17850"]


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moments", "day"),
    [
        (pd.to_datetime(["2026-01-01 23:30"]).tz_localize("America/New_York"), "2026-01-01"),
        (pd.to_datetime(["2026-01-01 23:30"]).tz_localize("UTC"), "2026-01-01"),
        (["2026-01-01T23:30:00-05:00"], "2026-01-01"),
        (["2026-01-01 23:30:00.123456"], "2026-01-01"),
        (["20260101"], "2026-01-01"),
        ([20260101], "2026-01-01"),
        ([dt.date(2026, 1, 1)], "2026-01-01"),
        (pd.to_datetime(["2026-01-01 23:30"]).as_unit("ns"), "2026-01-01"),
    ],
    ids=["zone", "UTC", "offset in text", "microseconds", "compact text", "compact number", "date", "ns"],
)
def test_times_are_read_on_the_clock_of_their_type_or_one_offset_else_utc(moments, day: str) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": moments, "unit_spend": [1]})
    assert CustomerBase.open(frame, today=TODAY).day.isoformat() == day


def test_a_zone_of_a_users_own_session_does_not_move_days() -> None:
    connection = ibis.duckdb.connect()
    connection.con.execute("SET TimeZone = 'Asia/Tokyo'")
    connection.con.execute(
        "CREATE TABLE transactions AS SELECT 'a' AS customer_id, "
        "TIMESTAMPTZ '2026-01-01 20:00:00+00' AS transaction_date, 1.0 AS unit_spend"
    )
    assert CustomerBase.open(connection, today=TODAY).day.isoformat() == "2026-01-01"


# -- what is made of them --------------------------------------------------------------------------


def test_the_line_total_is_quantity_times_price() -> None:
    frame = FRAME.drop(columns="unit_spend").assign(
        unit_quantity=[2, 1, 3, -1], unit_price=[1.5, "2.25", 1, 4]
    )
    base = CustomerBase.open(frame, today=TODAY)
    assert base.counts["revenue"] == 2 * 1.5 + 2.25 + 3 - 4


def test_words_that_analyses_look_for_are_found_however_written() -> None:
    lines = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1]})
    members = pd.DataFrame({"campaign_id": "Spring", "customer_id": ["a", "b", "c"],
                            "treatment": ["Treated", " CONTROL ", "treated"]})  # fmt: skip
    found = CustomerBase.open({"transactions": lines, "campaign_members": members}, today="2026-02-01")
    told = found.tables["campaign_members"].order_by("customer_id").to_pandas()
    assert told["treatment"].tolist() == ["treated", "control", "treated"]
    assert set(told["campaign_id"]) == {"Spring"}  # a name stays as it is


def test_money_is_summed_exactly() -> None:
    frame = pd.DataFrame({"customer_id": "a", "transaction_date": "2026-01-01", "unit_spend": [0.1] * 1000})
    assert CustomerBase.open(frame, today=TODAY).counts["revenue"] == 100.0


def test_a_stranger_with_the_name_of_a_table_is_skipped_and_told(tmp_path) -> None:
    FRAME.to_csv(tmp_path / "transactions.csv", index=False)
    (tmp_path / "events.csv").write_text("title,room\nparty,1\n")
    base = CustomerBase.open(tmp_path, today=TODAY)
    assert list(base.tables) == ["transactions"]
    assert "no column 'timestamp'" in base.snapshot.skipped["events"]


def test_a_demo_that_is_not_there_yet_says_how_to_make_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="crm demo cdnow"):
        CustomerBase.open("cdnow")


def test_a_parquet_file_with_nan_and_text_numbers_opens(tmp_path) -> None:
    table = pa.table(
        {
            "customer_id": ["a"] * 40,
            "transaction_date": ["2026-01-01"] * 40,
            "unit_spend": pa.array([float("nan")] + [1.0] * 39),
            "unit_price": ["1.50", "x"] + ["2"] * 38,
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    base = CustomerBase.open(tmp_path / "t.parquet", today=TODAY)
    assert base.rejected[["row_number", "column"]].to_numpy().tolist() == [
        [1, "unit_spend"],
        [2, "unit_price"],
    ]
