"""docs/sources.md, run as it stands; its tables name what the code reads."""

from __future__ import annotations

import re
import tomllib

from crm_analytics.runs.schedule.schedule_file import SourceTable
from crm_analytics.tables.export_kinds import EXPORTS
from crm_analytics.tables.packed_files import ENDINGS, PACKED
from tests.docs_blocks import ROOT, blocks, run_and_hold, text_of

TEXT = text_of("docs/sources.md")


def test_every_block_runs_and_gives_the_numbers_it_names(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    assert run_and_hold(TEXT) >= 4


def test_tables_of_crm_toml_are_as_the_schedule_reads_them() -> None:
    for block in blocks(TEXT, "toml"):
        for source in tomllib.loads(block)["source"].values():
            SourceTable.model_validate(source)


def test_endings_extras_and_exports_are_named() -> None:
    named = set(re.findall(r"\.\w+", TEXT))
    assert set(PACKED) <= named
    assert {e for e in ENDINGS if e not in (".tab", ".pq", ".xlsm", ".ddb", ".sqlite3")} <= named
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"crm-analytics\[(\w+)\]", TEXT)) <= extras.keys()
    assert not [k.name for k in EXPORTS if k.name.split()[0] not in TEXT]
