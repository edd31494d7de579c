"""The partners page between two companies that share planted customers: lists, secrets, what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crm_analytics.analyses import partners as analysis
from crm_analytics.analyses.partners.secret import VARIABLE, Secret
from crm_analytics.reports import partners
from tests.analyses.partners import companies
from tests.analyses.partners.companies import SHARED

pytestmark = pytest.mark.usefixtures("somewhere")
TEXT = "a secret of two companies"
SECTIONS = [name for name in partners.__all__ if name[0].islower() and name != "prepare"]


@pytest.fixture(scope="module")
def partner_file() -> pd.DataFrame:
    return analysis.contribution(companies.theirs(), Secret(TEXT.encode()), "alba", "Alba")


@pytest.fixture(scope="module")
def base(partner_file):
    kinds = ["prospect" if n % 2 else "customer" for n in range(len(partner_file))]
    return companies.ours(partner_file.assign(population=kinds))


def texts(report) -> str:
    return "\n".join(repr(getattr(partners, name)(report)) for name in SECTIONS)


def test_lists_stand_beside_the_page_as_long_as_it_says_law(
    base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, TEXT)
    report = partners.prepare(base, run=str(tmp_path))
    said = {item["list"]["name"]: item["list"]["count"]
            for item in partners.actions(report).payload["items"] if "list" in item}  # fmt: skip
    files = {path.stem: len(pd.read_csv(path)) for path in (tmp_path / "lists").glob("*.csv")}
    assert said == files
    assert set(said) == {"partner_offer", "partner_offer_reverse"}
    ours = pd.read_csv(tmp_path / "lists" / "partner_offer.csv")
    assert not ours["customer"].str.contains("zq7").any()
    assert abs((ours["arm"] == "contact").sum() - (ours["arm"] == "hold back").sum()) <= 1
    assert f"Alba shares {SHARED} customers" in repr(partners.headline(report))
    assert "All tokens are made with the agreed secret" in texts(report)


def test_the_secret_is_on_no_page_and_no_hidden_count_in_the_record(
    base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, TEXT)
    report = partners.prepare(base, least=50)
    assert TEXT not in texts(report)
    hidden = report.counts["state"].eq("hidden")
    assert hidden.any()
    facts = partners.record(report).payload["facts"]
    cells = [value for name, value in facts.items() if name.startswith("cell_")]
    assert cells.count("hidden") == hidden.sum()


@pytest.mark.parametrize(
    ("language", "secret", "said"),
    [
        ("en", "the secret of another two", "different secrets"),
        ("de", "the secret of another two", "verschiedene Geheimnisse"),
        ("en", "", "No secret is agreed on yet"),
    ],
)
def test_no_match_says_why(
    base, monkeypatch: pytest.MonkeyPatch, language: str, secret: str, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, secret)
    report = partners.prepare(base, language=language)
    assert said in repr(partners.headline(report))
    texts(report)


def test_an_empty_file_and_no_table_say_what_to_do(partner_file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TEXT)
    few = partners.prepare(companies.ours(partner_file.head(3)))
    assert "enough records" in repr(partners.headline(few))
    none = partners.prepare(companies.ours())
    assert "No partner has given records yet" in repr(partners.headline(none))
    texts(few)
    texts(none)
