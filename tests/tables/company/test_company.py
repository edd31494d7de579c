"""The tables of the demo company: whole, in the contract, the same for the same seed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import cli
from crm_analytics.errors import ParameterError
from crm_analytics.tables.company import write_company
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.customer_base import CustomerBase
from tests.tables.company.conftest import Company, open_company

KEYS = {
    "customer_id": "customers",
    "referrer_customer_id": "customers",
    "referred_customer_id": "customers",
    "parent_customer_id": "customers",
    "product_id": "products",
    "campaign_id": "campaigns",
    "ticket_id": "tickets",
}


def test_every_table_of_the_contract_is_there_and_nothing_is_set_aside(company: Company) -> None:
    base = CustomerBase.open(company.folder)
    assert set(base.snapshot.tables) == set(TABLES)
    assert base.rejected.empty
    assert base.currency == "EUR"
    for name, rows in company.truth["rows"].items():
        if name in TABLES:
            assert rows == len(company.table(name)) > 20


@pytest.mark.parametrize("name", TABLES)
def test_keys_point_to_rows_that_are_there(company: Company, name: str) -> None:
    table = company.table(name)
    for column, other in KEYS.items():
        if column in table and other != name:
            known = set(company.table(other)[TABLES[other].key[0]])
            assert set(table[column].dropna()) <= known, (name, column)
    if TABLES[name].key and name != "channel_spend":
        assert not table.duplicated(list(TABLES[name].key)).any()


def test_orders_of_tickets_are_there(company: Company) -> None:
    sold = set(company.table("transactions")["transaction_id"])
    assert set(company.table("tickets")["transaction_id"]) <= sold


@pytest.mark.parametrize("name", TABLES)
def test_facts_come_after_their_row_and_before_the_end(company: Company, name: str) -> None:
    table, contract = company.table(name), TABLES[name]
    end = pd.Timestamp(company.truth["last_day"]) + pd.Timedelta(days=1)
    if contract.row_time and contract.row_time in table:
        table[contract.row_time] = pd.to_datetime(table[contract.row_time])
        assert (table[contract.row_time].dropna() < end).all()
    for column in {c.known_from for c in contract.columns if c.known_from} & set(table):
        told = table[column].notna()
        assert (table.loc[told, column] < end).all()
        assert (table.loc[told, column] >= table.loc[told, contract.row_time]).all(), (name, column)
    for column in contract.columns:
        if column.known_from and column.name in table and column.known_from in table:
            unknown = table[column.known_from].isna()
            assert table.loc[unknown, column.name].isna().all(), (name, column.name)


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def written(folder: Path, **options: int) -> dict[str, str]:
    folder.mkdir()
    return hashes(write_company(folder, customers=60, years=1, **options))


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "a")
    assert written(tmp_path / "b") == first
    assert written(tmp_path / "c", seed=1)["transactions.parquet"] != first["transactions.parquet"]


def test_dirt_is_set_aside_as_counted(tmp_path: Path) -> None:
    for name in ("clean", "dirty"):
        (tmp_path / name).mkdir()
    clean = write_company(tmp_path / "clean", customers=300, years=1)
    dirty = open_company(write_company(tmp_path / "dirty", customers=300, years=1, dirty=True))
    base = CustomerBase.open(dirty.folder)
    planted = dirty.truth["dirt"]
    assert len(base.rejected) == sum(planted.values()), base.rejected.groupby(["column", "rule"]).size()
    same = CustomerBase.open(clean)
    assert base.exact_occasions.count().execute() == same.exact_occasions.count().execute()


@pytest.mark.parametrize("options", [{"customers": 3}, {"years": 0}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(ParameterError, match=f"{next(iter(options))} is"):
        write_company(tmp_path, **options)


def crm(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    return int(ended.value.code or 0)


def test_cli_writes_a_company_of_the_size_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    asked = ["demo", "company", "--customers", "40", "--years", "1", "--seed", "5"]
    assert crm(*asked) == 0
    told = open_company(tmp_path / "data" / "company").truth
    assert (told["customers"], told["seed"]) == (40, 5)
    assert crm("demo", "lemonade", "--years", "2") != 0
    assert "--years is for the company" in capsys.readouterr().err
