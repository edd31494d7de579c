"""The page of `crm check`: complete, masked, escaped, and about the data that were opened."""

from __future__ import annotations

import html
import json
import re
import stat
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.cli import main
from crm_analytics.reports.source_check import page
from crm_analytics.reports.source_check.sections import Readiness
from crm_analytics.tables.inspection import inspect

TODAY = "2026-07-01"
PEOPLE = pd.DataFrame(
    {
        "customer_id": ["Zaphod42", "Trillian7"],
        "first_name": ["<script>alert(1)</script>", "Tricia"],
        "email": ["zaphod@example.org", "tricia@example.org"],
        "birth_date": ["1978-03-08", "1979-10-11"],
        "city": ["Islington", "Islington"],
    }
)
LINES = pd.DataFrame(
    {
        "customer_id": ["Zaphod42", "Trillian7", None, "Zaphod42"] * 5,
        "transaction_date": pd.date_range("2026-01-05", periods=20, freq="6D").strftime("%d.%m.%Y"),
        "unit_spend": ["1.234,50", "2,75", "3,00", "-1,25"] * 5,
        "channel": ["web", "shop", "web", "<b>bold</b>"] * 5,
    }
)
REPORTS = [
    Readiness(name="segments", question="Who?", status="ready", next_step="crm report segments --data shop"),
    Readiness(name="channels", question="Where?", status="missing", next_step="bring events"),
]


def built(**mapping) -> tuple[CustomerBase, str]:
    base = CustomerBase.open(
        {"transactions": LINES, "customers": PEOPLE}, mapping=mapping or None, today=TODAY
    )
    text = page.build(base, inspect(base, TODAY).rejected, REPORTS)
    # Without the page's own code and the chart library, which hold any four digits.
    return base, re.sub(r'<script(?! type="application/json").*?</script>', "", text, flags=re.DOTALL)


def words_of(text: str) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_tells_rows_readings_findings_and_reports() -> None:
    base, text = built()
    said = words_of(text)
    account = base.snapshot.accounts["transactions"]
    assert f"{account.read} purchase lines of 2 customers" in said
    for heading in ("Findings", "Rows", "Time", "Columns", "Reports"):
        assert heading in said
    assert "numbers with a decimal comma" in said
    assert "1 of 2 reports can be made in full" in said
    assert "bring events" in said
    for finding in base.snapshot.findings:
        assert finding.says in said
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', text)[1])["facts"]
    assert (facts["read"], facts["kept"], facts["customers"]) == (22, 22, 2)


def test_what_may_name_a_person_is_masked_unless_allowed_law() -> None:
    personal = ("Zaphod", "Trillian", "Tricia", "example.org", "1978", "Islington")
    _, text = built()
    assert not [word for word in personal if word in text]
    assert "xxxxxx@xxxxxxx.xxx" in text
    _, shown = built(show_customers=True)
    assert not [word for word in personal if word not in shown]


def test_hostile_values_are_escaped_law() -> None:
    for mapping in ({}, {"show_customers": True}):
        _, text = built(**mapping)
        assert "<script>alert" not in text
        assert "<b>bold" not in text


def test_the_same_data_give_the_same_page_law() -> None:
    assert built()[1] == built()[1]


def test_a_month_without_purchases_is_told() -> None:
    lines = LINES.assign(transaction_date=["05.01.2026", "05.04.2026"] * 10)
    base = CustomerBase.open(lines, today=TODAY)
    assert "2 months without any purchase" in words_of(page.build(base, inspect(base, TODAY).rejected, []))


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    LINES.to_csv("shop.csv", index=False)
    return tmp_path


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_crm_check_writes_the_page_and_says_where(shop, capsys) -> None:
    assert ended("check", "shop.csv") == 0
    written = shop / "reports" / "checks" / "shop.html"
    assert "reports/checks/shop.html" in capsys.readouterr().err
    assert stat.S_IMODE(written.stat().st_mode) & 0o007 == 0
    assert "crm report segments --data shop.csv" in words_of(written.read_text(encoding="utf-8"))
    assert ended("check", "shop.csv", "--page", "deep/x.html") == 0
    assert (shop / "deep" / "x.html").is_file()


def test_crm_check_for_machines_or_without_a_page_writes_none(shop, capsys) -> None:
    assert ended("check", "shop.csv", "--no-page") == 0
    assert ended("check", "shop.csv", "--json") == 0
    json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not (shop / "reports").exists()


def test_a_source_without_a_mapping_says_that_a_draft_can_be_made(shop, capsys) -> None:
    LINES.set_axis(["who", "when", "money", "where"], axis=1).to_csv("other.csv", index=False)
    assert ended("check", "other.csv") == 3
    assert "crm map other.csv" in capsys.readouterr().err
