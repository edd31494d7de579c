"""docs/scores.md, run as it stands; its tables name what is written."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from crm_analytics.analyses.scores import PARTS
from crm_analytics.runs.schedule.schedule_file import read_schedule
from tests.docs_blocks import blocks, run_and_hold, text_of

TEXT = text_of("docs/scores.md")


def test_every_block_runs_and_gives_the_numbers_it_names(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    assert run_and_hold(TEXT) == 10


def test_its_crm_toml_is_read_as_it_stands(tmp_path) -> None:
    (block,) = blocks(TEXT, "toml")
    (tmp_path / "data" / "company").mkdir(parents=True)
    config = tmp_path / "crm.toml"
    config.write_text(block)
    schedule = read_schedule(config, datetime(2026, 6, 1, tzinfo=UTC))
    assert [one.request.what for one in schedule.scores] == ["scores", "kpis"]
    assert [rule["name"] for rule in schedule.scores[0].request.rules["stages"]] == ["Quiet", "Here"]
    assert schedule.scores[0].request.rules["targets"] == [
        {"kpi": "bought_again", "at_least": 0.4}, {"kpi": "customers_at_risk", "at_most": 500.0},
    ]  # fmt: skip


def test_every_column_that_is_written_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", TEXT)) | {"churn_reason_2"}
    assert {column for part in PARTS.values() for column in part} <= named
