"""Several files of one table: each is read as it is written, none counts twice, what is not read is told."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError
from crm_analytics.tables.row_store import RowStore

TODAY = "2026-07-01"
NAMES = ("customer_id", "transaction_date", "unit_spend")
LINES = [(f"c{i % 7}", dt.date(2025, 1, 1) + dt.timedelta(days=i), Decimal(i * 91_357 + 4_250) / 100)
         for i in range(120)]  # fmt: skip


JOINED = {
    "transactions": {
        "from": "lines",
        "join": [{"from": "orders", "on": {"order_id": "id"}}],
        "customer_id": "who",
        "transaction_date": "day",
        "unit_spend": "amount",
    }
}


def german(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


# How a system writes a file: delimiter, spelling of the header, days, amounts.
SYSTEMS = {
    "iso": (",", str, "%Y-%m-%d", str),
    "german": (";", str.upper, "%d.%m.%Y", german),
    "british": (",", str.title, "%d/%m/%Y", "{:,.2f}".format),
    "american": ("\t", lambda n: n.replace("_", " ").title(), "%m/%d/%Y", "${:,.2f}".format),
    "swiss": (";", str, "%d.%m.%Y", lambda a: f"{a:,.2f}".replace(",", "'")),
    "seconds": ("|", str, "%s", str),
}


def text_of(lines: list[tuple[str, dt.date, Decimal]], system: str) -> str:
    delimiter, spelt, days, amounts = SYSTEMS[system]
    rows = [delimiter.join(spelt(name) for name in NAMES)]
    for who, day, amount in lines:
        noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC)
        cells = (who, str(int(noon.timestamp())) if days == "%s" else day.strftime(days), amounts(amount))
        rows.append(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells))
    return "\n".join(rows) + "\n"


def open_parts(folder: Path, parts: dict[str, str], **how) -> CustomerBase:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in parts.items():
        (folder / name).write_text(text)
    return CustomerBase.open(folder, today=TODAY, **how)


def read(base: CustomerBase) -> set[tuple[str, dt.date, Decimal]]:
    lines = base.collect(base.transactions.select(*NAMES))
    days = pd.to_datetime(lines["transaction_date"]).dt.date
    return set(
        zip(lines["customer_id"], days, lines["unit_spend"].map("{:.2f}".format).map(Decimal), strict=True)
    )


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(sorted(SYSTEMS)), min_size=2, max_size=4), st.integers(15, 60))
def test_files_of_any_systems_read_to_the_same_lines_law(tmp_path_factory, systems, size: int) -> None:
    lines = LINES[: size * len(systems)]
    step = len(lines) // len(systems)
    parts = {
        f"s_{i}.csv": text_of(lines[i * step : (i + 1) * step], system) for i, system in enumerate(systems)
    }
    assert read(open_parts(tmp_path_factory.mktemp("parts"), parts)) == set(lines[: step * len(systems)])


def test_files_that_differ_are_told_and_alike_ones_are_not(tmp_path) -> None:
    unlike = {"s_1.csv": text_of(LINES[:60], "iso"), "s_2.csv": text_of(LINES[60:], "german")}
    alike = {"s_1.csv": text_of(LINES[:60], "iso"), "s_2.csv": text_of(LINES[60:], "iso")}
    for name, parts in (("unlike", unlike), ("alike", alike)):
        kinds = {f.kind for f in open_parts(tmp_path / name, parts).findings}
        assert ("files_unlike" in kinds) == (name == "unlike")


def test_a_file_in_doubt_takes_the_grammar_of_files_like_it_alone(tmp_path) -> None:
    """1,250 is settled by a file of the same delimiter; beside one of another it is refused, and named."""
    doubt = 'customer_id{d}transaction_date{d}unit_spend\na{d}2025-05-05{d}"1,250"\nb{d}2025-05-06{d}900\n'
    like = open_parts(tmp_path / "a", {"s_1.csv": text_of(LINES, "british"), "s_2.csv": doubt.format(d=",")})
    assert float(like.counts["revenue"]) == pytest.approx(float(sum(x[2] for x in LINES)) + 2150)
    with pytest.raises(DataError, match=r"'unit_spend' of s_2\.csv can be read in two ways"):
        open_parts(tmp_path / "b", {"s_1.csv": text_of(LINES, "iso"), "s_2.csv": doubt.format(d=";")})


def test_kept_rows_of_unlike_files_are_those_of_all_files(tmp_path) -> None:
    """Where rows are kept from night to night, a new file of another system changes nothing of the law."""
    from crm_analytics.tables.incremental import open_incrementally
    from crm_analytics.tables.source_ref import read_source

    folder = tmp_path / "shop"
    for night, system in enumerate(("iso", "iso", "german", "american")):
        folder.mkdir(exist_ok=True)
        (folder / f"s_{night}.csv").write_text(text_of(LINES[night * 30 : night * 30 + 30], system))
        snapshot = open_incrementally(
            read_source(folder), None, dt.date(2026, 7, 1), 0.05, RowStore(tmp_path / "kept")
        )
        money = snapshot.tables["transactions"].unit_spend.sum().to_pyarrow().as_py()
        assert money == sum(x[2] for x in LINES[: night * 30 + 30])


def test_a_copy_of_a_file_is_refused_and_two_empty_months_are_not(tmp_path) -> None:
    text = text_of(LINES, "iso")
    with pytest.raises(DataError, match="hold the same, and their rows would count twice"):
        open_parts(tmp_path / "a", {"s_1.csv": text, "s_1 (1).csv": text})
    head = ",".join(NAMES) + "\n"
    base = open_parts(tmp_path / "b", {"s_1.csv": text, "s_2.csv": head, "s_3.csv": head})
    assert base.counts["rows"] == len(LINES)


def test_files_beside_the_tables_are_told(tmp_path) -> None:
    parts = {"transactions.csv": text_of(LINES, "iso"), "transactions_2019.csv": text_of(LINES[:9], "iso")}
    told = [f for f in open_parts(tmp_path, parts).findings if f.kind == "not_read"]
    assert [f.says for f in told] == ["Not read, as no table is called so: transactions_2019.csv."]


@pytest.mark.parametrize("name", ["TRANSACTIONS.CSV", "Transactions.csv", "orders 2025.csv"])
def test_the_one_file_of_a_folder_is_found_however_it_is_called(tmp_path, name: str) -> None:
    assert open_parts(tmp_path, {name: text_of(LINES, "iso")}).counts["rows"] == len(LINES)


def test_split_folders_are_one_table_whatever_their_files_are_called(tmp_path) -> None:
    for year, (name, part) in {2025: ("a", LINES[:50]), 2026: ("export-7", LINES[50:])}.items():
        (tmp_path / f"year={year}").mkdir()
        (tmp_path / f"year={year}" / f"{name}.csv").write_text(text_of(part, "iso"))
    assert read(CustomerBase.open(tmp_path, today=TODAY)) == set(LINES)


# -- single files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "^", "~", "\x01"])
@pytest.mark.parametrize("said", [r"\"on\"", r"C:\\\"x\"", r"a\"{d} \"b"])
def test_quotation_marks_behind_backslashes_are_characters_law(tmp_path, delimiter: str, said: str) -> None:
    said = said.replace("{d}", delimiter)
    rows = [
        f'c{i % 5},2025-03-{1 + i % 28:02d},7.00,"{said} {i}"'.replace(",", delimiter, 3) for i in range(60)
    ]
    rows[7] = rows[7].rpartition('"' + said)[0] + '"a path C:\\"'  # by the book, and it stays so
    head = delimiter.join((*NAMES, "remark"))
    (tmp_path / "s.csv").write_text("\n".join([head, *rows]))
    base = CustomerBase.open(tmp_path / "s.csv", today=TODAY)
    assert (base.counts["rows"], float(base.counts["revenue"]), base.counts["rejected"]) == (60, 420.0, 0)


@pytest.mark.parametrize("orient", ["columns", "split", "index"])
def test_json_of_another_shape_says_what_to_write(tmp_path, orient: str) -> None:
    frame = pd.DataFrame(
        {"customer_id": ["a", "b"], "transaction_date": ["2025-01-05"] * 2, "unit_spend": [1, 2]}
    )
    (tmp_path / "s.json").write_text(frame.to_json(orient=orient))
    with pytest.raises(DataError, match="write one object per row"):
        CustomerBase.open(tmp_path / "s.json", today=TODAY)


def test_numbers_and_texts_of_one_json_column_are_both_read_and_a_torn_line_is_named(tmp_path) -> None:
    rows = [dict(zip(NAMES, ("a", "2025-01-05", 1.5 if i % 2 else "2.50"), strict=True)) for i in range(10)]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert float(CustomerBase.open(tmp_path / "s.jsonl", today=TODAY).counts["revenue"]) == 20.0
    (tmp_path / "t.jsonl").write_text(
        "\n".join([*map(json.dumps, rows[:3]), "{oops", *map(json.dumps, rows[3:])])
    )
    with pytest.raises(DataError, match="first in line 4"):
        CustomerBase.open(tmp_path / "t.jsonl", today=TODAY)


def test_a_title_above_a_sheet_is_no_header(tmp_path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Sales report"], ["in EUR", None, "by till"], [], list(NAMES)):
        book.active.append(row)
    for who, day, amount in LINES:
        book.active.append([who, day, float(amount)])
    book.save(tmp_path / "s.xlsx")
    assert read(CustomerBase.open(tmp_path / "s.xlsx", today=TODAY)) == set(LINES)


@pytest.mark.parametrize(
    "head", ["Customer ID,Transaction Date,Unit Spend", "CUSTOMER_ID,TRANSACTION_DATE,UNIT_SPEND"]
)
def test_the_names_of_the_contract_are_found_in_any_spelling_and_those_of_the_mapping_stay(
    tmp_path, head
) -> None:
    text = text_of(LINES, "iso").replace(",".join(NAMES), head)
    (tmp_path / "s.csv").write_text(text)
    assert read(CustomerBase.open(tmp_path / "s.csv", today=TODAY)) == set(LINES)
    who, day, spend = head.split(",")
    mapped = {"transactions": {"customer_id": who, "transaction_date": day, "unit_spend": f'"{spend}" * 1'}}
    assert read(CustomerBase.open(tmp_path / "s.csv", mapping=mapped, today=TODAY)) == set(LINES)
    twice = {"s_1.csv": text, "s_2.csv": text_of(LINES[:3], "iso")}
    assert read(open_parts(tmp_path / "b", twice, mapping=mapped)) == set(LINES)


def test_keys_are_joined_as_ids_are_read_and_the_missing_ones_are_told(tmp_path) -> None:
    lines = "order_id,amount\n" + "".join(f"{i},10\n" for i in range(40))
    for name, orders in (("blank", [f"{i} " for i in range(40)]), ("float", [f"{i}.0" for i in range(40)])):
        text = "id,who,day\n" + "".join(
            f"{key},c{i % 5},2025-03-{1 + i % 28:02d}\n" for i, key in enumerate(orders)
        )
        base = open_parts(tmp_path / name, {"lines.csv": lines, "orders.csv": text}, mapping=JOINED)
        assert float(base.counts["revenue"]) == 400
    short = "\n".join(text.split("\n")[:30])
    with pytest.raises(DataError, match="11 rows with a key that the joined source does not have"):
        open_parts(tmp_path / "short", {"lines.csv": lines, "orders.csv": short}, mapping=JOINED)
    with pytest.raises(DataError, match="joining would multiply rows"):
        open_parts(
            tmp_path / "twice", {"lines.csv": lines, "orders.csv": text + "7,c1,2025-03-01\n"}, mapping=JOINED
        )


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from(sorted(SYSTEMS)), min_size=2, max_size=3))
def test_joined_files_of_any_systems_read_to_the_same_lines_law(tmp_path_factory, systems) -> None:
    folder, step = tmp_path_factory.mktemp("joined"), 30
    lines = LINES[: step * len(systems)]
    numbers = "\n".join(str(n) for n in range(len(lines) + 2))  # two without a partner
    parts = {"lines.csv": "order\n" + numbers + "\n"}
    for i, system in enumerate(systems):
        delimiter = SYSTEMS[system][0]
        head, *rows = text_of(lines[i * step : (i + 1) * step], system).splitlines()
        numbered = [f"{i * step + n}{delimiter}{row}" for n, row in enumerate(rows)]
        parts[f"orders_{i}.csv"] = "\n".join([f"id{delimiter}{head}", *numbered]) + "\n"
    join = [{"from": "orders_*.csv", "on": {"order": "id"}}]
    how = {"mapping": {"transactions": {"from": "lines", "join": join}}, "max_rejected": 0.1}
    base = open_parts(folder, parts, **how)
    assert read(base) == set(lines)
    assert base.counts["rejected"] == 2


def test_lines_without_a_currency_are_told(tmp_path) -> None:
    rows = "".join(f"c{i % 5},2025-03-{1 + i % 28:02d},10,{'' if i % 4 else 'usd'}\n" for i in range(40))
    (tmp_path / "s.csv").write_text(",".join((*NAMES, "currency")) + "\n" + rows)
    base = CustomerBase.open(tmp_path / "s.csv", today=TODAY)
    told = next(f for f in base.findings if f.kind == "no_currency")
    assert (base.currency, told.rows, told.money) == ("USD", 30, 300.0)


def parquet_folder(folder: Path, *parts: pd.DataFrame) -> Path:
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(parts):
        part.to_parquet(folder / f"part-{number}.parquet")
    return folder


def month(first: int, **columns: object) -> pd.DataFrame:
    days = [str(dt.date(2025, 3, 1) + dt.timedelta(days=first + n)) for n in range(30)]
    whose = [f"c{n % 11}" for n in range(30)]
    return pd.DataFrame({"customer_id": whose, "transaction_date": days, **columns})


TYPES = {
    "whole, then cents": ([7] * 30, [7.5] * 30, "435"),
    "whole, then text": ([7] * 30, ["7.50"] * 30, "435"),
    "two places, then four": ([Decimal("7.50")] * 30, [Decimal("7.5678")] * 30, "452.034"),
    "cents, then whole": ([7.5] * 30, [7] * 30, "435"),
}


@pytest.mark.parametrize("case", TYPES)
def test_parts_of_parquet_with_other_types_lose_no_cent(tmp_path, case) -> None:
    from crm_analytics.tables.incremental import open_incrementally
    from crm_analytics.tables.source_ref import read_source

    first, second, money = TYPES[case]
    parts = month(0, unit_spend=first), month(30, unit_spend=second)
    base = CustomerBase.open(parquet_folder(tmp_path / "whole", *parts), today=TODAY)
    assert (base.counts["rows"], str(base.counts["revenue"]).removesuffix(".0")) == (60, money)
    for night in (1, 2):  # the same where the second part comes a night later
        folder = parquet_folder(tmp_path / "nights", *parts[:night])
        kept = open_incrementally(
            read_source(folder), None, dt.date(2026, 7, 1), 0.05, RowStore(tmp_path / "kept")
        )
    assert kept.tables["transactions"].unit_spend.sum().to_pyarrow().as_py() == Decimal(money)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("later", [False, True])
def test_a_column_that_only_some_files_have_is_read_and_told(tmp_path, kind, later) -> None:
    with_it = month(0, unit_spend=[7.0] * 30, is_return=[n % 5 == 0 for n in range(30)], colour=["red"] * 30)
    parts = [with_it, month(30, unit_spend=[7.0] * 30)]
    parts = parts[::-1] if later else parts
    if kind == "parquet":
        parquet_folder(tmp_path / "s", *parts)
    else:
        (tmp_path / "s").mkdir()
        for number, part in enumerate(parts):
            part.to_csv(tmp_path / "s" / f"part-{number}.csv", index=False)
    base = CustomerBase.open(tmp_path / "s", today=TODAY)
    assert (base.counts["rows"], base.counts["returns"]) == (60, 6)
    [told] = [one for one in base.findings if one.kind == "missing_column"]  # not of a column nobody reads
    assert (told.severity, told.column) == ("serious", "is_return")
    assert f"part-{int(not later)}.{kind}" in told.says


def test_parts_of_one_name_in_several_folders_are_told_apart(tmp_path) -> None:
    plain = month(0, unit_spend=[7.0] * 30)
    for year, part in (("2024", plain.assign(is_return=False)), ("2025", plain)):
        (tmp_path / "s" / f"year={year}").mkdir(parents=True)
        part.to_parquet(tmp_path / "s" / f"year={year}" / "part-0.parquet")
    for place in (tmp_path, tmp_path / "s"):
        base = CustomerBase.open(place, today=TODAY)
        [told] = [one for one in base.findings if one.kind == "missing_column"]
        assert "'is_return' is in 1 of 2 files" in told.says
