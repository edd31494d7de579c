"""The text file for monitors, and where the seconds go."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from crm_analytics.cli.tables import tell_timings
from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs import timings
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.telling.night_telling import tell_night
from tests.faults.scene import Scene

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
HEAD = 'prometheus = "PLACE"\n[source.shop]\npath = "data/shop"\n[[report]]\nname = "tiny"\nsource = "shop"\n'
LINE = re.compile(r'[a-z_]+\{([a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)+\} [-+.\de]+')


def schedule(root: Path, place: str = "crm.prom") -> Any:
    (root / "crm.toml").write_text(HEAD.replace("PLACE", place))
    return read_schedule(root / "crm.toml", NOW)


def result(slug: str = "one", status: Status = Status.DONE, code: int = 0, **more: Any) -> RunResult:
    return RunResult(name="tiny", slug=slug, status=status, exit_code=code, message="x", seconds=2.5, **more)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Scene.make(tmp_path / "p")
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path / "p"


def test_file_holds_ages_durations_and_codes_in_the_format_of_prometheus(root: Path) -> None:
    place = publish.Place(root / "reports", "tiny", "one")
    publish.publish(place, "r1", {"page.html": b"x"}, {"day": "2026-03-01"}, 12)
    made = {0: result(timings={"check": 0.5, "page": 0.25})}
    assert tell_night(schedule(root), made, 0, 9.5) == ()
    path = root / "crm.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lines = path.read_text().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in samples)
    assert lines[-1]
    assert path.read_text().endswith("\n")
    label = '{schedule="crm",report="tiny",slug="one",source="shop"'
    assert f"crm_report_data_age_days{label}}} 3" in samples
    assert f'crm_report_step_seconds{label},step="check"}} 0.5' in samples
    assert 'crm_run_duration_seconds{schedule="crm"} 9.5' in samples
    assert f'crm_run_start_timestamp_seconds{{schedule="crm"}} {NOW.timestamp():.10g}' in samples
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} >= {"crm_run_exit_code"}

    failed = {0: result('a"b\\c', Status.FAILED, 3)}  # a slug of old files: it must not break the line
    tell_night(schedule(root), failed, 3, 1.0)
    samples = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in samples)
    assert 'crm_run_reports{schedule="crm",status="failed"} 1' in samples
    assert not list(root.glob(".crm.prom*"))


def test_file_that_cannot_be_written_is_told(root: Path) -> None:
    (said,) = tell_night(schedule(root, "nowhere/crm.prom"), {0: result()}, 0, 1.0)
    assert said.startswith("prometheus: ")
    assert "cannot be written (there is no such folder)" in said
    with pytest.raises(ParameterError, match=r'such as "crm.prom"'):
        schedule(root, "reports/index.html")


def test_steps_of_cells_sum_to_the_notebook_law() -> None:
    new = nbformat.v4
    sources = ["base = CustomerBase.open(data)", "r = segments.prepare(base)", "segments.headline(r)", "x"]
    cells = [new.new_code_cell(source) for source in sources]
    for cell, seconds in zip(cells, (0.5, 2.0, 0.25, None), strict=True):
        cell.metadata["papermill"] = {"duration": seconds}
    found = timings.of_cells(new.new_notebook(cells=cells), 4.0)
    assert found == {"prepare": 2.5, "cells": 0.25, "kernel": 1.25}
    assert timings.of_cells(None, 1.0)["kernel"] == 1.0


def test_table_of_seconds_says_dash_for_what_was_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    tell_timings([result(timings={"check": 0.5, "page": 0.25}), result("two", timings={"page": 1.0})])
    out, err = capsys.readouterr()
    assert out == ""
    head, *rows = err.splitlines()[1:]
    assert head.split() == ["report", *timings.STEPS, "in", "all"]
    assert rows[0].split()[:5] == ["tiny", "one", "-", "0.50", "-"]
    assert rows[1].split()[3] == "-"
    assert rows[2].split()[0] == "sum"
    assert rows[2].split()[-1] == "5.00"
    tell_timings([result()])
    assert "nothing to time" in capsys.readouterr().err
