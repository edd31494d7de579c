"""`mapping.toml`: what it can say, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.mapping import read_mapping

TODAY = "2026-07-01"
MAPPINGS = Path(__file__).parents[2] / "data" / "mappings"
FRAME = pd.DataFrame(
    {"Who": ["a", "b"], "Day": ["2026-01-01", "2026-01-02"], "Price": [2.0, 3.0], "N": [2, 5]}
)
NAMES = {"customer_id": "Who", "transaction_date": "Day"}


def revenue(spend: str, frame: pd.DataFrame = FRAME) -> float:
    base = CustomerBase.open(frame, today=TODAY, mapping={"transactions": {**NAMES, "unit_spend": spend}})
    return base.counts["revenue"]


@pytest.mark.parametrize(
    ("text", "total"),
    [("Price", 5), ("Price * N", 19), ("Price*N - 1", 17), ("-(Price + N) / 2", -6), ("Price * 1.5e1", 75),
     ('"Price" * 2', 10), ("((Price))", 5)],
)  # fmt: skip
def test_sums_of_columns_are_read(text: str, total: float) -> None:
    assert revenue(text) == total


@pytest.mark.parametrize(
    "text",
    [
        "drop table transactions",
        "Price; DROP TABLE x",
        "Price, N",
        "read_csv('/etc/passwd')",
        "abs(Price)",
        "sum(Price)",
        "(SELECT 1)",
        "SELECT Price",
        "CASE WHEN N > 1 THEN Price ELSE 0 END",
        "Price || N",
        "Price ** 2",
        "Price % 2",
        "Price > 1",
        "Price::VARCHAR",
        "other.Price",
        "'text'",
        "Price -- comment\n; N",
        "7",
        "",
        "*",
        "$1",
        "?",
        "'",
        "(" * 400,
        "Price + " * 200 + "Price",
        "Price *",
    ],
)
def test_anything_else_than_sums_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"neither a column|there is no column") as caught:
        revenue(text)
    assert len(str(caught.value)) < 400


def test_an_unknown_column_in_a_sum_offers_the_nearest() -> None:
    with pytest.raises(DataError, match="no column 'Prices'; did you mean 'Price'"):
        revenue("Prices * N")


def test_a_column_whose_name_is_a_sum_is_that_column() -> None:
    assert revenue("Price * N", FRAME.assign(**{"Price * N": [1, 1]})) == 2


def test_division_by_zero_is_a_broken_row() -> None:
    with pytest.raises(DataError, match=r"1 of 2 rows are broken \(1 × unit_spend"):
        revenue("Price / (N - 2)")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"transaction": {}}, "unknown table or setting 'transaction'; did you mean 'transactions'"),
        ({"transactions": {"custmer_id": "x"}}, "no field 'custmer_id'; did you mean 'customer_id'"),
        ({"transactions": "sales.csv"}, "must be a section"),
        ({"transactions": {"customer_id": 7}}, "customer_id must be"),
        ({"transactions": {"customer_id": {"columns": "x"}}}, "customer_id must be"),
        ({"transactions": {"customer_id": {"column": "x", "equals": "y"}}}, "customer_id must be"),
        ({"transactions": {"decimal": ";"}}, "decimal must be"),
        ({"transactions": {"join": "orders"}}, "join must look like"),
        ({"currencies": "EUR"}, "did you mean 'currency'"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(content: dict, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_mapping(content)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_no_toml_or_not_there_says_so(tmp_path) -> None:
    (tmp_path / "mapping.toml").write_text("label = ")
    with pytest.raises(ParameterError, match="not valid TOML"):
        read_mapping(tmp_path / "mapping.toml")
    with pytest.raises(ParameterError, match=r"no file mapping2\.toml"):
        read_mapping(tmp_path / "mapping2.toml")


def test_the_mapping_beside_the_data_is_found(tmp_path) -> None:
    FRAME.to_csv(tmp_path / "sales.csv", index=False)
    (tmp_path / "mapping.toml").write_text(
        'label = "Shop"\ncurrency = "EUR"\n[transactions]\nfrom = "sales.csv"\ncustomer_id = "Who"\n'
        'transaction_date = "Day"\nunit_spend = "Price"\n'
    )
    for source in (tmp_path, tmp_path / "sales.csv"):
        base = CustomerBase.open(source, today=TODAY)
        assert (base.label, base.currency, base.counts["revenue"]) == ("Shop", "EUR", 5.0)


# -- the two worked mappings, on data of the same shape ------------------------------------------------


def test_the_online_retail_mapping_reads_its_shape(tmp_path) -> None:
    """Ids as floats with holes, a cancellation, no line total."""
    frame = pd.DataFrame(
        {
            "InvoiceNo": ["536365", "536365", "536366", "C536379", "536380"],
            "StockCode": ["85123A", "71053", "22633", "D", "22961"],
            "Description": ["a", "b", None, "Discount", "d"],
            "Quantity": [6, 6, 6, -1, 24],
            "InvoiceDate": pd.to_datetime(["2010-12-01 08:26"] * 3 + ["2010-12-02 09:41"] * 2),
            "UnitPrice": [2.55, 3.39, 1.85, 27.5, 1.45],
            "CustomerID": [17850.0, 17850.0, np.nan, 14527.0, 17850.0],
            "Country": "United Kingdom",
        }
    )
    frame.to_parquet(tmp_path / "online_retail.parquet")
    base = CustomerBase.open(
        tmp_path / "online_retail.parquet", mapping=MAPPINGS / "online_retail.toml", today=TODAY
    )
    assert base.counts["revenue"] == pytest.approx(15.3 + 20.34 + 11.1 - 27.5 + 34.8)
    assert (base.counts["anonymous_rows"], base.counts["anonymous_spend"]) == (1, pytest.approx(11.1))
    history = base.collect(base.purchase_history).set_index("customer_id")
    assert history["order_count"].to_dict() == {"17850": 2, "14527": 0}
    assert history["invoice_count"].to_dict() == {"17850": 2, "14527": 0}
    assert (base.currency, base.label) == ("GBP", "Online retail")


def test_the_northwind_mapping_joins_orders_and_lines(tmp_path) -> None:
    (tmp_path / "order_details.csv").write_text(
        "OrderID,ProductID,UnitPrice,Quantity,Discount\n1,11,14,12,0\n1,42,9.8,10,0.5\n2,11,14,1,0\ntorn\n2,42,x,1,0\n"
        + "2,42,1,1,0\n" * 60
    )
    (tmp_path / "orders.csv").write_text(
        "OrderID,CustomerID,OrderDate\n1,VINET,2016-07-04\n2,TOMSP,2016-07-05\ntorn\n"
    )
    (tmp_path / "customers.csv").write_text("CustomerID,City,Region,Country\nVINET,Reims,,France\n")
    (tmp_path / "products.csv").write_text("ProductID,ProductName,UnitPrice\n11,Queso,21\n42,Mee,14\n")
    shutil.copy(MAPPINGS / "northwind.toml", tmp_path / "mapping.toml")
    base = CustomerBase.open(tmp_path, today=TODAY)
    history = base.collect(base.purchase_history).set_index("customer_id")
    assert history["revenue"].to_dict() == {"VINET": 168 + 49, "TOMSP": 14 + 60}
    assert base.collect(base.tables["products"])["list_price"].tolist() == [21.0, 14.0]
    told = base.rejected[["row_number", "column"]].to_numpy().tolist()
    assert told == [[3, ""], [4, ""], [5, "unit_spend"]]
    assert base.rejected["rule"].str.contains("orders.csv").sum() == 1


def test_a_join_that_would_multiply_rows_is_refused(tmp_path) -> None:
    lines = pd.DataFrame({"order": [1, 2], "amount": [1, 2]})
    orders = pd.DataFrame({"order": [1, 1], "who": ["a", "b"], "day": ["2026-01-01"] * 2})
    said = {"from": "lines", "customer_id": "who", "transaction_date": "day", "unit_spend": "amount"}
    for key, says in (("order", "more than once"), ("ordr", "cannot join orders on 'ordr'")):
        mapping = {"transactions": {**said, "join": [{"from": "orders", "on": key}]}}
        with pytest.raises(DataError, match=says):
            CustomerBase.open({"lines": lines, "orders": orders}, today=TODAY, mapping=mapping)


CLICKS = pd.DataFrame(
    {
        "user": ["a", "a", "b", "b", "c"],
        "event": ["view", "purchase", "view", "renewal", "view"],
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03", "2026-01-04"]),
    }
)


@pytest.mark.parametrize(("wanted", "rows"), [("purchase", 1), (["purchase", "renewal"], 2)])
def test_where_keeps_the_purchases_of_a_log_of_clicks(wanted, rows, tmp_path) -> None:
    given = {
        "transactions": {"from": "log", "where": {"event": wanted}, "customer_id": "user",
                         "transaction_date": "at", "unit_spend": 1},
        "events": {"from": "log", "customer_id": "user", "timestamp": "at", "channel": "event"},
    }  # fmt: skip
    base = CustomerBase.open({"log": CLICKS}, mapping=given, today="2026-02-01")
    assert base.counts["rows"] == rows
    assert base.counts["revenue"] == rows  # no money is known: every purchase counts one
    CLICKS.to_csv(tmp_path / "log.csv", index=False)
    given["transactions"]["from"] = given["events"]["from"] = "log.csv"
    assert CustomerBase.open(tmp_path, mapping=given, today="2026-02-01").counts["rows"] == rows


@pytest.mark.parametrize(("wanted", "rows"), [("purchase", 1), (["purchase", "renewal"], 2)])
def test_a_flag_is_told_by_a_value(wanted, rows) -> None:
    given = {
        "transactions": {"from": "log", "customer_id": "user", "transaction_date": "at", "unit_spend": 1},
        "events": {"from": "log", "customer_id": "user", "timestamp": "at", "channel": "event",
                   "is_conversion": {"column": "event", "equals": wanted}},
    }  # fmt: skip
    events = CustomerBase.open({"log": CLICKS}, mapping=given, today="2026-02-01").tables["events"]
    assert events.filter(events.is_conversion).count().to_pyarrow().as_py() == rows


@pytest.mark.parametrize("where", ["event = 'purchase'", {"event": []}, {"event": 3}, {"event": ["a", 3]}])
def test_another_where_says_what_it_must_look_like(where) -> None:
    with pytest.raises(ParameterError, match="where must look like"):
        CustomerBase.open({"log": CLICKS}, mapping={"transactions": {"from": "log", "where": where}})


def test_where_offers_the_nearest_column() -> None:
    with pytest.raises(DataError, match="no column 'evnt'; did you mean 'event'"):
        CustomerBase.open({"log": CLICKS}, mapping={"transactions": {"from": "log", "where": {"evnt": "a"}}})
