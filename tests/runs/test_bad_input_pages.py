"""Every kind of bad input becomes a page that opens and says what to do, in the language of the report."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import CrmError
from crm_analytics.runs import run_files
from crm_analytics.runs.plan import RunRequest, plan_run
from tests.faults.scene import Scene

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
HEAD = "customer_id,transaction_date,unit_spend"


def lines(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join((head, *rows, "")).encode()


def days(what: str, count: int = 60) -> bytes:
    return lines(*(what.format(who=n % 9, day=n % 28 + 1, half=n % 2 + 1) for n in range(count)))


GOOD = days("{who},2026-01-{day:02d},5")
# name -> files of the source, and what its page says is to be done
KINDS: dict[str, tuple[dict[str, bytes], str]] = {
    "an empty file": ({"transactions.csv": b""}, "expected a header line and rows"),
    "a head without rows": ({"transactions.csv": lines()}, "not one row of data"),
    "other columns": ({"transactions.csv": lines("1,2", head="foo,bar")}, r"Say in mapping\.toml"),
    "no head": ({"transactions.csv": lines("2,2026-01-05,7", head="1,2026-01-02,5")}, "is the line with"),
    "amounts that are words": (
        {"transactions.csv": lines(*(f"{n % 9},2026-01-05,{'x' if n % 3 == 0 else 5}" for n in range(60)))},
        "Repair the source",
    ),
    "dates in two orders": ({"transactions.csv": days("{who},0{half}/03/2026,5")}, "Say which it is"),
    "two currencies": (
        {"transactions.csv": lines(*(f"{n % 9},2026-01-05,5,{'EUR' if n % 2 else 'USD'}" for n in range(60)),
                        head=f"{HEAD},currency")},
        "Convert them to one",
    ),
    "only days to come": ({"transactions.csv": days("{who},2031-01-{day:02d},5")}, "lies after today"),
    "a picture": ({"transactions.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10}, "no column"),
    "a mapping that is no TOML": ({"transactions.csv": GOOD, "mapping.toml": b"x = ["}, "is not valid TOML"),
    "a mapping to nothing": (
        {"transactions.csv": GOOD, "mapping.toml": b"[transactions]\nunit_spend = \"sum\"\n"},
        "there is no column 'sum'",
    ),
    "an empty folder": ({}, "expected CSV, Parquet, JSON"),
    "Parquet cut short": ({"transactions.parquet": b"PAR1abc"}, "is no(t a)? readable"),
    "a workbook that is none": ({"transactions.xlsx": b"PK\x03\x04abc"}, "is no(t a)? readable"),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    Scene.make(root)
    notebook = root / "notebooks" / "tiny.ipynb"
    text = notebook.read_text().replace("number: int = 0", 'language: str = \\"en\\"\\nnumber: int = 0')
    notebook.write_text(text)
    return root


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_becomes_a_page_that_says_what_to_do(
    kind: str, language: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    files, words = KINDS[kind]
    source = tmp_path / "shop"
    source.mkdir()
    for name, content in files.items():
        (source / name).write_bytes(content)
    with pytest.raises(CrmError) as found:
        CustomerBase.open(source, today=date(2026, 3, 4))
    request = RunRequest(
        "tiny", NOW, data=str(source), out=project / "reports", parameters={"language": language}
    )
    made = plan_run(request)
    outcome = run_files.failure(run_files.Record(made), made.place("undated"), found.value, last_good=None)
    page = outcome.files["failure.html"].decode()
    body = re.sub(r"(?s)<style>.*?</style>", "", page)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
    assert f'<html lang="{language}">' in page
    assert re.search(words, text), text
    assert run_files.next_step(found.value.exit_code, language) in text
    assert str(tmp_path) not in page
    assert "Traceback" not in page
    assert outcome.exit_code in (2, 3)
