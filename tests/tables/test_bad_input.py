"""Every way a source can be wrong that we know of: the error's class, its words, and what stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError

TODAY = "2026-07-01"
HEADER = "customer_id,transaction_date,unit_spend\n"


def lines(n: int = 100) -> list[str]:
    """`n` good lines of one customer a day."""
    days = pd.date_range("2026-01-01", periods=n).strftime("%Y-%m-%d")
    return [f"c{i % 7},{day},{i + 1}.50" for i, day in enumerate(days)]


@pytest.fixture
def csv(tmp_path: Path):
    """Write a transactions.csv and return its path."""

    def write(text: str | bytes, name: str = "transactions.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refused(source, words: tuple[str, ...], kind: type = DataError, **how) -> str:
    with pytest.raises(kind) as caught:
        CustomerBase.open(source, today=TODAY, **how)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert caught.value.exit_code == {DataError: 3, ParameterError: 2}[kind]
    return str(caught.value)


def with_bad(*bad: str, good: int = 100) -> str:
    """Good lines with bad ones after the second: the first bad one is row 3."""
    rows = lines(good)
    return HEADER + "\n".join([*rows[:2], *bad, *rows[2:]]) + "\n"


def rejected_of(base: CustomerBase) -> list[tuple]:
    return [tuple(row) for row in base.rejected[["row_number", "column", "rule"]].itertuples(index=False)]


# -- columns ---------------------------------------------------------------------------------------


def test_a_missing_column_says_which_and_offers_the_nearest(csv) -> None:
    refused(
        csv("customer_id,transaction_dat,unit_spend\na,2026-01-01,1\n"),
        ("no column 'transaction_date'", "did you mean 'transaction_dat'?", "mapping.toml"),
    )


@pytest.mark.parametrize(
    ("header", "offer"),
    [("Client,date,unit_spend", "Client"), ("customer_id,InvoiceDate,unit_spend", "InvoiceDate"),
     ("customer_id,transaction_date,Amount", "Amount")],
)  # fmt: skip
def test_a_renamed_column_says_the_usual_name(csv, header: str, offer: str) -> None:
    row = "a,2026-01-01,1"
    refused(csv(f"{header}\n{row}\n"), ("no column", f"did you mean '{offer}'?"))


def test_a_duplicate_header_says_which_name(csv) -> None:
    refused(
        csv("customer_id,transaction_date,Unit_Spend,unit_spend\na,2026-01-01,1,2\n"),
        ("'unit_spend'", "more than once"),
    )


def test_an_empty_file_says_so(csv) -> None:
    refused(csv(""), ("transactions.csv is empty",))
    refused(csv("\n\n"), ("is empty",))


def test_a_header_without_rows_says_so(csv) -> None:
    refused(csv(HEADER), ("header but not one row",))


def test_no_usable_row_says_why(csv) -> None:
    refused(
        csv(HEADER + "a,never,1\nb,later,2\n"),
        ("2 of 2 rows are broken", "2 × transaction_date is not a date"),
        max_rejected=1.0,
    )


def test_no_file_offers_the_nearest(csv) -> None:
    path = csv(HEADER)
    refused(path.with_name("transaction.csv"), ("there is no file", "did you mean 'transactions.csv'?"))


def test_a_folder_without_tables_says_how_to_name_one(tmp_path) -> None:
    (tmp_path / "sales.csv").write_text(HEADER)
    (tmp_path / "people.csv").write_text("customer_id\n")
    refused(tmp_path, ("no table 'transactions'", "people, sales", 'from = "..."'))


def test_an_unknown_kind_of_file_says_what_is_expected(csv) -> None:
    refused(csv("x", "book.ods"), ("cannot read book.ods", ".parquet", "Save it as .xlsx"))


def test_a_damaged_parquet_file_says_so(csv) -> None:
    refused(csv("this is no parquet", "sales.parquet"), ("sales.parquet is not a readable Parquet file",))


# -- values ----------------------------------------------------------------------------------------


def test_unparseable_dates_are_rejected_with_their_place(csv) -> None:
    base = CustomerBase.open(csv(with_bad("a,soon,1", "b,2026-02-30,1", "c,,1")), today=TODAY)
    assert rejected_of(base) == [
        (3, "transaction_date", "is not a date"),
        (4, "transaction_date", "is not a date"),
        (5, "transaction_date", "is missing"),
    ]
    assert base.counts["rows"] == 100
    assert base.counts["rejected"] == 3


@pytest.mark.parametrize(
    ("amount", "rule"),
    [("nan", "is not a number"), ("inf", "is not a number"), ("-Infinity", "is not a number"),
     ("1e400", "is not a number"), ("twelve", "is not a number"), ("", "is missing"), ("  ", "is missing"),
     ("NA", "is not a number"), ("12,50,", None)],
)  # fmt: skip
def test_amounts_that_are_no_numbers_are_rejected(csv, amount: str, rule: str | None) -> None:
    base = CustomerBase.open(csv(with_bad(f"a,2026-01-02,{amount}")), today=TODAY)
    (found,) = rejected_of(base)
    assert found == (3, "unit_spend", rule) if rule else found[0] == 3
    assert base.counts["revenue"] == sum(i + 1.5 for i in range(100))


def test_nan_and_infinite_amounts_of_a_frame_are_rejected() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a"] * 60,
            "transaction_date": pd.date_range("2026-01-01", periods=60),
            "unit_spend": [1.0, np.nan, np.inf] + [1.0] * 57,
        }
    )
    base = CustomerBase.open(frame, today=TODAY)
    assert rejected_of(base) == [(2, "unit_spend", "is missing"), (3, "unit_spend", "is not a number")]


def test_text_in_an_optional_number_leaves_it_empty_and_keeps_the_row(csv) -> None:
    text = "customer_id,transaction_date,unit_spend,unit_quantity\na,2026-01-01,1,two\nb,2026-01-02,2,3\n"
    base = CustomerBase.open(csv(text), today=TODAY)
    assert base.counts["rows"] == 2
    assert base.counts["rejected"] == 0
    ((row, column, rule),) = rejected_of(base)
    assert (row, column) == (1, "unit_quantity")
    assert rule == "is not a number; the value is left empty, the row stays"


def test_na_is_a_surname_and_an_id(tmp_path) -> None:
    (tmp_path / "transactions.csv").write_text(HEADER + "NA,2026-01-01,1\nnull,2026-01-01,1\n,2026-01-01,1\n")
    (tmp_path / "customers.csv").write_text("customer_id,last_name\nNA,NA\nnull,None\n")
    base = CustomerBase.open(tmp_path, today=TODAY)
    people = base.collect(base.customers).set_index("customer_id")["last_name"]
    assert dict(people) == {"NA": "NA", "null": "None"}
    assert base.counts["anonymous_rows"] == 1


def test_future_dates_are_rejected_against_the_given_today(csv) -> None:
    path = csv(with_bad("a,2026-07-02,1", "b,2026-07-01 23:59:59,1", "c,9999-12-31,1"))
    base = CustomerBase.open(path, today=TODAY)
    assert rejected_of(base) == [
        (3, "transaction_date", "lies after today"),
        (5, "transaction_date", "lies after today"),
    ]
    assert base.day.isoformat() == "2026-07-01"
    assert CustomerBase.open(path, today="2026-07-02").counts["rejected"] == 1


def test_dates_before_any_shop_are_rejected(csv) -> None:
    base = CustomerBase.open(csv(with_bad("a,0001-01-01,1", "b,1899-12-31,1")), today=TODAY)
    assert [rule for _, _, rule in rejected_of(base)] == ["lies before 1900"] * 2


def test_a_planned_campaign_is_no_future_row(tmp_path) -> None:
    (tmp_path / "transactions.csv").write_text(HEADER + "\n".join(lines(5)))
    (tmp_path / "campaigns.csv").write_text("campaign_id,start_date\nspring,2026-01-02\nxmas,2026-12-01\n")
    base = CustomerBase.open(tmp_path, today=TODAY)
    assert len(base.rejected) == 0
    assert base.collect(base.tables["campaigns"])["campaign_id"].tolist() == ["spring"]


# -- keys ------------------------------------------------------------------------------------------


def test_repeated_line_keys_are_rejected_with_their_place(csv) -> None:
    rows = [f"L{i},{line}" for i, line in enumerate(lines())]
    rows.insert(3, rows[0])
    base = CustomerBase.open(csv("transaction_line_id," + HEADER + "\n".join(rows)), today=TODAY)
    assert base.counts["rows"] == 100
    ((row, column, rule),) = rejected_of(base)
    assert row in (1, 4)  # the lines are equal: either may stay
    assert (column, rule) == ("transaction_line_id", "repeats a key that another row has")


def test_which_of_two_rows_with_one_key_stays_does_not_depend_on_their_order(csv) -> None:
    rows = [f"L{i},{line}" for i, line in enumerate(lines())]
    first = CustomerBase.open(
        csv("transaction_line_id," + HEADER + "\n".join([*rows, "L5,z,2026-01-01,9"])), today=TODAY
    )
    second = CustomerBase.open(
        csv("transaction_line_id," + HEADER + "\n".join(["L5,z,2026-01-01,9", *rows])), today=TODAY
    )
    assert first.data_hash == second.data_hash
    assert first.counts["rejected"] == second.counts["rejected"] == 1


def test_equal_lines_without_a_key_are_two_purchases(csv) -> None:
    base = CustomerBase.open(csv(HEADER + "a,2026-01-01,5\n" * 3), today=TODAY)
    assert base.counts["rows"] == 3
    assert base.counts["revenue"] == 15
    assert base.collect(base.occasions)["spend"].tolist() == [15.0]


def test_lines_without_a_key_value_repeat_nothing(csv) -> None:
    base = CustomerBase.open(csv("transaction_line_id," + HEADER + ",a,2026-01-01,5\n" * 3), today=TODAY)
    assert base.counts["rows"] == 3


# -- CSV as it comes -------------------------------------------------------------------------------

UMLAUTS = HEADER + "Müller,2026-01-01,3.5\nБорис,2026-01-02,1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_utf_16_are_read(csv, encoding: str) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    base = CustomerBase.open(csv((mark + UMLAUTS).encode(encoding)), today=TODAY)
    assert set(base.collect(base.customers)["customer_id"]) == {"Müller", "Борис"}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_latin_1_is_read(csv, encoding: str) -> None:
    base = CustomerBase.open(csv((HEADER + "Müller & Söhne,2026-01-01,3.5\n").encode(encoding)), today=TODAY)
    assert base.collect(base.customers)["customer_id"].tolist() == ["Müller & Söhne"]


def test_another_encoding_is_named_in_the_mapping(csv) -> None:
    path = csv((HEADER + "Łódź,2026-01-01,3.5\n").encode("cp1250"))
    base = CustomerBase.open(path, today=TODAY, mapping={"transactions": {"encoding": "cp1250"}})
    assert base.collect(base.customers)["customer_id"].tolist() == ["Łódź"]
    refused(path, ("no encoding 'klingon'",), mapping={"transactions": {"encoding": "klingon"}})
    refused(path, ("is not utf-8 text",), mapping={"transactions": {"encoding": "utf-8"}})


def test_torn_lines_are_rejected_and_rows_after_them_keep_their_number(csv) -> None:
    base = CustomerBase.open(
        csv(with_bad("a,2026-01-01", "b,2026-01-01,1,2,3", "c,soon,1", "d,2026-01-01", "e,soon,1")),
        today=TODAY,
    )
    torn = "the line has too few or too many fields, or an open quote"
    assert rejected_of(base) == [
        (3, "", torn), (4, "", torn), (5, "transaction_date", "is not a date"),
        (6, "", torn), (7, "transaction_date", "is not a date"),
    ]  # fmt: skip
    assert base.counts["rows"] + base.counts["rejected"] == 105


def test_row_numbers_hold_in_a_long_file(csv) -> None:
    rows = [f"c{i % 999},2026-01-{1 + i % 28:02d},{i}" for i in range(300_000)]
    bad = [1_000, 77_777, 123_456, 299_998]
    for i in bad:
        rows[i] = f"c{i},never,{i}"
    rows[50_000] = "torn"
    base = CustomerBase.open(csv(HEADER + "\n".join(rows)), today=TODAY)
    assert base.rejected["row_number"].tolist() == sorted(i + 1 for i in [*bad, 50_000])


def test_an_open_quote_at_the_end_is_a_character(csv) -> None:
    base = CustomerBase.open(csv(HEADER + "\n".join(lines()) + '\n"a,2026-01-01,1\n'), today=TODAY)
    assert base.counts["rows"] == 101
    assert base.counts["rejected"] == 0
    assert '"a' in set(base.collect(base.customers)["customer_id"])


def test_quotes_newlines_and_delimiters_inside_values_are_text(csv) -> None:
    base = CustomerBase.open(csv(HEADER + '"a ""b"", c\nd",2026-01-01,1\n'), today=TODAY)
    assert base.collect(base.customers)["customer_id"].tolist() == ['a "b", c\nd']


def test_semicolons_and_decimal_commas_are_read(csv) -> None:
    text = HEADER.replace(",", ";") + "a;2026-01-01;1.234,56\nb;2026-01-02;-7,5\nc;2026-01-02;1 000,1\n"
    base = CustomerBase.open(csv(text), today=TODAY, mapping={"transactions": {"decimal": ","}})
    assert base.counts["revenue"] == pytest.approx(1234.56 - 7.5 + 1000.1, abs=1e-9)


def test_a_comma_that_may_be_either_mark_says_both_readings(csv) -> None:
    path = csv("customer_id;transaction_date;unit_spend\na;2026-01-01;1,500\nb;2026-01-02;20\n")
    refused(path, ("1,500 is 1.500 with a decimal comma, or 1500 with a decimal point", 'decimal = "."'))
    for decimal, revenue in ((",", 21.5), (".", 1520)):
        base = CustomerBase.open(path, today=TODAY, mapping={"transactions": {"decimal": decimal}})
        assert base.counts["revenue"] == revenue


@pytest.mark.parametrize("delimiter", ["\t", "|", ";"])
def test_other_delimiters_are_found(csv, delimiter: str) -> None:
    base = CustomerBase.open(csv((HEADER + "\n".join(lines(3))).replace(",", delimiter)), today=TODAY)
    assert base.counts["rows"] == 3


def test_dates_in_another_order_are_read_by_the_mapping(csv) -> None:
    path = csv(HEADER + "a,31/12/2025,1\nb,01/02/2026,1\n")
    said = {"transactions": {"transaction_date": {"column": "transaction_date", "format": "%d/%m/%Y"}}}
    base = CustomerBase.open(path, today=TODAY, mapping=said)
    assert (base.first_day.isoformat(), base.day.isoformat()) == ("2025-12-31", "2026-02-01")
    assert CustomerBase.open(path, today=TODAY).day.isoformat() == "2026-02-01"  # 31/12 settles it


def test_dates_in_two_possible_orders_say_both(csv) -> None:
    path = csv(HEADER + "a,03/04/2026,1\nb,05/06/2026,1\n")
    refused(
        path, ("03/04/2026 as day, month, year or as month, day, year", 'format = "%d/%m/%Y"', '"%m/%d/%Y"')
    )
    refused(
        csv(HEADER + "a,13/04/2026,1\nb,05/16/2026,1\n"), ("1 rows fit only the first", "1 only the second")
    )


def test_dates_that_do_not_fit_the_mapping_are_rejected_as_such(csv) -> None:
    path = csv(
        HEADER + "".join(f"a,{1 + i % 28:02d}.01.2026,1\n" for i in range(60)) + "a,2026-01-05,1\nb,,1\n"
    )
    said = {"transactions": {"transaction_date": {"column": "transaction_date", "format": "%d.%m.%Y"}}}
    base = CustomerBase.open(path, today=TODAY, mapping=said)
    assert rejected_of(base) == [
        (61, "transaction_date", "is not a date"),
        (62, "transaction_date", "is missing"),
    ]


def test_windows_line_ends_and_blank_lines_are_no_rows(csv) -> None:
    base = CustomerBase.open(csv((HEADER + "\n".join(lines(5)) + "\n\n").replace("\n", "\r\n")), today=TODAY)
    assert base.counts["rows"] == 5
    assert len(base.rejected) == 0


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_mixed_and_old_line_ends_are_read(csv, end: str) -> None:
    text = HEADER + end.join(lines(4)) + end
    base = CustomerBase.open(csv(text.encode() if end == "\r\n" else text.replace("\n", "\r")), today=TODAY)
    assert base.counts["rows"] == 4
    assert len(base.rejected) == 0


# -- too much broken -------------------------------------------------------------------------------


def test_more_than_five_percent_broken_says_how_many_and_why(csv) -> None:
    path = csv(with_bad(*["a,soon,1"] * 4, *["b,2026-01-01,x"] * 2))
    says = refused(
        path,
        ("6 of 106 rows are broken", "4 × transaction_date is not a date", "2 × unit_spend is not a number"),
    )
    assert "first in rows 3, 4, 5, 6, 7" in says
    assert CustomerBase.open(path, today=TODAY, max_rejected=0.06).counts["rejected"] == 6


def test_exactly_five_percent_broken_is_accepted(csv) -> None:
    assert CustomerBase.open(csv(with_bad(*["a,soon,1"] * 5, good=95)), today=TODAY).counts["rejected"] == 5


def test_mixed_currencies_say_which(csv) -> None:
    text = "customer_id,transaction_date,unit_spend,currency\na,2026-01-01,1,EUR\na,2026-01-01,1,USD\n"
    refused(csv(text), ("several currencies", "EUR, USD"))


@pytest.mark.parametrize("name", ["Ccy", "Order currency", "Währung", "CURR"])
def test_currencies_in_a_column_that_nobody_reads_are_refused(csv, name) -> None:
    lines = [f"c{i % 11},2025-03-{1 + i % 28:02d},12.50,{'EUR' if i % 2 else 'JPY'}" for i in range(60)]
    text = f"customer_id,transaction_date,unit_spend,{name}\n" + "\n".join(lines)
    refused(csv(text), (name, "EUR, JPY", "where = {"))
    one = text.replace("JPY", "EUR")
    assert CustomerBase.open(csv(one), today=TODAY).counts["rows"] == 60
    said = CustomerBase.open(csv(text), today=TODAY, mapping={"currency": "EUR"})
    assert (said.currency, said.counts["rows"]) == ("EUR", 60)


def test_a_currency_that_contradicts_the_mapping_says_both(csv) -> None:
    text = "customer_id,transaction_date,unit_spend,currency\na,2026-01-01,1,EUR\n"
    refused(csv(text), ('currency = "GBP"', "EUR"), mapping={"currency": "GBP"})
    assert CustomerBase.open(csv(text), today=TODAY).currency == "EUR"


# -- the day ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2025-12-31", "2026-04-11"])
def test_a_day_outside_the_data_says_their_range(csv, day: str) -> None:
    base = CustomerBase.open(csv(with_bad()), today=TODAY)
    with pytest.raises(DataError, match=r"from 2026-01-01 to 2026-04-10") as caught:
        base.as_of(day)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", " ", "31.01.2026"])
def test_a_day_that_is_none_says_how_to_write_it(csv, day: str) -> None:
    base = CustomerBase.open(csv(with_bad()), today=TODAY)
    with pytest.raises(ParameterError, match="expected a day like 2026-01-31"):
        base.as_of(day)


def test_an_empty_span_says_which_way_round(csv) -> None:
    base = CustomerBase.open(csv(with_bad()), today=TODAY)
    with pytest.raises(ParameterError, match="must lie before"):
        base.between("2026-02-01", "2026-02-01")


# -- hostile text ----------------------------------------------------------------------------------

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "Robert'); DROP TABLE transactions;--",
    "\u202eevil\u202c",
    "zero\u200bwidth",
    "../../etc/passwd",
    "{{ 7*7 }} ${x} %s",
    "emoji 👩‍👩‍👧 end",
    "back\\slash",
    "x" * 1_000_000,
]


def test_hostile_text_stays_text(tmp_path) -> None:
    import csv as writer_of

    with (tmp_path / "transactions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = writer_of.writer(stream)
        writer.writerow(["customer_id", "transaction_date", "unit_spend", "channel"])
        writer.writerows([text, "2026-01-01", "1", text] for text in HOSTILE)
    base = CustomerBase.open(tmp_path, today=TODAY)
    assert set(base.collect(base.customers)["customer_id"]) == set(HOSTILE)
    assert len(base.rejected) == 0
    again = CustomerBase.open(base.save(tmp_path / "kept"))
    assert set(again.collect(again.transactions)["channel"]) == set(HOSTILE)


def test_hostile_file_and_column_names_are_only_names(tmp_path) -> None:
    folder = tmp_path / "it's [a] *folder*"
    folder.mkdir()
    path = folder / "x'; DROP TABLE y; --[1].csv"
    path.write_text('"customer_id","transaction_date","unit_spend","a"";--\'"\na,2026-01-01,1,2\n')
    assert CustomerBase.open(path, today=TODAY).counts["rows"] == 1


def test_a_refusal_does_not_show_values(csv) -> None:
    says = refused(csv(HEADER + "Jane Doe,secret day,1\n"), ("1 of 1 rows",))
    assert "Jane" not in says
    assert "secret" not in says


# -- a database in use -----------------------------------------------------------------------------

WRITER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS x")
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_duckdb_file_open_for_writing_elsewhere_says_so(tmp_path) -> None:
    path = tmp_path / "crm.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "open"
        try:
            refused(path, ("crm.duckdb is open for writing in another process", "copy"))
        finally:
            child.communicate("done\n", timeout=30)


def test_a_file_that_is_no_database_says_so(csv) -> None:
    refused(
        csv("not a database at all, certainly not", "crm.duckdb"),
        ("crm.duckdb is not a readable DuckDB or SQLite file",),
    )
