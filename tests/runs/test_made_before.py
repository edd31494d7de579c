"""A project made by version 0.1, before the package was rearranged: its file, pages and wave still work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics.cli import main
from crm_analytics.pages.status import Status
from crm_analytics.runs.job import Job
from crm_analytics.runs.report_run import Workshop
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule

HERE = Path(__file__).with_name("made_before")
KEY = "b74cc4072f9a49763debc751585bdc74f2822ec932ba7e3b144299f0f3ea7c09"
NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    shutil.copytree(HERE, root)
    (root / "published").rename(root / "reports")
    (root / "notebooks").mkdir()
    (root / ".crm-key").write_text(KEY + "\n")
    (root / ".crm-key").chmod(0o600)
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def jobs(project: Path) -> tuple[Job, Job]:
    report, wave = prepare(read_schedule(project / "crm.toml", NOW))
    return report.decision, wave.decision


@pytest.fixture
def crm(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        assert ended.value.code == 0, said.err
        return said.out

    return call


def test_the_index_shows_what_was_published(project: Path, crm: Callable[..., str]) -> None:
    crm("index")
    page = (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert "45 proven buyers who brought 10,605 have gone quiet" in page
    assert "53 to contact" in page


def test_a_wave_that_was_issued_is_not_issued_again(project: Path) -> None:
    _, wave = jobs(project)
    with Workshop() as shop:
        result = wave.result or wave.run(shop)
    assert (result.status, result.day) == (Status.UNCHANGED, "2025-10-22")


def test_whom_the_old_wave_contacted_the_next_leaves_alone(project: Path) -> None:
    path = project / "data" / "shop" / "transactions.csv"
    path.write_text(path.read_text() + "k000,2025-10-30,10.0\n")
    folder = project / "reports" / "lists" / "monthly"
    text = (project / "crm.toml").read_text().replace("days = 30", "days = 30\nevery = '7d'")
    (project / "crm.toml").write_text(text)
    _, wave = jobs(project)
    with Workshop() as shop:
        result = wave.run(shop)
    assert (result.status, result.day) == (Status.DONE, "2025-10-30"), result.message
    before, after = (
        pd.read_parquet(folder / day / "members.parquet") for day in ("2025-10-22", "2025-10-30")
    )
    contacted = set(before.loc[before["treatment"] == "treated", "customer"])
    assert len(contacted) == 53
    assert not contacted & set(after.loc[after["treatment"] == "treated", "customer"])


def test_two_old_runs_are_compared(project: Path, crm: Callable[..., str]) -> None:
    runs = project / "reports" / "segments" / "2025-10-22" / "runs"
    (old,) = runs.iterdir()
    shutil.copytree(old, runs / "20261130T171347Z-00000000")
    manifest = runs / "20261130T171347Z-00000000" / "manifest.json"
    facts = json.loads(manifest.read_text())
    facts["facts"]["quiet_customers"] = 50
    manifest.write_text(json.dumps(facts))
    said = crm("diff", "segments/2025-10-22", str(runs / "20261130T171347Z-00000000"), "--json")
    assert "quiet_customers" in said


def test_a_person_is_taken_out_of_old_waves(project: Path, crm: Callable[..., str]) -> None:
    crm("forget", "k001", "--data", "data/shop", "--yes")
    assert not list((project / "reports" / "segments" / "2025-10-22" / "runs").glob("*"))
    for path in (project / "reports" / "lists").rglob("*"):
        if path.is_file():
            assert b"k001" not in path.read_bytes()


def test_a_notebook_with_an_old_import_is_told_the_new_place() -> None:
    with pytest.raises(ImportError, match=r"write `from crm_analytics.reports import segments`"):
        exec("from crm_analytics.pages import segments")
    with pytest.raises(ImportError, match=r"write `from crm_analytics.reports.shared import provenance`"):
        exec("from crm_analytics.pages import blocks, figures, provenance, words")
    with pytest.raises(ImportError, match=r"write `from crm_analytics.reports import churn`"):
        exec("from crm_analytics.pages.churn import prepare")
