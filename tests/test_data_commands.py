"""crm demo, check and list, also called wrongly on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm_analytics import cli


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    out = capsys.readouterr()
    return stopped.value.code, out.out, out.err


def test_demo_writes_into_the_project_and_says_the_next_step(project, capsys):
    code, out, err = call(capsys, "demo", "lemonade")
    assert code == 0
    assert Path(out.strip()) == project / "data" / "lemonade"
    assert (project / "data" / "lemonade" / "transactions.csv").is_file()
    assert "crm list --data lemonade" in err


def test_demo_without_a_name_says_what_there_is(project, capsys):
    code, out, _ = call(capsys, "demo")
    assert code == 0
    assert "cdnow-master" in out


def test_unknown_demo_says_the_nearest(project, capsys):
    code, _, err = call(capsys, "demo", "lemonad")
    assert code == 2
    assert "did you mean 'lemonade'" in err


def test_check_says_rows_rejects_age_and_completeness(project, capsys):
    (project / "shop.csv").write_text(
        "customer_id,transaction_date,unit_spend,channel\n"
        "a,2026-01-01,5,web\na,2026-01-01,5,web\nb,2026-01-09,x,web\n,2026-01-09,7,\nc,2026-01-10,-2,\n"
    )
    code, out, _ = call(capsys, "check", "shop.csv")
    assert code == 0
    words = " ".join(out.split())
    assert "transactions 4 1 2026-01-10" in words
    assert "transactions channel 50.0 %" in words
    assert "unit_spend is not a number" in words
    assert "1 lines have no customer (7.00)" in words
    assert "1 lines equal another" in words
    assert "1 lines are returns" in words
    assert "currency is unknown" in words
    assert "20.0 % of the rows, about 20.0 % of the money. Reports stop above 5 %" in words


def test_check_for_machines_is_json(project, capsys):
    (project / "shop.csv").write_text("customer_id,transaction_date,unit_spend\na,2026-01-01,5\n")
    code, out, _ = call(capsys, "check", "shop.csv", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["tables"][0]["rows"] == 1
    assert found["customers"] == 1


def test_check_of_nothing_says_so(project, capsys):
    (project / "shop.csv").write_text("customer_id,transaction_date,unit_spend\na,2026-01-01,5\n")
    code, _, err = call(capsys, "check", "shp.csv")
    assert code == 3
    assert "did you mean 'shop.csv'" in err


def test_check_of_renamed_columns_offers_the_mapping_line(project, capsys):
    (project / "shop.csv").write_text("CustID,InvoiceDate,Amount\na,2026-01-01,5\n")
    code, _, err = call(capsys, "check", "shop.csv")
    assert code == 3
    assert "CustID" in err
    assert "mapping.toml" in err


def test_list_says_question_needs_and_whether_data_are_ready(project, capsys):
    call(capsys, "demo", "cdnow")
    call(capsys, "demo", "lemonade")
    code, out, _ = call(capsys, "list", "--data", "cdnow")
    assert code == 0
    assert "segments  [ready]" in out
    assert "Who are our customers" in out
    assert "crm report lifetime_value --data cdnow" in out
    code, out, _ = call(capsys, "list", "--data", "lemonade")
    assert code == 0
    assert "segments  [thin]" in out
    assert "begins at 100 customers, here are 40" in out


def test_list_names_a_table_that_is_missing(project, capsys):
    call(capsys, "demo", "lemonade")
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Mine\n\nWho called?"},
        {"cell_type": "code", "id": "b", "metadata": {"tags": ["parameters"]}, "outputs": [],
         "execution_count": None, "source": 'data: str = "x"\nas_of: str = ""'},
    ]  # fmt: skip
    about = {"crm": {"needs": {"tickets": ["ticket_id"], "transactions": ["coupon"]}}}
    notebook = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    (project / "notebooks" / "05_mine.ipynb").write_text(json.dumps(notebook))
    _, out, _ = call(capsys, "list", "--data", "lemonade", "--json")
    mine = next(one for one in json.loads(out) if one["name"] == "mine")
    assert mine["status"] == "missing"
    assert mine["question"] == "Who called?"
    assert "bring tickets, transactions.coupon" in mine["next_step"]
