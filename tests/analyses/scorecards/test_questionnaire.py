"""`crm assess`: asks, checks what is typed, writes the table that the report reads."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from crm_analytics import CustomerBase
from crm_analytics.analyses.scorecards import assessments
from crm_analytics.analyses.scorecards.framework import read
from crm_analytics.analyses.scorecards.questionnaire import HEADER, ask, questions, write
from crm_analytics.cli import crm
from crm_analytics.errors import DataError, ParameterError


def answered(*typed: str) -> tuple[list[dict[str, object]], list[str]]:
    """Rows and what was said, for what somebody types; then only empty answers."""
    left, said = iter(typed), []
    rows = ask(read("idic"), lambda _: next(left, ""), said.append, date(2026, 3, 1), "head of service")
    return rows, said


def test_answers_become_rows_of_the_contract() -> None:
    rows, said = answered("4", "2,5", "a list on the wall", "", "1", "")
    assert tuple(rows[0]) == HEADER
    assert [(r["intention_score"], r["reality_score"], r["evidence"]) for r in rows] == [
        (4.0, 2.5, "a list on the wall"), (None, 1.0, ""),
    ]  # fmt: skip
    assert len(said) == 4 + len(questions(read("idic")))


def test_what_is_no_score_is_asked_again() -> None:
    rows, said = answered("six", "9", "-1", "3", "0")
    assert rows[0]["intention_score"] == 3.0
    assert rows[0]["reality_score"] == 0.0
    assert sum("a number from 0 to 5" in s for s in said) == 3
    assert answered()[0] == []


def test_the_table_is_added_to_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "assessments.csv"
    assert write(answered("4", "2", "")[0], path) == 1
    assert write(answered("5", "3", "")[0], path) == 1  # the same question on the same day is replaced
    sales = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-03-05"], "unit_spend": [1.0]})
    base = CustomerBase.open({"transactions": sales, "assessments": pd.read_csv(path)}, today="2026-04-01")
    found = assessments.of_base(base).of("IDIC", "identify")
    assert found is not None
    assert (found.intention, found.reality, found.practices) == (1.0, 0.6, 1)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("customer_id\n1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"customers\.csv is there, and is no table of assessments"):
        write(answered("4", "2", "")[0], path)
    assert path.read_text(encoding="utf-8") == "customer_id\n1\n"


def test_a_framework_that_asks_nothing_says_so() -> None:
    with pytest.raises(ParameterError, match="asks nothing"):
        questions(read("balanced"))


def test_the_command_asks_and_writes(tmp_path: Path) -> None:
    path = tmp_path / "assessments.csv"
    done = CliRunner().invoke(
        crm, ["assess", "idic", "--write", str(path), "--by", "owner"], input="4\n3\nseen\n" + "\n" * 60
    )
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(path)) == 1
    wrong = CliRunner().invoke(crm, ["assess", "idik"])
    assert isinstance(wrong.exception, ParameterError)
    assert "did you mean 'idic'" in str(wrong.exception)
