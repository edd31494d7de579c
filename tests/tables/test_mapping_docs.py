"""docs/mapping.md: every key of the mapping stands there, and every example gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.mapping import FIELD_WORDS, TABLE_WORDS, TOP_WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
SECTIONS = {part.splitlines()[0]: part for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}
GIVES = re.compile(
    r"^Gives (?P<rows>\d+) lines? and (?P<revenue>[\d,.]+\d)"
    r"(?:, the last on (?P<day>[\d-]+)|, of (?P<customers>\d+) customers?)?\.$",
    re.MULTILINE,
)


def test_every_key_of_the_mapping_is_documented_law() -> None:
    told = {key for head in SECTIONS for key in re.findall(r"`(\w+)`", head)}
    assert told == {*TOP_WORDS, *TABLE_WORDS, *FIELD_WORDS}


@pytest.mark.parametrize("head", SECTIONS)
def test_every_example_gives_what_it_says_law(head: str, tmp_path: Path) -> None:
    section = SECTIONS[head]
    for name, content in re.findall(r"^```csv (\S+)\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(
        re.findall(r"^```toml\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)[0], encoding="utf-8"
    )
    said = GIVES.search(section)
    assert said is not None
    source = tmp_path / "sales.csv" if len(list(tmp_path.iterdir())) == 2 else tmp_path
    base = CustomerBase.open(source, today="2026-07-01")
    assert base.counts["rows"] == int(said["rows"])
    assert base.counts["revenue"] == float(said["revenue"].replace(",", ""))
    if said["day"]:
        assert base.day.isoformat() == said["day"]
    if said["customers"]:
        assert base.counts["customers"] == int(said["customers"])
