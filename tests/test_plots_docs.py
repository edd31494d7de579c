"""docs/plots.md, run as it stands, and its table of views held against the classes."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import pytest

from crm_analytics.pages import theme
from crm_analytics.tables import demo
from tests.analyses.pictures.test_pictures import CLASSES
from tests.docs_blocks import run, text_of

TEXT = text_of("docs/plots.md")


def test_every_block_runs_and_draws(tmp_path, monkeypatch, small_company_folder, capsys):
    (tmp_path / "notebooks").mkdir()
    demo.write_demo("cdnow", tmp_path / "data")
    (tmp_path / "data" / "company").symlink_to(small_company_folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    names = run(TEXT)
    assert isinstance(names["dark"], go.Figure)
    assert names["dark"].layout.title.font.color == theme.DARK[theme.INK]
    printed = re.findall(r"print\(\w+\) +# (<.*) \.\.\.$", TEXT, re.MULTILINE)
    lines = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    for line, promised in zip(lines, printed, strict=True):
        assert line.startswith(promised)


def test_the_table_names_every_view_of_every_class():
    rows = re.findall(r"^\| \w+ \| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE)
    told = sorted((name, tuple(re.findall(r"`(\w+)`", views))) for name, views in rows)
    assert told == sorted((owner.__name__, plots.views) for owner, plots in CLASSES)


@pytest.mark.parametrize("call", sorted(set(re.findall(r"\.plot\.(\w+)\(", TEXT))))
def test_every_view_that_is_named_exists(call):
    assert call == "data" or any(call in plots.views for _, plots in CLASSES)
