"""docs/sources.md, run as it stands; its tables name what the code reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from crm_analytics.runs.schedule.schedule_file import SourceTable
from crm_analytics.tables.export_kinds import EXPORTS
from crm_analytics.tables.packed_files import ENDINGS, PACKED

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")


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
    assert held >= 4


def test_tables_of_crm_toml_are_as_the_schedule_reads_them() -> None:
    for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL):
        for source in tomllib.loads(block)["source"].values():
            SourceTable.model_validate(source)


def test_endings_extras_and_exports_are_named() -> None:
    named = set(re.findall(r"\.\w+", TEXT))
    assert set(PACKED) <= named
    assert {e for e in ENDINGS if e not in (".tab", ".pq", ".xlsm", ".ddb", ".sqlite3")} <= named
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"crm-analytics\[(\w+)\]", TEXT)) <= extras.keys()
    assert not [k.name for k in EXPORTS if k.name.split()[0] not in TEXT]
