"""What is said when a source cannot be used tells where the fault is, never whose it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import CrmError
from tests.privacy.canaries import canary, found_in_text

NAME, MAIL = canary("name", 1), canary("email", 1)
HEAD = "customer_id,transaction_date,unit_spend,currency\n"


def lines(row: str, number: int = 20) -> str:
    return "".join(
        row.format(n=n, name=canary("name", n), mail=canary("email", n)) + "\n" for n in range(number)
    )


def csv_of(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "transactions.csv").write_text(text, encoding="utf-8")
        return folder

    return write


def mapped(text: str, mapping: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
        return csv_of(text)(folder)

    return write


def cp1252(folder: Path) -> Path:
    (folder / "mapping.toml").write_text('[transactions]\nencoding = "utf-8"\n')
    (folder / "transactions.csv").write_bytes((HEAD + lines("{name} Müller,{mail},1,USD")).encode("cp1252"))
    return folder


def view(folder: Path) -> Path:
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as base:
        base.execute("create table raw as select ? as customer_id, ? as d", [MAIL, NAME])
        base.execute(
            "create view transactions as select customer_id, cast(d as date) as transaction_date, "
            "cast(customer_id as double) as unit_spend from raw"
        )
    return path


def not_parquet(folder: Path) -> Path:
    (folder / "transactions.parquet").write_text(HEAD + lines("{name},{mail},1,USD"))
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {
    "no header": csv_of(lines("{name},2026-01-01,{n}.5,{mail}")),
    "no header, one word": csv_of(lines("zqxkanari{n},2026-01-01,{n}.5")),
    "no header, twice": csv_of(f"{NAME},{NAME},{MAIL},{MAIL}\n" + lines("{name},{name},1,2")),
    "broken days": csv_of(HEAD + lines("k{n},{name},{n}.5,USD")),
    "broken amounts": csv_of(HEAD + lines("k{n},2026-01-01,{mail},USD")),
    "many currencies": csv_of(HEAD + lines("k{n},2026-01-01,1,{name}")),
    "one odd currency": mapped(HEAD + lines(f"k{{n}},2026-01-01,1,{MAIL}"), 'currency = "USD"\n'),
    "torn lines": csv_of(HEAD + lines('"{name}"x,{mail},"1,USD')),
    "too many fields": csv_of(HEAD + lines("k{n},2026-01-01,1,USD,{name},{mail}")),
    "a NUL": csv_of(HEAD + lines("{name}\0,2026-01-01,1,{mail}")),
    "a huge field": csv_of(HEAD + lines("{name}" * 300_000 + ",2026-01-01,{mail},USD", 1)),
    "wrong encoding": cp1252,
    "a view that fails": view,
    "not parquet": not_parquet,
    "a missing column": mapped(lines("{name},2026-01-01,1,{mail}"), '[transactions]\ncustomer_id = "who"\n'),
    "a sum of texts": mapped(
        HEAD + lines("{name},2026-01-01,{mail},USD"),
        '[transactions]\nunit_spend = "unit_spend * customer_id"\n',
    ),
    "a day of another form": mapped(
        HEAD + lines("{mail},{name},1,USD"),
        '[transactions]\ntransaction_date = { column = "transaction_date", format = "%d/%m/%Y" }\n',
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_message_tells_of_nobody(tmp_path: Path, source: str) -> None:
    with pytest.raises(CrmError) as caught:
        CustomerBase.open(SOURCES[source](tmp_path), today="2026-03-01")
    assert found_in_text(str(caught.value)) == []
    assert len(str(caught.value)) > 30


def test_one_odd_currency_is_not_told_as_the_currency(tmp_path: Path) -> None:
    base = CustomerBase.open(
        csv_of(HEAD + lines(f"k{{n}},2026-01-01,1,{NAME}"))(tmp_path), today="2026-03-01"
    )
    assert base.currency == ""


def test_frames_with_odd_values_tell_of_nobody() -> None:
    frame = pd.DataFrame(
        {"customer_id": [NAME, object()], "transaction_date": [MAIL, 3], "unit_spend": [NAME, {"a": MAIL}]}
    )
    with pytest.raises(CrmError) as caught:
        CustomerBase.open(frame, today="2026-03-01")
    assert found_in_text(str(caught.value)) == []


def test_rejected_rows_say_where_and_why_without_values(tmp_path: Path) -> None:
    good = lines("k{n},2026-01-{n},1,USD".replace("{n}", "{n:02}"), 28).replace("2026-01-00", "2026-01-28")
    bad = lines("{name},{mail},1,USD", 1) + lines("{name},2026-01-01,{mail},USD", 1)
    source = csv_of(HEAD + good + bad)(tmp_path)
    base = CustomerBase.open(source, today="2026-03-01", max_rejected=0.5)
    assert len(base.rejected) == 2
    assert found_in_text(base.rejected.to_json()) == []
    base.save(tmp_path / "saved")
    assert found_in_text((tmp_path / "saved" / "snapshot.json").read_text()) == []
