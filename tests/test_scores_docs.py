"""docs/scores.md, run as it stands; its tables name what is written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from crm_analytics.analyses.scores import PARTS
from crm_analytics.runs.schedule.schedule_file import read_schedule

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "scores.md").read_text(encoding="utf-8")


def test_every_block_runs_and_gives_the_numbers_it_names(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    names: dict = {}
    held = 0
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, names)
        for line in block.splitlines():
            told = re.fullmatch(r"(\S.*?\S)\s+# ([\d.]+)", line)
            if told is not None:
                assert eval(told[1], names) == float(told[2]), line
                held += 1
    assert held == 9


def test_its_crm_toml_is_read_as_it_stands(tmp_path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "data" / "company").mkdir(parents=True)
    config = tmp_path / "crm.toml"
    config.write_text(block)
    schedule = read_schedule(config, datetime(2026, 6, 1, tzinfo=UTC))
    assert [one.request.what for one in schedule.scores] == ["scores", "kpis"]
    assert [rule["name"] for rule in schedule.scores[0].request.rules["stages"]] == ["Quiet", "Here"]


def test_every_column_that_is_written_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", TEXT)) | {"churn_reason_2"}
    assert {column for part in PARTS.values() for column in part} <= named
