"""The site builds without a warning, offline, and knows every public name, table, figure and command."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.cli import crm
from crm_analytics.tables.contract import TABLES

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.mark.slow
def test_the_site_names_everything_public(site: Path) -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.html")}
    for name in ("rfm", "btyd", "churn", "products", "equity", "social"):
        for public in importlib.import_module(f"crm_analytics.analyses.{name}").__all__:
            thing = getattr(importlib.import_module(f"crm_analytics.analyses.{name}"), public)
            assert not callable(thing) or public in pages[f"api-{name}"], (name, public)
    for words, page in ((TABLES, "tables"), (REGISTRY, "figures"), (crm.commands, "commands")):
        assert [word for word in words if word not in pages[page]] == []


@pytest.mark.slow
def test_the_site_asks_nobody_for_anything(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text, page
        assert '<link rel="stylesheet" type="text/css" href="http' not in text, page
    assert (site / "searchindex.js").stat().st_size > 10_000
