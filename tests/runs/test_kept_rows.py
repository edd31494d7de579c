"""A night that reads only new files publishes the page of a night that reads everything."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics.runs.publishing import kept_rows, suppressions
from crm_analytics.runs.report_run import RunRequest, run_report
from crm_analytics.tables.project_key import ensure_key, fingerprint
from tests.tables.test_kept_rows import lines

NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with purchases in one file a day."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "shop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_DISPLAY", raising=False)
    ensure_key(tmp_path)
    for number in range(40, 46):
        put(tmp_path, number)
    return tmp_path


def put(project: Path, number: int, frame: pd.DataFrame | None = None) -> None:
    """A day's file, new or written anew."""
    frame = lines(number, rows=40) if frame is None else frame
    frame.to_csv(project / "data" / "shop" / f"sales_{number:03}.csv", index=False)


def request(project: Path, out: str = "reports") -> RunRequest:
    return RunRequest(
        "segments", NOW, data="shop", slug="s", out=project / out, keep_rows=True, root=project
    )  # fmt: skip


def page(project: Path, out: str) -> bytes:
    return (project / out / "segments" / "s" / "report.html").read_bytes()


def test_page_from_kept_rows_is_that_of_all_rows(project: Path) -> None:
    assert "nothing was kept yet" in run_report(request(project)).note
    put(project, 46)
    put(project, 42, lines(42, seed=7, rows=40))  # in the middle, written anew
    (project / "data" / "shop" / "sales_041.csv").unlink()
    made = run_report(request(project))
    assert made.exit_code == 0
    assert "read 2 of 6 files of purchases; 1 is gone" in made.note
    assert "nothing was kept yet" in run_report(request(project, "whole")).note
    assert page(project, "reports") == page(project, "whole")


def test_forgetting_deletes_what_is_kept_and_keeps_nothing_while_the_source_has_the_person(
    project: Path,
) -> None:
    out, key = project / "reports", ensure_key(project)
    store = kept_rows.store_of(out, "shop", key)
    opened = replace(request(project), report="segments")
    assert run_report(opened).exit_code == 0
    assert kept_rows.holding(out, ["c3"])[0].folder == store.folder
    assert not kept_rows.holding(out, ["nobody"])
    about = json.loads((store.folder / "state.json").read_text())
    assert about["key"] == fingerprint(key)
    suppressions.suppress(out, "c3", key)
    kept_rows.forget(out)
    assert not kept_rows.holding(out, ["c3"])
    note = run_report(replace(opened, force=True)).note
    assert "somebody who was forgotten is still in the source" in note
    assert not kept_rows.holding(out, ["c3"])
