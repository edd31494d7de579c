"""Whatever people keep their purchases in opens to the same base, or says in a sentence why not."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import sqlite3
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.network_files import read_network_parquet
from crm_analytics.tables.source_ref import read_source

TODAY = "2026-07-01"
FRAME = pd.DataFrame(
    {
        "customer_id": ["00123", "b", None, "00123"],
        "transaction_date": ["2026-01-01", "2026-01-02 10:30:00", "2026-01-03", "2026-01-04"],
        "unit_spend": [1.25, 2.5, 7.0, -0.75],
        "channel": ["web", "NA", "shop", None],
    }
)
TEXT = FRAME.to_csv(index=False)
TYPED = FRAME.assign(transaction_date=pd.to_datetime(FRAME["transaction_date"], format="mixed"))


def facts(source, **how) -> tuple:
    base = CustomerBase.open(source, today=TODAY, **how)
    ids = sorted(base.collect(base.customers.select("customer_id"))["customer_id"])
    return (*(base.counts[k] for k in ("rows", "anonymous_rows", "revenue")), ids, base.day.isoformat())


EXPECTED = (4, 1, 10.0, ["00123", "b"], "2026-01-04")


def refused(source, *words: str, kind: type = DataError, **how) -> str:
    with pytest.raises(kind) as caught:
        CustomerBase.open(source, today=TODAY, **how)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    return str(caught.value)


# -- files -----------------------------------------------------------------------------------------


def write_csv_gz(path: Path) -> None:
    path.write_bytes(gzip.compress(TEXT.encode()))


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._orders.csv", "x")
        archive.writestr("deep/../orders.csv", TEXT)


def write_wrapped(path: Path) -> None:
    path.write_text(json.dumps({"orders": json.loads(FRAME.to_json(orient="records")), "next": None}))


FILES = {
    "orders.csv.gz": write_csv_gz,
    "orders.zip": write_zip,
    "orders.tsv": lambda p: p.write_text(FRAME.to_csv(index=False, sep="\t")),
    "orders.json": lambda p: p.write_text(FRAME.to_json(orient="records")),
    "wrapped.json": write_wrapped,
    "orders.jsonl": lambda p: p.write_text(FRAME.to_json(orient="records", lines=True)),
    "orders.ndjson.gz": lambda p: p.write_bytes(
        gzip.compress(FRAME.to_json(orient="records", lines=True).encode())
    ),
    "orders.xlsx": lambda p: TYPED.to_excel(p, index=False),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_every_kind_open_alike_law(name, tmp_path) -> None:
    FILES[name](tmp_path / name)
    assert facts(tmp_path / name) == EXPECTED
    if not name.startswith("wrapped"):  # and as one of the files of a folder
        (tmp_path / name).rename(tmp_path / name.replace("orders", "transactions"))
        assert facts(tmp_path) == EXPECTED


def test_objects_in_json_are_columns_by_their_path_law(tmp_path) -> None:
    orders = [
        {"id": 1, "customer": {"id": 12345678901234567, "address": {"zip": "01067"}}, "at": "2026-01-01",
         "total": "12.50", "lines": [{"sku": "a"}]},
        {"id": 2, "customer": None, "at": "2026-01-02", "total": "3.10", "lines": []},
    ]  # fmt: skip
    (tmp_path / "orders.json").write_text(json.dumps({"orders": orders}))
    mapping = {"customer_id": "customer.id", "transaction_date": "at", "unit_spend": "total",
               "store_id": "customer.address.zip"}  # fmt: skip
    base = CustomerBase.open(tmp_path / "orders.json", mapping={"transactions": mapping}, today=TODAY)
    assert base.counts["revenue"] == 15.6
    lines = base.collect(base.transactions).sort_values("transaction_date")
    assert lines["customer_id"].iloc[0] == "12345678901234567"  # no digit is lost
    assert lines["store_id"].iloc[0] == "01067"


def test_a_workbook_is_a_folder_of_sheets_law(tmp_path) -> None:
    with pd.ExcelWriter(tmp_path / "shop.xlsx") as book:
        TYPED.to_excel(book, sheet_name="transactions", index=False)
        pd.DataFrame({"customer_id": ["00123"], "city": ["Bonn"]}).to_excel(
            book, sheet_name="customers", index=False
        )
    base = CustomerBase.open(tmp_path / "shop.xlsx", today=TODAY)
    assert set(base.tables) == {"transactions", "customers"}
    assert facts(tmp_path / "shop.xlsx")[:3] == EXPECTED[:3]
    said = refused(tmp_path / "shop.xlsx", mapping={"transactions": {"from": "transaction"}})
    assert "no sheet 'transaction'; did you mean 'transactions'" in said


def test_numbers_padded_by_a_sheets_format_keep_their_zeros_law(tmp_path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["customer_id", "transaction_date", "unit_spend"])
    book.active.append([123, dt.datetime(2026, 1, 1), 5.5])
    book.active["A2"].number_format = "00000"
    book.save(tmp_path / "t.xlsx")
    assert facts(tmp_path / "t.xlsx")[3] == ["00123"]


def test_parquet_of_every_type_opens_law(tmp_path) -> None:
    table = pa.table(
        {
            "customer": pa.array([{"id": "a", "deep": {"x": 1}}, {"id": "b", "deep": None}]),
            "transaction_date": pa.array([1767225600000000001, 1767312000000000000], pa.timestamp("ns")),
            "zoned": pa.array([1767225600000, 1767312000000], pa.timestamp("ms", "Asia/Tokyo")),
            "unit_spend": pa.array([Decimal("1.123456789"), Decimal("2.5")], pa.decimal128(38, 9)),
            "list": [[1], [2]],
            "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int32())),
            "half": pa.array(np.array([1, 2], dtype="float16")),
            "time": pa.array([dt.time(1), None]),
            "bytes": pa.array([b"k", b"l"]),
            "unsigned": pa.array([1, 2], pa.uint64()),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    nested = {"transactions": {"customer_id": "customer.id"}}
    zoned = {"transactions": {"customer_id": "bytes", "transaction_date": "zoned", "product_id": "kind"}}
    for source in (tmp_path / "t.parquet", table):
        assert facts(source, mapping=nested) == (2, 0, 3.6235, ["a", "b"], "2026-01-02")
        assert facts(source, mapping=zoned)[3:] == (["k", "l"], "2026-01-02")


def test_a_csv_joins_a_parquet_file_by_numbers_and_text_law(tmp_path) -> None:
    lines = pd.DataFrame({"order_id": [1, 1, 2, 10], "qty": 2, "price": 5.0})
    lines.to_csv(tmp_path / "lines.csv", index=False)
    orders = pd.DataFrame({"order_id": [1, 2, 10], "who": ["a", "b", "a"], "day": "2026-01-01"})
    orders.to_parquet(tmp_path / "orders.parquet")
    mapping = {"from": "lines", "join": [{"from": "orders", "on": "order_id"}], "customer_id": "who",
               "transaction_date": "day", "unit_spend": "qty * price"}  # fmt: skip
    assert facts(tmp_path, mapping={"transactions": mapping}) == (4, 0, 40.0, ["a", "b"], "2026-01-01")


def test_of_two_files_of_one_table_none_is_chosen_and_it_says_so(tmp_path) -> None:
    (tmp_path / "transactions.csv").write_text(TEXT)
    pq.write_table(pa.Table.from_pandas(FRAME), tmp_path / "transactions.parquet")
    refused(tmp_path, "two files of that name", "transactions.csv", "transactions.parquet", "from =")
    assert facts(tmp_path, mapping={"transactions": {"from": "transactions.csv"}}) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("old.xls", b"x", ("expected a .csv", "Save it as .xlsx or .csv")),
        ("x.pkl", b"x", ("write it as Parquet",)),
        ("g.csv.gz", b"no gzip", ("cannot be unpacked",)),
        ("g.zip", b"no zip", ("cannot be unpacked",)),
        ("e.json", b"", ("expected a list of objects",)),
        ("e.json", b"[1, 2]", ("expected a list of objects",)),
        ("e.jsonl", b'{"a": 1}\n{bad', ("cannot be read as JSON Lines (one object a line)",)),
        ("b.xlsx", b"PK\x03\x04 no book", ("no readable .xlsx file",)),
        ("page.csv", b"\xef\xbb\xbf<!DOCTYPE html><html>Log in</html>", ("is a web page or XML", "log-in")),
        ("rows.csv", b'{"customer_id": "a"}\n', ("is JSON", "the ending .json")),
        ("x.db", b"hello world, this is text", ("not a readable DuckDB or SQLite file",)),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(name, content, words, tmp_path) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, name, *words)


def test_an_archive_of_several_files_or_of_a_bomb_says_so(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    refused(tmp_path / "two.zip", "holds 2 files", "give the folder")
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as file:
        for _ in range(60):
            file.write(b"0" * 1_000_000)
    said = refused(tmp_path / "bomb.csv.gz")
    assert "more than a table would" in said


# -- databases -------------------------------------------------------------------------------------


@pytest.fixture
def sqlite(tmp_path) -> Path:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        FRAME.to_sql("transactions", connection, index=False)
        connection.execute("CREATE VIEW sold AS SELECT *, 1.0 AS x FROM transactions")
        connection.execute("CREATE TABLE mixed (customer_id, transaction_date, unit_spend)")
        connection.execute(
            "INSERT INTO mixed VALUES (9007199254740993, '2026-01-04', 5), (0.5, '2026-01-04', '5.00')"
        )
    return path


def test_sqlite_opens_without_any_extension_law(sqlite, tmp_path) -> None:
    before = sqlite.read_bytes()
    assert facts(sqlite) == facts(f"sqlite:///{sqlite}") == EXPECTED
    assert facts(sqlite, mapping={"transactions": {"from": "sold"}}) == EXPECTED
    sqlite.rename(tmp_path / "shop.db")  # the ending says little
    assert facts(tmp_path / "shop.db") == EXPECTED
    assert (tmp_path / "shop.db").read_bytes() == before
    mixed = facts(tmp_path / "shop.db", mapping={"transactions": {"from": "mixed"}})
    assert mixed[2:4] == (10.0, ["0.5", "9007199254740993"])


def test_a_sqlite_url_that_leads_nowhere_makes_no_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused("sqlite:///shop.sqlite", "there is no file or folder 'shop.sqlite'")
    assert list(tmp_path.iterdir()) == []


def test_tables_of_any_schema_of_a_duckdb_file_open_law(tmp_path) -> None:
    path = tmp_path / "dbt.duckdb"
    with duckdb.connect(path) as connection:
        connection.register("rows", FRAME)
        connection.execute('CREATE SCHEMA marts; CREATE SCHEMA "odd one"')
        connection.execute("CREATE TABLE marts.transactions AS SELECT * FROM rows")
        connection.execute("CREATE VIEW marts.sold AS SELECT * FROM marts.transactions")
        connection.execute('CREATE TABLE "odd one"."x y" AS SELECT * FROM rows')
    assert facts(path) == EXPECTED  # the only one of that name
    for name in ("marts.transactions", "sold", "marts.sold", "odd one.x y", "MARTS.Sold"):
        assert facts(path, mapping={"transactions": {"from": name}}) == EXPECTED
    with duckdb.connect(path) as connection:
        connection.execute('CREATE TABLE "odd one".transactions AS SELECT * FROM marts.transactions')
    refused(path, "in several schemas", "marts.transactions", 'from = "')


def test_a_strangers_duckdb_file_reaches_nothing_beside_itself(tmp_path) -> None:
    (tmp_path / "secret.csv").write_text("customer_id,transaction_date,unit_spend\na,2026-01-01,1\n")
    path = tmp_path / "bad.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(f"CREATE VIEW transactions AS SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    refused(path, "reads files or addresses outside the database", "CREATE TABLE")


def test_no_engine_of_ours_fetches_or_loads_extensions() -> None:
    base = CustomerBase.open(FRAME, today=TODAY)
    settings = base.transactions.get_backend().con.execute(
        "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions'"
    )
    assert settings.fetchall() == [("false",), ("false",)]


# -- frames ----------------------------------------------------------------------------------------


FRAMES = {
    "lazy polars": lambda: pl.from_pandas(FRAME).lazy(),
    "polars with 128 bits": lambda: pl.from_pandas(FRAME).with_columns(pl.lit(1).cast(pl.Int128).alias("q")),
    "DuckDB relation": lambda: duckdb.connect().from_arrow(pa.Table.from_pandas(FRAME)),
    "Ibis table": lambda: ibis.duckdb.connect().create_table("x", pa.Table.from_pandas(FRAME)),
    "Ibis memtable": lambda: ibis.memtable(FRAME),
    "Arrow reader": lambda: pa.Table.from_pandas(FRAME).to_reader(),
    "Arrow batch": lambda: pa.RecordBatch.from_pandas(FRAME),
    "named index": lambda: TYPED.set_index("customer_id"),
    "Period that nobody needs": lambda: TYPED.assign(m=TYPED["transaction_date"].dt.to_period("M")),
    "Period as the date": lambda: TYPED.assign(transaction_date=TYPED["transaction_date"].dt.to_period("D")),
    "Interval": lambda: TYPED.assign(band=pd.cut(TYPED["unit_spend"], 2)),
    "float16": lambda: TYPED.assign(x=np.float16(1)),
    "duplicated column": lambda: pd.concat(
        [TYPED.assign(z=1), TYPED[["unit_spend"]].set_axis(["z"], axis=1)], axis=1
    ),
    "duplicated and equal": lambda: pd.concat([TYPED, TYPED[["unit_spend"]]], axis=1),
    "objects of any kind": lambda: TYPED.assign(q=[[1], {"a": 1}, None, object()]),
    "complex, durations, sparse": lambda: TYPED.assign(
        a=1j, b=pd.Timedelta(1, "D"), c=pd.arrays.SparseArray([0, 0, 1, 0])
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_every_library_open_alike_law(kind) -> None:
    assert facts(FRAMES[kind]()) == EXPECTED


def test_an_arrow_dataset_opens(tmp_path) -> None:
    pq.write_table(pa.Table.from_pandas(FRAME), tmp_path / "p.parquet")
    assert facts(ds.dataset(tmp_path / "p.parquet")) == EXPECTED


def test_rows_chosen_from_a_base_open_again() -> None:
    lines = CustomerBase.open(FRAME, today=TODAY).transactions
    assert facts(lines.filter(lines.unit_spend > 0))[2] == 10.75


def test_a_column_that_is_there_twice_with_other_values_says_so() -> None:
    twice = pd.concat([TYPED, TYPED[["unit_spend"]] * 2], axis=1)
    refused(twice, "no column 'unit_spend'", "unit_spend (1)", "unit_spend (2)")


# -- the network, other engines ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["https://example.org/x.parquet", "s3://bucket/x.parquet", "S3A://b/x.parquet"]
)
def test_nothing_is_read_from_the_network_unless_allowed_and_it_says_so(url) -> None:
    said = refused(url, "nothing is read from there unless you allow it", "network = true")
    assert "bucket" not in said


class Network:
    """A stub of the engine behind the extension httpfs, which is installed by hand and is not here."""

    def __init__(
        self, rows: Path | None = None, fails: duckdb.Error | None = None, *, missing: bool = False
    ) -> None:
        self.con, self.said, self.rows, self.fails, self.missing = self, [], rows, fails, missing
        self._duck = ibis.duckdb.connect()

    def execute(self, query: str) -> None:
        if query == "LOAD httpfs" and self.missing:
            raise duckdb.IOException('Extension "/home/somebody/.duckdb/httpfs.duckdb_extension" not found.')
        if query == "LOAD httpfs" or query.startswith("SET s3"):
            self.said.append(query)
        else:
            self._duck.con.execute(query)

    def read_parquet(self, url: str, **_: object) -> duckdb.DuckDBPyRelation:
        self.said.append(url)
        if self.fails is not None:
            raise self.fails
        return self._duck.con.read_parquet(str(self.rows))

    def table(self, name: str) -> ir.Table:
        return self._duck.table(name)


def test_a_network_source_is_read_with_the_keys_of_the_environment(tmp_path, monkeypatch) -> None:
    TYPED.to_parquet(tmp_path / "x.parquet")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "it's")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    stub = Network(tmp_path / "x.parquet")
    rows = read_network_parquet(stub, read_source("s3://bucket/x.parquet", network=True))
    assert int(rows.count().to_pyarrow().as_py()) == len(TYPED)
    assert stub.said[0] == "LOAD httpfs"
    assert "SET s3_secret_access_key = 'it''s'" in stub.said
    assert stub.said[-1] == "s3://bucket/x.parquet"


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (duckdb.HTTPException("HTTP GET error on 'https://h/x?sig=s3cret' (HTTP 403)"), "access is refused"),
        (duckdb.HTTPException("HTTP GET error on 'https://h/x?sig=s3cret' (HTTP 404)"), "no such file"),
        (
            duckdb.HTTPException("HTTP GET error on 'https://h/x?sig=s3cret' (HTTP 503)"),
            "the server answers 503",
        ),
        (duckdb.IOException("Could not establish connection to 'https://h/x?sig=s3cret'"), "nothing answers"),
        (
            duckdb.InvalidInputException("No magic bytes found at end of 'https://h/x?sig=s3cret'"),
            "no Parquet",
        ),
    ],
)
def test_a_network_source_that_fails_says_why_and_never_where(fails, says) -> None:
    ref = read_source("https://h/x.parquet?sig=s3cret", network=True)
    with pytest.raises(DataError, match=says) as caught:
        read_network_parquet(Network(fails=fails), ref)
    assert "s3cret" not in str(caught.value)
    assert "h/x" not in str(caught.value)


def test_a_network_source_without_the_extension_says_what_to_install_once() -> None:
    ref = read_source("https://h/x.parquet?sig=s3cret", network=True)
    with pytest.raises(DataError, match="install_extension\\('httpfs'\\)"):
        read_network_parquet(Network(missing=True), ref)
    with pytest.raises(DataError, match="only a Parquet file"):
        read_network_parquet(Network(), read_source("https://h/x.csv", network=True))


def test_an_engine_without_its_driver_says_what_to_install() -> None:
    refused("snowflake://u:s3cret@account/db", 'pip install "ibis-framework[snowflake]')
    refused("mysql://u:s3cret@h/db", 'pip install "ibis-framework[mysql]', "libmysqlclient-dev")
    said = refused("posgres://u:s3cret@h/db", "did you mean 'postgres'")
    assert "s3cret" not in said


def test_a_variable_that_is_not_set_says_so(monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    refused("$NO_SUCH_URL", "environment variable NO_SUCH_URL is not set", kind=ParameterError)


def test_tables_in_parts_are_found_by_the_folders_and_files_they_are_called_after_law(tmp_path) -> None:
    """One file a month, Hive's folders, and both beside a table that is whole."""
    head, lines = TEXT.splitlines()[0], TEXT.splitlines()[1:]
    half = len(lines) // 2
    for place, part in (("year=2025/a.csv", lines[:half]), ("year=2026/b.csv", lines[half:])):
        (tmp_path / "orders" / place).parent.mkdir(parents=True)
        (tmp_path / "orders" / place).write_text("\n".join([head, *part]))
    assert facts(tmp_path) == EXPECTED
    for month in (1, 2):
        (tmp_path / f"events_2026-{month:02d}.csv").write_text(
            f"customer_id,timestamp,event,channel\na,2026-{month:02d}-03 10:00:00,Opened,mail\n"
        )
    base = CustomerBase.open(tmp_path, today="2026-06-01", mapping={"transactions": {"from": "orders/*"}})
    assert int(base.snapshot.tables["events"].count().to_pyarrow().as_py()) == 2
